// What the core encapsulates, Wireshark's own dissectors read: the fields, and the packet inside.

import { describe, expect, test } from "vitest";
import type { PacketName } from "../../src/core/core.js";
import { seeded } from "../tunnel/random.js";
import { encode } from "./core.js";
import { type Columns, type Dissector, dissect, hasTshark } from "./wireshark.js";

const PACKETS = 12;
const random = seeded(8926);

type Inside = "ipv4" | "ipv6" | "ethernet";

/** A packet, and what Wireshark has to find in it. */
interface Packet {
  readonly inside: Inside;
  readonly bytes: Uint8Array;
  readonly columns: Columns;
}

/** Values given for one tunnel, and what Wireshark has to read in each of its datagrams. */
interface Values {
  readonly set: readonly string[];
  /** `number` counts the datagrams of the tunnel, from 0. */
  readonly columns: (packet: Packet, number: number) => Columns;
}

const below = (bits: number) => String(random(2 ** bits));
const ETHERTYPE = { ipv4: "2048", ipv6: "34525", ethernet: "25944" };

/** UDP with random bytes, in an IPv4 or IPv6 packet; behind an Ethernet header, if so. */
function packet(inside: Inside): Packet {
  const payload = Buffer.from(Array.from({ length: 1 + random(1300) }, () => random(256)));
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(65_000, 0);
  udp.writeUInt16BE(65_001, 2);
  udp.writeUInt16BE(8 + payload.length, 4);
  const columns = { "udp.srcport": "65000", "udp.payload": payload.toString("hex") };
  if (inside === "ipv6") {
    const hops = 1 + random(255);
    const header = Buffer.alloc(40);
    header.writeUInt32BE(0x60000000, 0);
    header.writeUInt16BE(udp.length + payload.length, 4);
    header[6] = 17;
    header[7] = hops;
    const bytes = Buffer.concat([header, udp, payload]);
    return { inside, bytes, columns: { ...columns, "ipv6.hlim": String(hops) } };
  }
  const id = random(2 ** 16);
  const header = Buffer.from("4500000000004000401100000a0900010a090002", "hex");
  header.writeUInt16BE(20 + udp.length + payload.length, 2);
  header.writeUInt16BE(id, 4);
  const bytes = Buffer.concat([header, udp, payload]);
  const ipv4 = { ...columns, "ip.id": String(id), "ip.src": "10.9.0.1" };
  if (inside === "ipv4") return { inside, bytes, columns: ipv4 };
  const addresses = Buffer.from(Array.from({ length: 12 }, (_, i) => (i % 6 ? random(256) : 2)));
  const frame = Buffer.concat([addresses, Buffer.from("0800", "hex"), bytes]);
  const [to, from] = [addresses.subarray(0, 6), addresses.subarray(6)];
  const macs = { "eth.dst": to.toString("hex"), "eth.src": from.toString("hex") };
  return { inside, bytes: frame, columns: { ...ipv4, ...macs } };
}

/** Sends packets of a kind through a tunnel, and holds what tshark reads against what was given. */
function readAlike(format: string, kind: PacketName, dissector: Dissector, values: Values) {
  const packets = Array.from({ length: PACKETS }, (_, i) =>
    packet(kind === "ethernet" ? kind : i % 2 ? "ipv6" : "ipv4"),
  );
  const expected = packets.map((packet, number) => ({
    ...packet.columns,
    ...values.columns(packet, number),
  }));
  const datagrams = encode(
    format,
    values.set,
    kind,
    packets.map(({ bytes }) => bytes),
  );
  const columns = [...new Set(expected.flatMap((row) => Object.keys(row)))];
  const found = dissect(datagrams, columns, dissector);
  expect(found).toHaveLength(PACKETS);
  const wanted = found.map((row, i) =>
    Object.fromEntries(Object.keys(expected[i] ?? {}).map((column) => [column, row[column]])),
  );
  expect(wanted).toEqual(expected);
}

describe.skipIf(!hasTshark)("tshark reads what the core makes (needs the program tshark)", () => {
  test("vxlan", () => {
    for (let i = 0; i < 3; i++) {
      const vni = below(24);
      const columns = () => ({ "vxlan.flag_i": "1", "vxlan.vni": vni });
      const dissector = { port: 4789, name: "vxlan" };
      readAlike("vxlan", "ethernet", dissector, { set: [`vni=${vni}`], columns });
    }
  });

  test.each<PacketName>(["ip", "ethernet"])("vxlan-gpe, %s", (kind) => {
    const vni = below(24);
    const number = { ipv4: "1", ipv6: "2", ethernet: "3" };
    const columns = ({ inside }: Packet) => ({
      "vxlan.ver": "0",
      "vxlan.i_bit": "1",
      "vxlan.p_bit": "1",
      "vxlan.o_bit": "0",
      "vxlan.next_proto": number[inside],
      "vxlan.vni": vni,
    });
    const dissector = { port: 4790, name: "vxlan_gpe" };
    readAlike("vxlan-gpe", kind, dissector, { set: [`vni=${vni}`], columns });
  });

  test.each<PacketName>(["ip", "ethernet"])("geneve, %s", (kind) => {
    const vni = below(24);
    const columns = ({ inside }: Packet) => ({
      "geneve.version": "0",
      "geneve.flags.oam": "0",
      "geneve.flags.critical": "0",
      "geneve.proto_type": ETHERTYPE[inside],
      "geneve.vni": vni,
    });
    const dissector = { port: 6081, name: "geneve" };
    readAlike("geneve", kind, dissector, { set: [`vni=${vni}`], columns });
  });

  test.each([
    { set: [], columns: () => ({ "gtp.flags.s": "0", "gtp.flags.pn": "0" }) },
    {
      set: ["flags.s=1"],
      columns: (_packet: Packet, number: number) => ({ "gtp.seq_number": String(number) }),
    },
    {
      set: ["flags.pn=1", "npdu_number=77"],
      columns: () => ({ "gtp.flags.s": "0", "gtp.npdu_number": "77" }),
    },
  ])("gtpu $set", ({ set, columns }) => {
    const teid = below(32);
    const all = (packet: Packet, number: number) => ({
      "gtp.flags.version": "1",
      "gtp.message": "255",
      "gtp.length": String(packet.bytes.length + (set.length > 0 ? 4 : 0)),
      "gtp.teid": teid,
      ...columns(packet, number),
    });
    const dissector = { port: 2152, name: "gtp" };
    readAlike("gtpu", "ip", dissector, { set: [`teid=${teid}`, ...set], columns: all });
  });

  describe.each(["none", "4", "8"])("l2tpv3-udp, cookie bytes: %s", (size) => {
    test.each(["with", "without"])("%s sublayer", (sublayer) => {
      const sid = below(32);
      const cookie = size === "none" ? 0 : Number(size);
      const bytes = Buffer.from(Array.from({ length: cookie }, () => random(256))).toString("hex");
      const numbered = sublayer === "with";
      const columns = (_packet: Packet, number: number) => ({
        "l2tp.type": "0",
        "l2tp.version": "3",
        "l2tp.sid": sid,
        "l2tp.cookie": bytes,
        ...(numbered ? { "l2tp.l2_spec_s": "1", "l2tp.l2_spec_sequence": String(number) } : {}),
      });
      const set = [`sid=${sid}`, `cookie_size=${cookie}`, `sublayer=${Number(numbered)}`];
      if (cookie) set.push(`cookie=0x${bytes}`);
      if (numbered) set.push("l2_spec.s=1");
      const cookieSize = cookie ? `${cookie} Byte Cookie` : "None";
      const dissector = {
        port: 1701,
        name: "l2tp",
        options: [
          ...["-d", "l2tp.pw_type==0,eth", "-o", `l2tp.cookie_size:${cookieSize}`],
          ...["-o", `l2tp.l2_specific:${numbered ? "Default L2-Specific" : "None"}`],
        ],
      };
      readAlike("l2tpv3-udp", "ethernet", dissector, { set, columns });
    });
  });

  const flags = ["none", "C", "K", "S", "CK", "CS", "KS", "CKS"];
  test.each(
    flags.flatMap((flags) => (["ip", "ethernet"] as const).map((kind) => [flags, kind] as const)),
  )("gre-udp, flags %s, %s", (flags, kind) => {
    const [c, k, s] = ["C", "K", "S"].map((flag) => flags.includes(flag));
    const key = below(32);
    const set = [`flags.checksum=${Number(c)}`, `flags.sequence_number=${Number(s)}`];
    if (k) set.push(`key=${key}`);
    const columns = ({ inside }: Packet, number: number) => ({
      "gre.flags.checksum": String(Number(c)),
      "gre.flags.key": String(Number(k)),
      "gre.flags.sequence_number": String(Number(s)),
      "gre.flags.version": "0",
      "gre.proto": ETHERTYPE[inside],
      // 1: the sum is right.
      ...(c ? { "gre.checksum.status": "1" } : {}),
      ...(k ? { "gre.key": key } : {}),
      ...(s ? { "gre.sequence_number": String(number) } : {}),
    });
    readAlike("gre-udp", kind, { port: 4754, name: "gre" }, { set, columns });
  });
});
