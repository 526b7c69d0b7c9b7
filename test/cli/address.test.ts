// Hosts, ports, pairs of addresses: what is taken, what is refused, and in what words.

import { describe, expect, test } from "vitest";
import { parseHost, parseListen, parsePairs } from "../../src/cli/address.js";
import { refuseLoop, refuseSmallMtu } from "../../src/cli/options.js";

describe("hosts", () => {
  test.each([
    ["192.0.2.1", { host: "192.0.2.1" }],
    ["192.0.2.1:1338", { host: "192.0.2.1", port: 1338 }],
    ["vpn.example.org", { host: "vpn.example.org" }],
    ["vpn.example.org:1", { host: "vpn.example.org", port: 1 }],
    ["my_host", { host: "my_host" }],
    ["2001:db8::1", { host: "2001:db8::1" }],
    ["[2001:db8::1]", { host: "2001:db8::1" }],
    ["[2001:db8::1]:65535", { host: "2001:db8::1", port: 65_535 }],
    ["fe80::1%eth0", { host: "fe80::1%eth0" }],
    ["FE80:0::1%eth0", { host: "fe80::1%eth0" }],
    ["fe80::1%4000000", { host: "fe80::1%4000000" }],
    ["::ffff:192.0.2.1", { host: "192.0.2.1" }],
    ["müller.example", { host: "xn--mller-kva.example" }],
    ["[fe80::1%eth0]:1338", { host: "fe80::1%eth0", port: 1338 }],
  ])("%s", (text, expected) => {
    expect(parseHost(text, "-p")).toEqual(expected);
  });

  test.each([
    "",
    "300.1.2.3",
    "1.2.3",
    "12345",
    "a b",
    "-x",
    "host:",
    "host:0",
    "host:65536",
    "host:1337x",
    "[1.2.3.4]:5",
    "[]",
    "2001:db8::1::2",
    "host;reboot",
    "0x7f000001",
    "host.0x7f",
    "1.2.3.4.5",
    "host\u202e",
    ":1337",
  ])("%j is refused", (text) => {
    expect(() => parseHost(text, "-p")).toThrow(/^-p: /);
  });
});

describe("where to listen", () => {
  test.each([
    ["1338", { port: 1338 }],
    ["0", { port: 0 }],
    ["192.0.2.1:1338", { address: "192.0.2.1", port: 1338 }],
    ["[2001:DB8:0::1]:1338", { address: "2001:db8::1", port: 1338 }],
  ])("%s", (text, expected) => {
    expect(parseListen(text)).toEqual(expected);
  });

  test.each(["", "65536", "host:1", "192.0.2.1", "::1", "-1", "1.5"])("%j is refused", (text) => {
    expect(() => parseListen(text)).toThrow(/^--listen: /);
  });
});

describe("pairs", () => {
  test("one, several, of both families, with a prefix at either end", () => {
    expect(parsePairs(["10.8.0.1", "10.8.0.2"])).toEqual([
      { local: "10.8.0.1", peer: "10.8.0.2", prefix: 32 },
    ]);
    expect(parsePairs(["10.8.0.1/24", "10.8.0.2", "FD00:0::1", "fd00::2/64"])).toEqual([
      { local: "10.8.0.1", peer: "10.8.0.2", prefix: 24 },
      { local: "fd00::1", peer: "fd00::2", prefix: 64 },
    ]);
    expect(parsePairs(["10.8.0.1", "10.9.0.2/24"])).toEqual([
      { local: "10.8.0.1", peer: "10.9.0.2", prefix: 24 },
    ]);
  });

  test.each([
    [[], "LOCAL_IP and PEER_IP are missing"],
    [["10.8.0.1"], 'PEER_IP is missing after "10.8.0.1"'],
    [["10.8.0.1", "10.8.0.2", "fd00::1"], 'PEER_IP is missing after "fd00::1"'],
    [["10.8.0.256", "10.8.0.2"], 'LOCAL_IP: "10.8.0.256" is not an IP address'],
    [["10.8.0.1", "peer"], 'PEER_IP: "peer" is not an IP address'],
    [["10.8.0.1", "fe80::1%eth0"], "is not an IP address"],
    [["10.8.0.1", "10.8.0.2/24/8"], "is not an IP address"],
    [["10.8.0.1", "fd00::2"], "10.8.0.1 is IPv4 and fd00::2 is IPv6"],
    [["10.8.0.1", "10.8.0.1"], "are both 10.8.0.1"],
    [["fd00::1", "fd00:0::1"], "are both fd00::1"],
    [["10.8.0.1/33", "10.8.0.2"], '"/33" is not a prefix: write /1 to /32'],
    [["10.8.0.1/", "10.8.0.2"], '"/" is not a prefix'],
    [["10.8.0.1/0", "10.8.0.2"], '"/0" is not a prefix'],
    [["10.8.0.1/24", "10.8.0.2/25"], "networks of two sizes"],
    [["10.8.0.1/24", "10.9.0.2"], "10.9.0.2 is not in the network 10.8.0.1/24"],
    [["0.0.0.0", "10.8.0.2"], "0.0.0.0 is unspecified"],
    [["127.0.0.1", "10.8.0.2"], "127.0.0.1 is a loopback address"],
    [["10.8.0.1", "224.0.0.1"], "224.0.0.1 is a multicast address"],
    [["10.8.0.1", "255.255.255.255"], "255.255.255.255 is the broadcast address"],
    [["::", "fd00::2"], ":: is unspecified"],
    [["fd00::1", "ff02::1"], "ff02::1 is a multicast address"],
    [["10.8.0.1", "10.8.0.2", "10.8.0.1", "10.8.0.2"], "is given twice"],
  ])("%j: %s", (words, sentence) => {
    expect(() => parsePairs(words)).toThrow(sentence);
  });
});

describe("addresses at layer 2", () => {
  test("may be left out, stand alone with a /PREFIX, or come in pairs", () => {
    const pairs = (...words: string[]) => parsePairs(words, 2);
    expect(pairs()).toEqual([]);
    const alone = { local: "10.8.0.1", peer: "10.8.0.1", prefix: 24 };
    const pair = { local: "10.8.0.1", peer: "10.8.0.2" };
    const six = { local: "fd00::1", peer: "fd00::1", prefix: 64 };
    expect(pairs("10.8.0.1/24")).toEqual([alone]);
    expect(pairs("10.8.0.1/24", "FD00::1/64")).toEqual([alone, six]);
    expect(pairs("10.8.0.1", "10.8.0.2")).toEqual([{ ...pair, prefix: 32 }]);
    expect(pairs("10.8.0.1/24", "10.8.0.2", "fd00::1/64")).toEqual([{ ...pair, prefix: 24 }, six]);
  });

  test.each([
    [["10.8.0.1"], 'PEER_IP is missing after "10.8.0.1": inner addresses come in pairs'],
    [["10.8.0.1/24", "10.8.0.1/24"], "the address 10.8.0.1 is given twice"],
    [["10.8.0.1/33"], '"/33" is not a prefix'],
    [["10.8.0.1/24", "fd00::2"], "10.8.0.1 is IPv4 and fd00::2 is IPv6"],
  ])("%j: %s", (words, sentence) => {
    expect(() => parsePairs(words, 2)).toThrow(sentence);
  });

  test("lead into the tunnel", () => {
    expect(() => refuseLoop("10.8.0.9", parsePairs(["10.8.0.1/24"], 2))).toThrow("lies inside");
  });
});

describe("routing loops", () => {
  const pairs = parsePairs(["10.8.0.1/24", "10.8.0.2", "fd00::1", "fd00::2"]);

  test.each(["10.8.0.1", "10.8.0.2", "10.8.0.77", "fd00::1", "fd00::2"])("%s", (host) => {
    expect(() => refuseLoop(host, pairs)).toThrow("inside the tunnel");
  });

  test.each(["10.8.1.1", "fd00::3", "example.org", "192.0.2.1"])("%s is none", (host) => {
    expect(() => refuseLoop(host, pairs)).not.toThrow();
  });
});

test("an MTU that is too small is refused with the reason", () => {
  const ipv4 = parsePairs(["10.8.0.1", "10.8.0.2"]);
  const both = parsePairs(["10.8.0.1", "10.8.0.2", "fd00::1", "fd00::2"]);
  expect(() => refuseSmallMtu(1279, ipv4, "usage", "")).not.toThrow();
  expect(() => refuseSmallMtu(1280, both, "usage", "")).not.toThrow();
  expect(() => refuseSmallMtu(1279, both, "usage", "as --mtu says")).toThrow(
    "an MTU of 1279 bytes (as --mtu says) is too small for fd00::1: IPv6 needs 1280",
  );
  expect(() => refuseSmallMtu(67, ipv4, "usage", "")).toThrow("IPv4 needs 68");
});
