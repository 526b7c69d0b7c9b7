// The tests of the tunnel, once over each choice of engines.

/** Files whose tests hold for every engine, and measure time and memory: one at a time. */
export const LOAD_TESTS = ["hostile", "load"].map(testFile);

/** The other files whose tests hold for every engine. */
export const WAY_TESTS = [
  "aead",
  "capture",
  "device",
  "layer2",
  "mtu",
  "outer",
  "peer",
  "rights",
  "stop",
  "traffic",
  "trouble",
].map(testFile);

export const TUNNEL_TESTS = [...LOAD_TESTS, ...WAY_TESTS];

/**
 * Those of them that tell engines apart most. All run over the engine that is chosen by itself, and
 * these over the other one too; the rest of that is among the tests that take long.
 */
export const ENGINE_TESTS = ["traffic"].map(testFile);

function testFile(name: string): string {
  return `test/tunnel/${name}.test.ts`;
}

/** Of tests that mostly wait for programs that they start, on machines of two cores. */
export const TWO_FILES_AT_A_TIME = { fileParallelism: true, maxWorkers: 2 };

/**
 * @param engines of host a and of the others, as test/tunnel/ends.ts reads them
 * @param groupOrder when it has its turn
 */
export function overEngines(
  engines: string,
  include: string[],
  groupOrder: number,
  others: { name?: string; fileParallelism?: boolean; maxWorkers?: number } = {},
) {
  return {
    extends: true as const,
    test: {
      name: engines.replace("/", "-"),
      ...others,
      include,
      env: { CRAPVPN_TEST_ENGINES: engines },
      sequence: { groupOrder },
    },
  };
}
