// What other programs use of CrapVPN: the core, in Node and in the browser.

export {
  type Core,
  CoreError,
  type CoreTunnel,
  type Counters,
  type Direction,
  type DropReport,
  type Flow,
  type FormatInfo,
  type Reason,
  type TunnelOptions,
} from "./core/core.js";
export { loadCore } from "./core/wasm.js";
export { Failure, type FailureKind } from "./failure.js";
