// Which tunnels are looked for in a capture: formats, ports, keys, as `decode` and `verify` take them.

import type { DecodeAs, SoughtFormat } from "../core/capture.js";
import { type Core, CoreError, type CoreFormat } from "../core/core.js";
import { Failure } from "../failure.js";
import type { Parsed } from "./command.js";
import { findFormat } from "./description.js";
import { readKey } from "./key.js";

export interface Sought {
  readonly formats: readonly SoughtFormat[];
  readonly decodeAs: readonly DecodeAs[];
}

/**
 * Reads the options.
 *
 * @throws Failure `usage` for what is wrong in words, `input` for files that cannot be used
 */
export async function readSought(core: Core, parsed: Parsed): Promise<Sought> {
  const { lists } = parsed;
  const ports = (lists["decode-as"] ?? []).map(parseDecodeAs);
  const chosen = lists.format ?? core.formats;
  // A format that is named by --decode-as alone is looked for as well.
  const words = [...new Set([...chosen, ...ports.map(({ word }) => word)])];
  const found: CoreFormat[] = [];
  for (const word of words) found.push(await findFormat(core, word));
  const formats = giveValues(found, lists.set ?? []);
  const key = await readKeyIfAny(parsed);
  return {
    formats: formats.map((format) => ({ format, key })),
    decodeAs: ports.map(({ carrier, port, word }) => ({
      carrier,
      port,
      format: words.indexOf(word),
    })),
  };
}

/** The key that was given, or none. */
async function readKeyIfAny({ values }: Parsed): Promise<Uint8Array> {
  const text = values["hex-key"];
  const { CRAPVPN_KEY: fromEnvironment } = process.env;
  if (text === undefined && fromEnvironment === undefined) return new Uint8Array();
  const { bytes } = await readKey(text, process.env);
  return bytes;
}

/** `udp.port==4789,vxlan` */
function parseDecodeAs(text: string) {
  const [, carrier, digits = "", word] = /^(udp|tcp)\.port==(\d{1,5}),(.+)$/.exec(text) ?? [];
  const port = Number(digits);
  if ((carrier === "udp" || carrier === "tcp") && word !== undefined && port <= 65_535)
    return { carrier, port, word } as const;
  throw new Failure(
    "usage",
    `--decode-as: "${text}" is not udp.port==PORT,FORMAT or tcp.port==PORT,FORMAT: as in udp.port==4789,vxlan`,
  );
}

/**
 * Gives values to those formats that have a field or setting of the name; with the format's name
 * and a point before it, to that format alone.
 */
function giveValues(formats: readonly CoreFormat[], set: readonly string[]): CoreFormat[] {
  const given = formats.map((): string[] => []);
  for (const assignment of set) {
    const name = assignment.split("=", 1)[0] ?? "";
    const takers = formats.flatMap((format, place) => (has(format, name) ? [place] : []));
    if (takers.length === 0) {
      throw new Failure(
        "usage",
        `--set: no format that is looked for has a field or setting "${name}": crapvpn formats NAME lists them`,
      );
    }
    for (const place of takers) given[place]?.push(assignment);
  }
  return formats.map((format, place) => {
    try {
      return format.with(given[place] ?? []);
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
      const [problem = "", ...others] = error.message.split("\n");
      throw new Failure("usage", `${format.info.name}: ${problem}`, others);
    }
  });
}

function has({ info }: CoreFormat, name: string): boolean {
  const own = [...info.fields, ...info.settings].map((one) => one.name);
  return own.some((one) => [one, `${info.name}.${one}`, `${info.filter}.${one}`].includes(name));
}
