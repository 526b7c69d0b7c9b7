// How the tests that take long are run.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.long.test.ts"],
    globalSetup: ["test/build.ts"],
    testTimeout: 600_000,
    hookTimeout: 30_000,
    fileParallelism: false,
  },
});
