// A device: where packets enter and leave.

/** What the packets of a device are: whole Ethernet frames (2), or IP packets (3). */
export type Layer = 2 | 3;

/** What the kernel calls a device of a layer, and `ip tuntap` in small letters. */
export const deviceKinds: Readonly<Record<Layer, "TAP" | "TUN">> = { 2: "TAP", 3: "TUN" };

export interface Device {
  readonly name: string;

  /** It was there before us and stays: somebody else made it, and may have set it up. */
  readonly persistent: boolean;

  /**
   * Reads one packet, without waiting.
   *
   * @param into room for the longest packet
   * @returns its length in bytes; 0 if there is none just now
   * @throws Failure if the device is gone
   */
  read(into: Uint8Array): number;

  /**
   * Hands one packet to the system.
   *
   * @returns nothing if it took it, else the system's name for the error, such as `"EIO"`
   */
  write(packet: Uint8Array): string | undefined;

  /**
   * Waits until there may be something to read. One call at a time.
   *
   * @returns false if the device was closed
   */
  readable(): Promise<boolean>;

  /** Ends `readable` and gives the device back. Safe to call twice. */
  close(): Promise<void>;
}
