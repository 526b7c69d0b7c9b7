// Whole Ethernet frames, put on a device of a host and taken from one, byte by byte.

import type { Host } from "../../src/lab/host.js";
import { Running, until } from "./ends.js";

/** Sends what stands on its standard input, a frame in hex a line. */
const SEND = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
for line in sys.stdin:
    s.send(bytes.fromhex(line))
`;

/** Prints each frame that comes in, and not those that go out. */
const HEAR = `
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA: a VLAN tag that the kernel took out
s.bind((sys.argv[1], 0))
print("ready", flush=True)
while True:
    frame, control, flags, source = s.recvmsg(65536, 64)
    if source[2] == socket.PACKET_OUTGOING:
        continue
    for level, kind, data in control:
        status, tci, tpid = int.from_bytes(data[0:4], sys.byteorder), data[16:18], data[18:20]
        if status & 0x10:  # TP_STATUS_VLAN_VALID
            tag = tpid[::-1] + tci[::-1] if sys.byteorder == "little" else tpid + tci
            frame = frame[:12] + tag + frame[12:]
    print(frame.hex(), flush=True)
`;

/** Sends these frames from a device of a host. */
export async function sendFrames(
  host: Host,
  device: string,
  frames: readonly Uint8Array[],
): Promise<void> {
  const input = frames.map((frame) => `${Buffer.from(frame).toString("hex")}\n`).join("");
  await host.execOrThrow("python3", ["-c", SEND, device], { input });
}

/** The frames that come in at a device. */
export class Frames {
  readonly #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  static async start(host: Host, device: string): Promise<Frames> {
    const running = new Running(host.spawn("python3", ["-c", HEAR, device]));
    await running.said("stdout", "ready");
    return new Frames(running);
  }

  get all(): Buffer[] {
    const lines = this.#running.stdout.split("\n").slice(1, -1);
    return lines.map((line) => Buffer.from(line, "hex"));
  }

  /** Waits until there are as many. */
  async atLeast(count: number): Promise<Buffer[]> {
    return until(
      () => (this.all.length >= count ? this.all : undefined),
      `${count} frames heard, of ${this.all.length}`,
    );
  }
}

/** A frame to a destination in hex, or everybody, behind these VLAN tags. */
export function frame(
  type: number,
  payload: Uint8Array,
  { to = "ffffffffffff", tags = [] as readonly (readonly [number, number])[] } = {},
): Buffer {
  const numbers = [...tags.flat(), type].flatMap((number) => [number >> 8, number & 0xff]);
  return Buffer.concat([Buffer.from(`${to}020000000001`, "hex"), Buffer.from(numbers), payload]);
}
