// Over what a tunnel goes: UDP, where each end listens and sends; or TCP, where one end connects to
// the other.

import type { Carrier, Endpoint } from "../carrier/carrier.js";
import type { TcpNotify } from "../carrier/tcp/events.js";
import { openUdp, type UdpOptions } from "../carrier/udp.js";
import { type Core, CoreError, type CoreFormat, type FormatInfo } from "../core/core.js";
import { Failure } from "../failure.js";
import { type HostPort, parseHost, parseListen } from "./address.js";
import type { Parsed } from "./command.js";
import { DEFAULT_TCP_FORMAT } from "./description.js";

export type CarrierName = "udp" | "tcp";

/** Where the words say that the ends are. */
export interface WantedEnds {
  readonly carrier: CarrierName;
  /** Absent over TCP if this end is connected to. */
  readonly peer: (HostPort & { readonly port: number }) | undefined;
  /**
   * Where to listen; without an address, on every one (over UDP: of the peer's family). Absent over
   * TCP if this end connects.
   */
  readonly listen: { readonly address?: string; readonly port: number } | undefined;
}

/** Where they are, in numbers. */
export type Ends =
  | ({ readonly carrier: "udp" } & UdpOptions)
  | { readonly carrier: "tcp"; readonly peer: Endpoint }
  | { readonly carrier: "tcp"; readonly peer?: undefined; readonly local: Endpoint };

/**
 * TCP if it is wanted or the format has nothing else.
 *
 * @throws Failure `usage` if TCP is wanted and cannot carry the format
 */
export function carrierFor(core: Core, format: CoreFormat, wantsTcp: boolean): CarrierName {
  const { name, udp, tcp } = format.info;
  if (tcp !== undefined && (wantsTcp || udp === undefined)) return "tcp";
  if (!wantsTcp) return "udp";
  throw new Failure(
    "usage",
    hasFrames(core, format)
      ? `--tcp: ${name} is described for UDP alone: name a format for TCP, such as --format ${DEFAULT_TCP_FORMAT}`
      : `--tcp: nothing in ${name} says where a datagram ends in a stream, so TCP cannot carry it: name a format for TCP, such as --format ${DEFAULT_TCP_FORMAT}`,
  );
}

function hasFrames(core: Core, format: CoreFormat): boolean {
  try {
    core.openDeframer(format).free();
    return true;
  } catch (error) {
    if (error instanceof CoreError) return false;
    throw error;
  }
}

/**
 * Where `-p` and `--listen` say that the ends are: with the format's own ports where none is given.
 *
 * @throws Failure `usage`
 */
export function readEnds(
  { values, switches }: Pick<Parsed, "values" | "switches">,
  format: FormatInfo,
  carrier: CarrierName,
): WantedEnds {
  const { "peer-host": peerText, listen: listenText } = values;
  const own = format[carrier]?.[0];
  const peer = peerText === undefined ? undefined : parseHost(peerText, "-p");
  const listen = listenText === undefined ? undefined : parseListen(listenText);
  if (carrier === "udp") {
    if (peer === undefined) {
      throw new Failure(
        "usage",
        "no peer: give -p HOST, the other end's address or name (see --help for an example)",
      );
    }
    const { port: there = own } = peer;
    const { port: here = own, address } = listen ?? {};
    if (there === undefined || here === undefined) throw noPort(format, { there, here });
    return {
      carrier,
      peer: { ...peer, port: there },
      listen: { port: here, ...(address !== undefined && { address }) },
    };
  }
  if (peer !== undefined && listen !== undefined) {
    throw new Failure(
      "usage",
      "over TCP one end connects and the other is connected to: give -p HOST at the one and --listen PORT at the other",
    );
  }
  if (peer !== undefined) {
    const { port = own } = peer;
    if (port === undefined) throw noPort(format, { here: 0 });
    return { carrier, peer: { ...peer, port }, listen: undefined };
  }
  if (listen === undefined) {
    throw new Failure(
      "usage",
      `no peer: give -p HOST to connect to it, or --listen ${own ?? "PORT"} to be connected to`,
    );
  }
  if (switches["only-peer"]) {
    throw new Failure(
      "usage",
      "--only-peer needs a peer, and who connects to --listen is not known: leave it, or listen on an address that only the peer reaches",
    );
  }
  return { carrier, peer: undefined, listen };
}

function noPort(
  { name }: FormatInfo,
  { there, here }: { there?: number | undefined; here?: number | undefined },
): Failure {
  const missing = [
    ...(there === undefined ? ["-p HOST:PORT"] : []),
    ...(here === undefined ? ["--listen PORT"] : []),
  ];
  return new Failure("usage", `${name} has no port of its own: give ${missing.join(" and ")}`);
}

/** @throws Failure `system` if the socket is not to be had */
export async function openCarrier(
  core: Core,
  format: CoreFormat,
  ends: Ends,
  notify: TcpNotify,
): Promise<Carrier> {
  if (ends.carrier === "udp") return openUdp(ends);
  const parts = { notify, deframer: () => core.openDeframer(format) };
  // Loaded here and not above: who opens no device needs no koffi.
  if (ends.peer === undefined) {
    const { openTcpServer } = await import("../carrier/tcp/server.js");
    return openTcpServer({ ...parts, local: ends.local });
  }
  const { TcpClient } = await import("../carrier/tcp/client.js");
  return new TcpClient({ ...parts, peer: ends.peer });
}
