// The words of a tunnel over TCP: which end they make, and what is refused at the start.

import { describe, expect, test } from "vitest";
import { chooseEngine } from "../../src/cli/engine.js";
import { crapvpn } from "./program.js";

/** A name without an address: it ends there if all else is well. */
const NOBODY = "nobody.invalid";
const inner = ["10.8.0.1", "10.8.0.2"];
const run = (...words: string[]) => {
  const { code, stderr } = crapvpn(["run", ...words, ...inner], { env: { CRAPVPN_KEY: "00" } });
  return { code, said: stderr.replace(/^crapvpn: warning: .*\n/gm, "") };
};
const refused = (sentence: string) => ({ code: 2, said: `crapvpn: ${sentence}\n` });

describe("which format TCP carries", () => {
  test.each([
    ["--tcp alone means crapvpn-tcp", ["--tcp"]],
    ["a format that has nothing else needs no --tcp", ["--format", "crapvpn-tcp"]],
    ["Ethernet frames too", ["--format", "vde-stream", "--layer", "2"]],
  ])("%s", (_, words) => {
    const port = words.includes("vde-stream") ? ":1234" : "";
    const { code, said } = run(...words, "-p", `${NOBODY}${port}`);
    expect({ code, said }).toEqual({ code: 5, said: expect.stringContaining(NOBODY) });
  });

  test("one whose datagrams cannot be told apart in a stream is refused", () => {
    expect(run("--tcp", "--format", "vxlan", "-p", NOBODY)).toEqual(
      refused(
        "--tcp: nothing in vxlan says where a datagram ends in a stream, so TCP cannot carry it: name a format for TCP, such as --format crapvpn-tcp",
      ),
    );
  });

  test("one that is for UDP alone is refused", () => {
    expect(run("--tcp", "--format", "crapvpn", "-p", NOBODY)).toEqual(
      refused(
        "--tcp: crapvpn is described for UDP alone: name a format for TCP, such as --format crapvpn-tcp",
      ),
    );
  });

  test("none is meant for Ethernet frames", () => {
    expect(run("--tcp", "--layer", "2", "-p", NOBODY)).toEqual(
      refused(
        "crapvpn has no Ethernet frames over TCP: leave --tcp or --layer 2, or name a format that has, such as --format qemu-socket-tcp",
      ),
    );
  });
});

describe("which end it is", () => {
  test.each([
    [
      "neither",
      ["--tcp"],
      "no peer: give -p HOST to connect to it, or --listen 1337 to be connected to",
    ],
    [
      "both",
      ["--tcp", "-p", NOBODY, "--listen", "1337"],
      "over TCP one end connects and the other is connected to: give -p HOST at the one and --listen PORT at the other",
    ],
    [
      "no port",
      ["--format", "qemu-socket-tcp", "-p", NOBODY],
      "qemu-socket-tcp has no port of its own: give -p HOST:PORT",
    ],
    [
      "--only-peer without a peer",
      ["--tcp", "--listen", "1337", "--only-peer"],
      "--only-peer needs a peer, and who connects to --listen is not known: leave it, or listen on an address that only the peer reaches",
    ],
    [
      "a peer inside the tunnel",
      ["--tcp", "-p", "10.8.0.2"],
      "-p: 10.8.0.2 lies inside the tunnel (10.8.0.2/32): its datagrams would be routed back into it; -p takes the other host's outer address",
    ],
  ])("%s", (_, words, sentence) => {
    expect(run(...words)).toEqual(refused(sentence));
  });

  test("an MTU that no frame carries is refused", () => {
    const { code, said } = run("--tcp", "--listen", "0", "--mtu", "1000", "fd00::1", "fd00::2");
    expect({ code, said }).toEqual({ code: 2, said: expect.stringContaining("IPv6 needs 1280") });
  });
});

describe("the engine over TCP", () => {
  test("is the event engine, and why is said", async () => {
    expect(await chooseEngine("auto", "tcp")).toEqual({
      name: "event",
      why: "over TCP there is no other",
    });
    expect((await chooseEngine("event", "tcp")).name).toBe("event");
  });

  test("is not the batch engine", () => {
    const sentence =
      "the batch engine has UDP alone: leave --engine batch (or CRAPVPN_ENGINE) for a tunnel over TCP";
    expect(run("--tcp", "--engine", "batch", "-p", NOBODY)).toEqual(refused(sentence));
  });
});

test("the lab has UDP alone, and says so", () => {
  const { code, stderr } = crapvpn(["lab", "--format", "crapvpn-tcp"]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr:
      "crapvpn: the lab joins its hosts over UDP, and crapvpn-tcp goes over TCP: choose another --format, or join two hosts with run --tcp\n",
  });
});
