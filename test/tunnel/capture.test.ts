// `run --capture`: what the file holds, and that no reader of it ever disturbs the tunnel.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { find } from "../../scripts/programs.mjs";
import { crapvpn } from "../cli/program.js";
import {
  cleanUp,
  INNER,
  ipv4WordsFor,
  launchPlain,
  OUTER,
  pings,
  Running,
  silentHosts,
  start,
  until,
} from "./ends.js";
import { Capture, iperf, lostPings, push, sendUdp } from "./scripts.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(joinPath(tmpdir(), "crapvpn-capture-"));
});
afterEach(async () => {
  await cleanUp();
  rmSync(folder, { recursive: true });
});

const OUTER_HEADERS_BYTES = 20 + 8;

interface Frame {
  readonly interface: string;
  readonly bytes: Buffer;
  readonly comment: string;
  /** Of the checksums of IP and UDP, 1 is good. */
  readonly checksums: string;
}

/** What tshark reads of a capture. */
function framesOf(file: string): Frame[] {
  const fields = [
    "frame.interface_name",
    "frame.comment",
    "ip.checksum.status",
    "udp.checksum.status",
  ];
  const checks = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];
  const told = execFileSync(
    "tshark",
    ["-r", file, ...checks, "-T", "fields", ...fields.flatMap((name) => ["-e", name])],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  );
  const raw = execFileSync("tshark", ["-r", file, "-T", "jsonraw", "-j", "frame"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const bytes = (JSON.parse(raw) as { _source: { layers: { frame_raw: [string] } } }[]).map(
    ({ _source }) => Buffer.from(_source.layers.frame_raw[0], "hex"),
  );
  return told
    .trimEnd()
    .split("\n")
    .map((line, i) => {
      const [name = "", comment = "", ip, udp] = line.split("\t");
      const checksums = `${ip} ${udp}`;
      return { interface: name, comment, checksums, bytes: bytes[i] ?? Buffer.alloc(0) };
    });
}

function hex(packets: readonly Uint8Array[]): string[] {
  return packets.map((packet) => Buffer.from(packet).toString("hex")).sort();
}

const noTshark = find("tshark") === undefined ? " (needs tshark)" : "";

test.skipIf(noTshark)(`a file holds all that went by, outside and inside${noTshark}`, async () => {
  const hosts = await silentHosts();
  const file = joinPath(folder, "tunnel.pcapng");
  const left = await start(hosts.a, ["--capture", file, ...ipv4WordsFor("a")]);
  await start(hosts.b, ipv4WordsFor("b"));
  const outside = await Capture.start(hosts.a, "eth0", "udp port 1337");
  const inside = await Capture.start(hosts.a, "tun0", "ip");
  expect(await lostPings(hosts.a, INNER.b, [0, 56, 57, 1000, 1436])).toEqual([]);
  await sendUdp(hosts.b, OUTER.a, 1337, [Buffer.from("CRAP0000")]);
  const outer = await outside.atLeast(11);
  const inner = await inside.atLeast(10);
  await until(async () => (await left.stats()).in.drops.not_ours, "the drop");
  expect(await left.stop()).toMatchObject({ code: 143 });
  expect(left.told.find(({ event }) => event === "capture")).toMatchObject({
    recorded: 11,
    lost: 0,
  });

  const frames = framesOf(file);
  const of = (name: string) => frames.filter((frame) => frame.interface === name);
  const payload = (packet: Uint8Array) => packet.subarray(OUTER_HEADERS_BYTES);
  expect(hex(of("outer").map(({ bytes }) => payload(bytes)))).toEqual(hex(outer.map(payload)));
  expect(hex(of("inner").map(({ bytes }) => bytes))).toEqual(hex(inner));
  expect(new Set(of("outer").map(({ checksums }) => checksums))).toEqual(new Set(["1 1"]));
  expect(frames.map(({ comment }) => comment).filter((comment) => comment !== "")).toEqual([
    "dropped: not_ours at byte 0 (crapvpn.magic): expected 63 72 61 70, found 43 52 41 50",
  ]);
  const [addresses] = of("outer").map(({ bytes }) => [...bytes.subarray(12, 20)].join("."));
  expect(addresses).toBe(`${OUTER.a}.${OUTER.b}`);
});

describe("a pipe", () => {
  /** Two hosts and a pipe, whose reader on host a runs these shell commands with it at 3. */
  async function piped(commands: string) {
    const path = joinPath(folder, "pipe");
    execFileSync("mkfifo", [path]);
    const hosts = await silentHosts();
    // Opened for writing too, so that it waits for nobody.
    const words = ["-c", `exec 3<>${path}; echo opened; ${commands}`];
    const reader = new Running(hosts.a.spawn("sh", words));
    await reader.said("stdout", "opened");
    return { path, hosts, reader };
  }

  test("that nobody reads is refused", async () => {
    const path = joinPath(folder, "pipe");
    execFileSync("mkfifo", [path]);
    const hosts = await silentHosts();
    const end = launchPlain(hosts.a, ["--capture", path, ...ipv4WordsFor("a")]);
    const { code, stderr } = await end.ended;
    expect({ code, stderr }).toEqual({
      code: 5,
      stderr: expect.stringMatching(/nobody reads from the pipe ".*": start the reader first/),
    });
  });

  test("gets the file's beginning before there is a packet, and each datagram soon", async () => {
    const { path, hosts, reader } = await piped("exec cat <&3");
    const end = await start(hosts.a, ["--capture", path, ...ipv4WordsFor("a")]);
    await reader.said("stdout", "inner");
    await start(hosts.b, ipv4WordsFor("b"));
    await push(hosts.a, INNER.b, 1, 1000);
    await reader.said("stdout", "crap\u0004\u0004");
    await end.stop();
    await reader.stop();
  });

  test("whose reader sleeps does not slow the tunnel: what is left out is counted", async () => {
    const { path, hosts, reader } = await piped("exec sleep 1000");
    const end = await start(hosts.a, ["--capture", path, ...ipv4WordsFor("a")]);
    await start(hosts.b, ipv4WordsFor("b"));
    await iperf(hosts, INNER.b, ["-n", "60M"]);
    expect(await pings(hosts.a, INNER.b)).toBe(true);
    expect(await end.stop()).toMatchObject({ code: 143 });
    const told = end.told.find(({ event }) => event === "capture");
    expect(told?.lost).toBeGreaterThan(1000);
    expect(told?.recorded).toBeGreaterThan(1000);
    await reader.stop();
  });

  test("whose reader leaves ends the capture, and the tunnel goes on", async () => {
    const { path, hosts, reader } = await piped("read line <&3");
    const end = await start(hosts.a, ["--capture", path, ...ipv4WordsFor("a")]);
    await start(hosts.b, ipv4WordsFor("b"));
    await reader.ended;
    await push(hosts.a, INNER.b);
    const warning = await end.event("warning", { code: "capture_ended" });
    expect(warning.message).toMatch(/the tunnel goes on: EPIPE/);
    expect(await pings(hosts.a, INNER.b)).toBe(true);
    expect(await end.stop()).toMatchObject({ code: 143 });
  });
});

test("standard output is for one of capture and JSON", () => {
  const { code, stdout, stderr } = crapvpn(["--json", "--capture", "-", ...ipv4WordsFor("a")]);
  expect(code).toBe(2);
  expect(`${stdout}${stderr}`).toContain("--json writes there too");
});
