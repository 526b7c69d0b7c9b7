// How the TypeScript tests are run.

import { defineConfig } from "vitest/config";
import { ENGINE_TESTS, overEngines, TUNNEL_TESTS } from "./vitest.engines.js";

export default defineConfig({
  test: {
    globalSetup: ["test/build.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Tests of the tunnel measure time and load: one file at a time, on machines of two cores.
    fileParallelism: false,
    projects: [
      {
        extends: true,
        test: {
          name: "all",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.long.test.ts", ...TUNNEL_TESTS],
          // These mostly wait for programs that they start.
          fileParallelism: true,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      overEngines("event", ENGINE_TESTS, 1),
      overEngines("batch", TUNNEL_TESTS, 2),
    ],
  },
});
