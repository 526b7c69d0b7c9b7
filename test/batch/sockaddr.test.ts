// Addresses as the kernel has them, and the structures' places in memory.

import { describe, expect, test } from "vitest";
import { comparisonWith, endpointOf, sockaddrOf } from "../../src/batch/sockaddr.js";
import { unfitMachine } from "../../src/batch/syscalls.js";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("the structures lie in memory as C has them on this machine", () => {
  expect(unfitMachine()).toBeUndefined();
});

describe("sockaddrs", () => {
  test.each([
    ["192.0.2.1", 1337, "02000539c00002010000000000000000"],
    ["0.0.0.0", 0, "02000000000000000000000000000000"],
    ["2001:db8::1", 1337, "0a0005390000000020010db800000000000000000000000100000000"],
    ["fe80::1%lo", 65_535, "0a00ffff00000000fe80000000000000000000000000000101000000"],
  ])("of %s:%d have these bytes, and stand for it again", (address, port, bytes) => {
    expect(hex(sockaddrOf({ address, port }))).toBe(bytes);
    expect(endpointOf(Buffer.from(bytes, "hex"))).toEqual({ address, port });
  });

  test("of IPv4 that came to an address of IPv6 are named as dgram names them", () => {
    const address = "::ffff:192.0.2.1";
    expect(endpointOf(sockaddrOf({ address, port: 1 }))).toEqual({ address, port: 1 });
  });
});

describe("a comparison", () => {
  const matches = (wanted: string, found: string, port = 7) => {
    const { words, mask } = comparisonWith(sockaddrOf({ address: wanted, port: 7 }));
    const other = new Uint32Array(sockaddrOf({ address: found, port }).slice().buffer);
    return words.every((word, i) => ((word ^ (other[i] ?? 0)) & (mask[i] ?? 0)) === 0);
  };

  test.each([
    ["192.0.2.1", "192.0.2.1", 7, true],
    ["192.0.2.1", "192.0.2.1", 8, false],
    ["192.0.2.1", "192.0.2.2", 7, false],
    ["2001:db8::1", "2001:db8::1", 7, true],
    ["2001:db8::1", "2001:db8::2", 7, false],
    ["2001:db8::1", "2001:db9::1", 7, false],
    ["fe80::1%lo", "fe80::1%lo", 7, true],
    ["fe80::1%lo", "fe80::1%2", 7, false],
    ["2001:db8::1", "2001:db8::1%lo", 7, true],
  ])("of %s with %s, port %d: %s", (wanted, found, port, same) => {
    expect(matches(wanted, found, port)).toBe(same);
  });
});
