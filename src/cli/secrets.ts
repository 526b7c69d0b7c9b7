// The keys that a format's cipher needs, which end of the tunnel this is, and what a person should
// know about both.

import { randomBytes } from "node:crypto";
import { isIPv4 } from "node:net";
import type { FormatInfo, Secrets } from "../core/core.js";
import type { AddressPair } from "../device/link.js";
import { Failure } from "../failure.js";
import { canonical } from "./address.js";
import { exactKey, type Key, parseHex, readKey } from "./key.js";
import type { RunOptions } from "./options.js";
import type { Report } from "./report.js";

/** Reads keys, and warns of what protects less than one may think. */
export async function readSecrets(
  info: FormatInfo,
  options: RunOptions,
  report: Report,
): Promise<Secrets> {
  const keys = await readKeys(info, options, report);
  const derived = info.cipher?.keys === "derived";
  return {
    ...keys,
    ...(derived && { end: options.role ?? roleOf(options.pairs) }),
    nowUs: Date.now() * 1000,
    seed: randomBytes(32),
  };
}

async function readKeys(
  { name, cipher }: FormatInfo,
  { key: text, sendKey, receiveKey, role }: RunOptions,
  report: Report,
): Promise<Pick<Secrets, "key" | "receiveKey">> {
  const given = cipher?.integrity === true && cipher.keys === "given";
  if (!given && (sendKey ?? receiveKey) !== undefined) {
    throw new Failure("usage", `${name} has one key for both directions, or none: give -k alone`);
  }
  if (role !== undefined && cipher?.keys !== "derived") {
    throw new Failure("usage", `--role: ${name} derives no keys, and its ends have no roles`);
  }
  if (cipher === undefined) {
    report.warn(
      "no_protection",
      `${name} enciphers nothing: whoever sees your packets can read and change them.`,
    );
    if (text !== undefined) {
      report.warn("key_ignored", `${name} has no cipher: the key of -k is ignored`);
    }
    return { key: new Uint8Array() };
  }
  if (!given) {
    const { keyBytes } = cipher;
    const parse = keyBytes === undefined ? parseHex : exactKey(keyBytes);
    const key = await readKey(text, process.env, { option: "-k", variable: "CRAPVPN_KEY", parse });
    if (cipher.name === "xor") {
      report.warn(
        "no_protection",
        "XOR protects nothing: whoever sees your packets can read and change them. It is for learning.",
      );
    }
    warnOfCommandLine([key], "-k", "CRAPVPN_KEY", report);
    return { key: key.bytes };
  }
  if (text !== undefined) {
    throw new Failure(
      "usage",
      `${name} has a key for each direction: give --send-key and --receive-key instead of -k`,
    );
  }
  if (sendKey === "-" && receiveKey === "-") {
    throw new Failure(
      "usage",
      "only one key can come from standard input: give the other as @FILE",
    );
  }
  const parse = exactKey(cipher.keyBytes ?? 0);
  const send = await readKey(sendKey, process.env, {
    ...{ option: "--send-key", variable: "CRAPVPN_SEND_KEY", parse },
  });
  const receive = await readKey(receiveKey, process.env, {
    ...{ option: "--receive-key", variable: "CRAPVPN_RECEIVE_KEY", parse },
  });
  warnOfCommandLine([send, receive], "--send-key", "CRAPVPN_SEND_KEY", report);
  return { key: send.bytes, receiveKey: receive.bytes };
}

function warnOfCommandLine(
  keys: readonly Key[],
  option: string,
  variable: string,
  report: Report,
): void {
  if (!keys.some(({ onCommandLine }) => onCommandLine)) return;
  report.warn(
    "key_on_command_line",
    `the key stands on the command line, where every user of this machine can read it: better ${option} @FILE, ${option} - or ${variable}`,
  );
}

/**
 * Which end this is, by the addresses inside the tunnel: the one whose own address is the lower is
 * a. The other end comes to the opposite.
 */
export function roleOf(pairs: readonly AddressPair[]): "a" | "b" {
  const [first] = pairs;
  if (first === undefined || first.local === first.peer) {
    throw new Failure(
      "usage",
      "without an address of each end inside the tunnel nothing says which end this is: give --role a here and --role b at the other end",
    );
  }
  return addressNumber(first.local) < addressNumber(first.peer) ? "a" : "b";
}

/** An address as a number, in network order. */
function addressNumber(address: string): bigint {
  if (isIPv4(address)) {
    return address.split(".").reduce((number, byte) => number * 256n + BigInt(byte), 0n);
  }
  const [head = "", tail] = canonical(address).split("::");
  const groups = (text: string) => text.split(":").filter((group) => group !== "");
  const [front, back] = [groups(head), groups(tail ?? "")];
  const zeros = Array<string>(Math.max(0, 8 - front.length - back.length)).fill("0");
  return [...front, ...zeros, ...back].reduce(
    (number, group) => number * 65_536n + BigInt(`0x${group}`),
    0n,
  );
}

/** Overwrites keys that the core has copies of. */
export function wipe({ key, receiveKey }: Secrets): void {
  key.fill(0);
  receiveKey?.fill(0);
}
