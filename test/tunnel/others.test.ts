// Formats of others, run: against the kernel's own tunnels, where it has them, and between two of ours
// as Wireshark reads them.

import { spawnSync } from "node:child_process";
import { afterEach, describe, expect, test } from "vitest";
import type { Host } from "../../src/lab/host.js";
import { crapvpn } from "../cli/program.js";
import { dissect } from "../formats/wireshark.js";
import {
  cleanUp,
  type DropTold,
  deviceState,
  type End,
  INNER,
  launch,
  OUTER,
  pings,
  reaches,
  silentHosts,
  start,
  type TwoHosts,
  twoHosts,
} from "./ends.js";
import { Capture, exchangeHttp, lostPings, push, sendUdp, serveHttp } from "./scripts.js";

afterEach(cleanUp);

const MB = 1_000_000;
/** 1500 − 20 − 8 − 8 − 14. */
const MTU = 1450;

/** The tunnels that this kernel has, as `doctor` finds. */
const kernel: readonly string[] = (() => {
  const { findings } = JSON.parse(crapvpn(["doctor", "--json"]).stdout);
  const found = findings.find(({ name }: { name: string }) => name === "kernel_tunnels");
  return found?.data.has ?? [];
})();

/** Ours, on host a. */
function ours(host: Host, format: string, more: readonly string[]): Promise<End> {
  return start(host, ["--format", format, "-p", OUTER.b, ...more]);
}

/** The kernel's own end on host b, with addresses of both families. */
async function kernelEnd({ b }: TwoHosts, lines: readonly string[], mtu = MTU): Promise<void> {
  const all = [
    ...lines,
    `link set k0 mtu ${mtu}`,
    `address add ${INNER.b}/24 dev k0`,
    `address add ${INNER.b6}/64 dev k0 nodad`,
    "link set k0 up",
  ];
  await b.execOrThrow("ip", ["-batch", "-"], { input: `${all.join("\n")}\n` });
  // Over a cable the kernel leaves the checksums inside unfinished, for a card that is not there.
  await b.exec("ethtool", ["-K", "k0", "tx", "off"]);
}

const vxlanOf = (vni: number) =>
  `link add k0 type vxlan id ${vni} remote ${OUTER.a} dstport 4789 dev eth0`;
const NETWORKS = [`${INNER.a}/24`, `${INNER.a6}/64`];

describe.skipIf(!kernel.includes("vxlan"))("the kernel's vxlan (needs one in the kernel)", () => {
  test.each(["batch", "event"])(
    "finds ours, %s, by ARP and neighbour discovery, and takes 10 MB each way",
    async (engine) => {
      const hosts = await twoHosts();
      await kernelEnd(hosts, [vxlanOf(42)]);
      const end = await ours(hosts.a, "vxlan", [
        ...["--set", "vni=42", "--layer", "2", "--engine", engine],
        ...NETWORKS,
      ]);
      expect(end.events("start")[0]).toMatchObject({ engine, layer: 2, mtu: MTU });
      await reaches(hosts.a, INNER.b);
      await reaches(hosts.b, INNER.a6);
      for (const [from, to, address] of [
        [hosts.a, INNER.b, INNER.b6],
        [hosts.b, INNER.a, INNER.a6],
      ] as const) {
        const [most, most6] = [MTU - 28, MTU - 48];
        expect(await lostPings(from, to, [0, 56, 1000, most])).toEqual([]);
        expect(await lostPings(from, address, [0, 56, 1000, most6])).toEqual([]);
        expect(await pings(from, to, { size: most, more: ["-M", "do"] })).toBe(true);
      }
      await serveHttp(hosts.b);
      await serveHttp(hosts.a);
      for (const [from, to] of [
        [hosts.a, INNER.b],
        [hosts.b, INNER.a],
        [hosts.a, INNER.b6],
      ] as const) {
        const { sent, got, put } = await exchangeHttp(from, to, 10 * MB);
        expect([got, put]).toEqual([sent, sent]);
      }
      const { in: received, out } = await end.stats();
      expect([received.drops, out.drops]).toEqual([{}, {}]);
    },
  );

  test("is reached over IPv6, and gives its device the MTU that ours has", async () => {
    const hosts = await twoHosts();
    const vxlan = `link add k0 type vxlan id 42 remote ${OUTER.a6} dstport 4789 dev eth0`;
    const lines = [vxlan, `address add ${INNER.b}/24 dev k0`, "link set k0 up"];
    await hosts.b.execOrThrow("ip", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
    const words = ["--format", "vxlan", "--set", "vni=42", "-p", `[${OUTER.b6}]`];
    const end = await start(hosts.a, [...words, `${INNER.a}/24`]);
    const { mtu } = await deviceState(hosts.b, "k0");
    expect(end.events("start")[0]).toMatchObject({ mtu });
    await reaches(hosts.a, INNER.b);
    expect(await pings(hosts.a, INNER.b, { size: mtu - 28, more: ["-M", "do"] })).toBe(true);
  });

  test("of several VNIs, one after the other", async () => {
    const hosts = await silentHosts();
    for (const vni of [0, 1, 4096, 16_777_215]) {
      const lines = [vxlanOf(vni), `address add ${INNER.b}/24 dev k0`, "link set k0 up"];
      await hosts.b.execOrThrow("ip", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
      const end = await ours(hosts.a, "vxlan", ["--set", `vni=${vni}`, `${INNER.a}/24`]);
      await reaches(hosts.a, INNER.b);
      expect((await end.stop()).code).toBe(143);
      await hosts.b.execOrThrow("ip", ["link", "del", "k0"]);
    }
  });

  test("of another VNI is not heard: its datagrams are drops, and the field is named", async () => {
    const hosts = await silentHosts();
    const lines = [vxlanOf(43), `address add ${INNER.b}/24 dev k0`, "link set k0 up"];
    await hosts.b.execOrThrow("ip", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
    const end = await ours(hosts.a, "vxlan", ["--set", "vni=42", `${INNER.a}/24`]);
    await push(hosts.b, INNER.a, 3);
    const { in: received } = await end.counters(
      ({ in: { drops } }) => (drops.value ?? 0) > 0,
      "a drop for its value",
    );
    expect(received.packets).toBe(0);
    const [drop] = end.drops("value") as DropTold[];
    expect(drop).toMatchObject({ field: "vxlan.vni", offset: 4, expected: "42", found: "43" });
  });

  test("on our own host has the port: that ends it with 5, and its device is named", async () => {
    const { b } = await silentHosts();
    const lines = [vxlanOf(42), "link set k0 up"];
    await b.execOrThrow("ip", ["-batch", "-"], { input: `${lines.join("\n")}\n` });
    const words = ["--format", "vxlan", "--set", "vni=42", "-p", OUTER.a];
    const { code, stderr } = await launch(b, words).ended;
    expect(code).toBe(5);
    expect(stderr).toBe(
      "crapvpn: UDP 0.0.0.0:4789 belongs to k0, a vxlan device of the kernel: delete that, or choose another port with --listen PORT\n  sudo ip link del dev k0\n",
    );
  });
});

describe("other tunnels of the kernel, each where it has that", () => {
  const fou = (port: number, protocol: number) => `fou add port ${port} ipproto ${protocol}`;
  const over = (port: number) =>
    `local ${OUTER.b} remote ${OUTER.a} encap fou encap-sport ${port} encap-dport ${port}`;
  test.for([
    {
      name: "geneve",
      needs: ["geneve"],
      format: "geneve",
      words: ["--set", "vni=42", "--layer", "2", ...NETWORKS],
      lines: [`link add k0 type geneve id 42 remote ${OUTER.a} dstport 6081`],
      mtu: MTU,
    },
    {
      name: "gre in udp",
      needs: ["gre", "fou"],
      format: "gre-udp",
      words: ["--layer", "2", ...NETWORKS],
      lines: [fou(4754, 47), `link add k0 type gretap ${over(4754)}`],
      mtu: 1400,
    },
    {
      name: "foo over udp",
      needs: ["fou"],
      format: "bare-ip",
      words: [INNER.a, INNER.b],
      lines: [fou(8285, 4), `link add k0 type ipip ${over(8285)}`],
      mtu: 1400,
    },
  ])("$name", async ({ name, needs, format, words, lines, mtu }, { skip }) => {
    const lack = needs.find((need) => !kernel.includes(need));
    if (lack !== undefined) skip(`${name} needs a kernel with ${lack}`);
    const hosts = await twoHosts();
    await kernelEnd(hosts, lines, mtu);
    const end = await ours(hosts.a, format, words);
    await reaches(hosts.a, INNER.b);
    expect(await lostPings(hosts.b, INNER.a, [0, 56, 1000, mtu - 28])).toEqual([]);
    await serveHttp(hosts.b);
    const { sent, got, put } = await exchangeHttp(hosts.a, INNER.b, 10 * MB);
    expect([got, put]).toEqual([sent, sent]);
    expect((await end.stats()).in.drops).toEqual({});
  });
});

const tshark = spawnSync("tshark", ["--version"]).error === undefined;

/** Two of ours by one format, each with words of its own and addresses after its layer. */
const pairs = [
  {
    name: "geneve, frames",
    format: "geneve",
    layer: 2,
    a: ["--set", "vni=42"],
    b: ["--set", "vni=42"],
    dissector: { port: 6081, name: "geneve" },
    columns: { "geneve.proto_type": "25944", "geneve.vni": "42" },
  },
  {
    name: "geneve, packets",
    format: "geneve",
    layer: 3,
    a: ["--set", "vni=42"],
    b: ["--set", "vni=42"],
    dissector: { port: 6081, name: "geneve" },
    columns: { "geneve.proto_type": "2048", "geneve.vni": "42" },
  },
  {
    name: "gre, frames, with all its parts",
    format: "gre-udp",
    layer: 2,
    a: ["--set", "key=7", "--set", "flags.checksum=1", "--set", "flags.sequence_number=1"],
    b: ["--set", "key=7"],
    dissector: { port: 4754, name: "gre" },
    columns: { "gre.proto": "25944", "gre.key": "7", "gre.checksum.status": "1" },
  },
  {
    name: "gtpu, an id each way",
    format: "gtpu",
    layer: 3,
    a: ["--set", "teid=7", "--expect", "teid=8"],
    b: ["--set", "teid=8", "--expect", "teid=7"],
    dissector: { port: 2152, name: "gtp" },
    columns: { "gtp.message": "255", "gtp.teid": "7" },
  },
  {
    name: "l2tpv3, an id and a cookie each way",
    format: "l2tpv3-udp",
    layer: 2,
    a: [
      ...["--set", "cookie_size=8", "--set", "sid=7", "--set", "cookie=0x0102030405060708"],
      ...["--expect", "sid=8", "--expect", "cookie=0x1112131415161718"],
    ],
    b: [
      ...["--set", "cookie_size=8", "--set", "sid=8", "--set", "cookie=0x1112131415161718"],
      ...["--expect", "sid=7", "--expect", "cookie=0x0102030405060708"],
    ],
    dissector: {
      port: 1701,
      name: "l2tp",
      options: [
        ...["-d", "l2tp.pw_type==0,eth", "-o", "l2tp.cookie_size:8 Byte Cookie"],
        ...["-o", "l2tp.l2_specific:Default L2-Specific"],
      ],
    },
    columns: { "l2tp.version": "3", "l2tp.sid": "7", "l2tp.cookie": "0102030405060708" },
  },
];

describe.skipIf(!tshark)("between two of ours, and as tshark reads it (needs tshark)", () => {
  test.each(pairs)("$name", async ({ format, layer, a, b, dissector, columns }) => {
    const hosts = await silentHosts();
    const words = (name: "a" | "b") => {
      const other = name === "a" ? "b" : "a";
      const inner = layer === 2 ? [`${INNER[name]}/24`] : [INNER[name], INNER[other]];
      const own = name === "a" ? a : b;
      return ["--format", format, "--layer", `${layer}`, ...own, "-p", OUTER[other], ...inner];
    };
    const ends = await Promise.all([start(hosts.a, words("a")), start(hosts.b, words("b"))]);
    const filter = `udp dst port ${dissector.port} and dst ${OUTER.b}`;
    const capture = await Capture.start(hosts.b, "eth0", filter);
    await reaches(hosts.a, INNER.b);
    expect(await lostPings(hosts.a, INNER.b, [0, 56, 1000])).toEqual([]);
    const datagrams = (await capture.atLeast(4)).map((packet) => packet.subarray(28));
    const inside = { "ip.dst": INNER.b, "icmp.type": "8" };
    const wanted = { ...columns, ...inside };
    const read = dissect(datagrams, Object.keys(wanted), dissector);
    const echoes = read.filter((row) => row["icmp.type"] === "8");
    expect(echoes.length).toBeGreaterThanOrEqual(4);
    for (const row of echoes) expect(row).toEqual(wanted);
    await serveHttp(hosts.b);
    const { sent, got, put } = await exchangeHttp(hosts.a, INNER.b, MB);
    expect([got, put]).toEqual([sent, sent]);
    for (const end of ends) {
      const { in: received, out } = await end.stats();
      expect([received.drops, out.drops]).toEqual([{}, {}]);
    }
  });
});

describe("messages without a packet are counted, and never come out of the device", () => {
  const echoRequest = Buffer.from("3201000400000007" + "00000000", "hex");
  const endMarker = Buffer.from("30fe000000000007", "hex");
  const hello = Buffer.from(`c8030014${"00".repeat(16)}`, "hex");
  test.each([
    {
      format: "gtpu",
      words: ["--set", "teid=7", INNER.a, INNER.b],
      device: "tun0",
      port: 2152,
      messages: [echoRequest, endMarker],
    },
    {
      format: "l2tpv3-udp",
      words: ["--set", "sid=7", `${INNER.a}/24`],
      device: "tap0",
      port: 1701,
      messages: [hello],
    },
  ])("of $format", async ({ format, words, device, port, messages }) => {
    const hosts = await silentHosts();
    const end = await ours(hosts.a, format, words);
    const written = async () => {
      const { stdout } = await hosts.a.execOrThrow("ip", ["-j", "-s", "link", "show", device]);
      return JSON.parse(stdout)[0].stats64.rx.packets;
    };
    // The batch engine has written to it already, to try what it takes.
    const before = await written();
    await sendUdp(hosts.b, OUTER.a, port, messages);
    const { in: received } = await end.counters(
      ({ in: { drops } }) => drops.no_packet === messages.length,
      "each is counted",
    );
    expect(received).toEqual({ packets: 0, bytes: 0, drops: { no_packet: messages.length } });
    expect(await written()).toBe(before);
  });
});
