// How the tests that take long are run, and those of the tunnel between different engines.

import { defineConfig } from "vitest/config";
import { overEngines, TUNNEL_TESTS } from "./vitest.engines.js";

const LONG_TESTS = ["test/**/*.long.test.ts"];

export default defineConfig({
  test: {
    globalSetup: ["test/build.ts"],
    testTimeout: 600_000,
    hookTimeout: 30_000,
    fileParallelism: false,
    projects: [
      overEngines("event", [...LONG_TESTS, ...TUNNEL_TESTS], 0),
      overEngines("batch", LONG_TESTS, 1),
      overEngines("event/batch", TUNNEL_TESTS, 2),
      overEngines("batch/event", TUNNEL_TESTS, 3),
    ],
  },
});
