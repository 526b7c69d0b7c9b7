// What other programs use of CrapVPN: the core, in Node and in the browser.

export * from "./core/core.js";
export { loadCore } from "./core/wasm.js";
export { Failure, type FailureKind } from "./failure.js";
