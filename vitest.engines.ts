// The tests of the tunnel, once over each choice of engines.

/** Files whose tests hold for every engine. */
export const TUNNEL_TESTS = [
  "aead",
  "capture",
  "device",
  "hostile",
  "layer2",
  "load",
  "mtu",
  "outer",
  "peer",
  "rights",
  "stop",
  "traffic",
  "trouble",
].map(testFile);

/**
 * Those of them that tell engines apart most. All run over the engine that is chosen by itself, and
 * these over the other one too; the rest of that is among the tests that take long.
 */
export const ENGINE_TESTS = ["aead", "traffic"].map(testFile);

function testFile(name: string): string {
  return `test/tunnel/${name}.test.ts`;
}

/**
 * @param engines of host a and of the others, as test/tunnel/ends.ts reads them
 * @param groupOrder when it has its turn: one after the other, as tests measure time and load
 */
export function overEngines(engines: string, include: string[], groupOrder: number) {
  return {
    extends: true as const,
    test: {
      name: engines.replace("/", "-"),
      include,
      env: { CRAPVPN_TEST_ENGINES: engines },
      sequence: { groupOrder },
    },
  };
}
