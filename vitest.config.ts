// How the TypeScript tests are run.

import { defineConfig } from "vitest/config";
import {
  ENGINE_TESTS,
  LOAD_TESTS,
  overEngines,
  TUNNEL_TESTS,
  TWO_FILES_AT_A_TIME,
  WAY_TESTS,
} from "./vitest.engines.js";

export default defineConfig({
  test: {
    globalSetup: ["test/build.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    fileParallelism: false,
    projects: [
      {
        extends: true,
        test: {
          name: "all",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.long.test.ts", ...TUNNEL_TESTS],
          ...TWO_FILES_AT_A_TIME,
          sequence: { groupOrder: 0 },
        },
      },
      overEngines("event", ENGINE_TESTS, 1),
      overEngines("batch", WAY_TESTS, 2, TWO_FILES_AT_A_TIME),
      overEngines("batch", LOAD_TESTS, 3, { name: "batch, under load" }),
    ],
  },
});
