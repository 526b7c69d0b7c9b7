// A validator of JSON Schema that knows just the words which docs/decode.schema.json uses.

import { readFileSync } from "node:fs";

type Schema = Readonly<Record<string, unknown>>;

const KNOWN = [
  "$schema",
  "$defs",
  "$ref",
  "title",
  "description",
  "oneOf",
  "type",
  "enum",
  "pattern",
  "minimum",
  "required",
  "properties",
  "additionalProperties",
  "items",
];

export function readSchema(path: string): Schema {
  return JSON.parse(readFileSync(path, "utf8")) as Schema;
}

/** What does not fit, each with its place; nothing if all does. */
export function faults(root: Schema, value: unknown, schema = root, place = "$"): string[] {
  const unknown = Object.keys(schema).filter((word) => !KNOWN.includes(word));
  if (unknown.length > 0) throw new Error(`the validator does not know ${unknown}`);
  const inside = (inner: unknown, at: string, next: unknown) =>
    faults(root, inner, next as Schema, `${place}${at}`);
  const found: string[] = [];
  const { $ref: reference, oneOf, type, enum: words, pattern, minimum } = schema;
  if (typeof reference === "string") {
    const { [reference.replace("#/$defs/", "")]: target } = root.$defs as Record<string, Schema>;
    found.push(...inside(value, "", target));
  }
  if (Array.isArray(oneOf)) {
    const tried = oneOf.map((next) => inside(value, "", next));
    const fitting = tried.filter((one) => one.length === 0).length;
    if (fitting !== 1) found.push(`${place}: ${fitting} of oneOf fit`, ...tried.flat());
  }
  if (type !== undefined && ![type].flat().includes(typeOf(value)))
    found.push(`${place}: ${typeOf(value)}, not ${type}`);
  if (Array.isArray(words) && !words.includes(value)) found.push(`${place}: ${value}`);
  if (typeof value === "string" && typeof pattern === "string" && !new RegExp(pattern).test(value))
    found.push(`${place}: "${value}" is not ${pattern}`);
  if (typeof value === "number" && typeof minimum === "number" && value < minimum)
    found.push(`${place}: ${value} < ${minimum}`);
  if (Array.isArray(value) && schema.items !== undefined)
    value.forEach((item, i) => {
      found.push(...inside(item, `[${i}]`, schema.items));
    });
  if (typeOf(value) === "object") {
    const object = value as Record<string, unknown>;
    const properties = (schema.properties ?? {}) as Record<string, Schema>;
    for (const name of (schema.required ?? []) as string[])
      if (!(name in object)) found.push(`${place}: lacks ${name}`);
    for (const [name, inner] of Object.entries(object)) {
      if (properties[name]) found.push(...inside(inner, `.${name}`, properties[name]));
      else if (schema.additionalProperties === false) found.push(`${place}: has ${name}`);
    }
  }
  return found;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}
