// Where --json goes: looked at before a long run, so that it does not end in vain.
import { accessSync, constants, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { stop } from "../scripts/programs.mjs";

/**
 * @param {string | undefined} file
 * @returns {(data: unknown) => void} writes it, where there is a file
 */
export function jsonFile(file) {
  if (file === undefined) return () => {};
  const path = resolve(file);
  /** @param {() => void} action */
  const orStop = (action) => {
    try {
      action();
    } catch (error) {
      const { message } = /** @type {Error} */ (error);
      stop(`bench: ${file} cannot be written (${message}).`, 5);
    }
  };
  orStop(() => accessSync(dirname(path), constants.W_OK));
  return (data) => orStop(() => writeFileSync(path, `${asJson(data)}\n`));
}

/** @param {unknown} data */
export function asJson(data) {
  return JSON.stringify(data, undefined, 2);
}
