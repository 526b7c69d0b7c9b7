// What a person may want to hear about the connections of a carrier over TCP.

import type { Endpoint } from "../carrier.js";

export type TcpEvent =
  /** Datagrams flow. */
  | { readonly type: "connected"; readonly local: Endpoint; readonly peer: Endpoint }
  /** An end that listens has lost its client, and waits for another. */
  | { readonly type: "disconnected"; readonly peer: Endpoint; readonly why: string }
  /** There is no connection, and another is tried after a while. */
  | {
      readonly type: "reconnecting";
      readonly peer: Endpoint;
      readonly why: string;
      readonly inSeconds: number;
      /** How often it was tried since there was a connection. */
      readonly attempt: number;
    }
  /** Somebody connected and was sent away: told once for each reason, as long as nothing changes. */
  | { readonly type: "turned_away"; readonly source: Endpoint; readonly why: string };

export type TcpNotify = (event: TcpEvent) => void;
