// The core's half of the batch engine, compiled to WebAssembly.

import * as wasm from "../../wasm/crapvpn.js";
import {
  type BatchDrop,
  type BatchOptions,
  type BatchTunnel,
  RECEIVED,
  SEND,
  WRITE,
} from "./batch.js";
import type { Counters, Direction, Reason, TunnelEvent } from "./core.js";
import { attempt, countersOf, secretsOf } from "./values.js";

export class WasmBatchTunnel implements BatchTunnel {
  readonly memory: WebAssembly.Memory;
  readonly readPlace: number;
  readonly readBytes: number;
  readonly datagramsPlace: number;
  readonly sendsPlace: number;
  readonly sendsWords: number;
  readonly messagesPlace: number;
  readonly messageBytes: number;
  readonly receivedPlace: number;
  readonly packetsPlace: number;
  readonly writesPlace: number;
  readonly writesWords: number;
  readonly overhead: number;
  readonly #tunnel: wasm.BatchTunnel;
  readonly #reasons: readonly Reason[];

  constructor(
    format: wasm.Format,
    options: BatchOptions,
    memory: WebAssembly.Memory,
    reasons: readonly Reason[],
  ) {
    const tunnel = attempt(
      () =>
        new wasm.BatchTunnel(
          format,
          options.packet,
          secretsOf(options),
          options.peer,
          options.maxDatagramBytes ?? 0,
          true,
          options.messages,
        ),
    );
    this.memory = memory;
    this.#tunnel = tunnel;
    this.#reasons = reasons;
    this.readPlace = tunnel.read_address();
    this.readBytes = tunnel.read_bytes();
    this.datagramsPlace = tunnel.datagrams_address();
    this.sendsPlace = tunnel.sends_address();
    this.sendsWords = tunnel.send_entries() * SEND.words;
    this.messagesPlace = tunnel.message_address(0);
    this.messageBytes = tunnel.message_bytes();
    this.receivedPlace = tunnel.received_address();
    this.packetsPlace = tunnel.packets_address();
    this.writesPlace = tunnel.writes_address();
    this.writesWords = tunnel.write_entries() * WRITE.words;
    this.overhead = tunnel.overhead();
    const theirs = [tunnel.send_words(), tunnel.received_words(), tunnel.write_words()];
    const ours = [SEND.words, RECEIVED.words, WRITE.words];
    if (theirs.join() !== ours.join()) {
      throw new Error(`tables of ${theirs} words, and not of ${ours}: wasm/ is of another version`);
    }
  }

  limitSends(datagrams: number): void {
    this.#tunnel.limit_sends(datagrams);
  }

  mergeForDevice({ tcp, udp }: { readonly tcp: boolean; readonly udp: boolean }): void {
    this.#tunnel.merge_for_device(tcp, udp);
  }

  split(bytes: number): number {
    return this.#tunnel.split(bytes);
  }

  sent(): void {
    this.#tunnel.sent();
  }

  receive(entries: number): void {
    this.#tunnel.receive(entries);
  }

  merge(): number {
    return this.#tunnel.merge();
  }

  unmerge(write: number): number {
    return this.#tunnel.unmerge(write);
  }

  probe(kind: number): number {
    return this.#tunnel.probe(kind);
  }

  lose(direction: Direction, reason: Reason, packets: number, packetBytes: number): void {
    this.#tunnel.lose(direction === "out", this.#codeOf(reason), packets, packetBytes);
  }

  refuse(direction: Direction, reason: Reason, bytes: number, message: number): void {
    this.#tunnel.refuse(direction === "out", this.#codeOf(reason), bytes, message);
  }

  tellEveryDrop(every: boolean): void {
    this.#tunnel.tell_every_drop(every);
  }

  dropsWaiting(): number {
    return this.#tunnel.drops_waiting();
  }

  nextDrop(): BatchDrop | undefined {
    const drop = this.#tunnel.next_drop();
    if (drop === undefined) return undefined;
    const { outgoing, length, first, message, report } = drop;
    return { direction: outgoing ? "out" : "in", length, first, message, ...report };
  }

  dropsUntold(): number {
    return this.#tunnel.drops_untold();
  }

  heardFrom(): number {
    return this.#tunnel.heard_from();
  }

  pollEvent(): TunnelEvent | undefined {
    return this.#tunnel.poll_event();
  }

  counters(): Counters {
    return countersOf(this.#tunnel, this.#reasons);
  }

  free(): void {
    this.#tunnel.free();
  }

  #codeOf(reason: Reason): number {
    return this.#reasons.indexOf(reason) + 1;
  }
}
