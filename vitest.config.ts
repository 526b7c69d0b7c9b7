// How the TypeScript tests are run.

import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/**/*.long.test.ts"],
    globalSetup: ["test/build.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Tests in namespaces measure time and load: one file at a time, on machines of two cores.
    fileParallelism: false,
  },
});
