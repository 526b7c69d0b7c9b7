// What every TCP socket of ours has.

/** Until the kernel asks whether the other end is still there. */
const KEEPALIVE_MS = 15_000;

/** Nothing waits to be sent together with what may come, and a peer that vanished is found out. */
export const SOCKET_OPTIONS = {
  noDelay: true,
  keepAlive: true,
  keepAliveInitialDelay: KEEPALIVE_MS,
} as const;
