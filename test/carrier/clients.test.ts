// Clients of an end that listens: who has the tunnel, who waits, who is sent away.

import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { bare, cleanUp, closed, frame, server, until } from "./ends.js";

afterEach(cleanUp);

const BAD = 0;

/** What arrives at a bare socket. */
function read(socket: Socket): () => Buffer {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  return () => Buffer.concat(chunks);
}

describe("a second client", () => {
  test("waits while the first is heard, and takes over once it is silent", async () => {
    const there = await server({ silentMs: 300 });
    const first = await bare(there.port);
    first.write(frame(1));
    await until(() => there.datagrams.length === 1, "the first is heard");
    const second = await bare(there.port);
    const got = read(second);
    second.write(Buffer.concat([frame(2), frame(3), frame(4)]));
    await until(() => there.datagrams.length === 2, "the second's first datagram");
    for (let count = 0; count < 5; count++) {
      await sleep(100);
      first.write(frame(5));
      expect(there.carrier.peer?.port).toBe(first.localPort);
    }
    expect(there.datagrams.filter(({ length }) => length === 9)).toEqual([]);
    const begin = performance.now();
    await closed(first);
    expect(performance.now() - begin).toBeGreaterThan(200);
    await until(() => there.carrier.peer?.port === second.localPort, "taken over");
    // What waited comes now, and what is sent goes there.
    await until(() => there.datagrams.length === 9, "the rest of the second's");
    expect(there.datagrams.slice(-2)).toEqual([frame(3), frame(4)]);
    expect(there.send(frame(6))).toBeUndefined();
    await until(() => got().equals(frame(6)), "an answer");
    const changes = there.events.map(({ type }) => type);
    expect(changes).toEqual(["connected", "disconnected", "connected"]);
  });

  test("takes over at once from one that never sent anything good", async () => {
    const there = await server();
    const first = await bare(there.port);
    await until(() => there.carrier.peer?.port === first.localPort, "the first has it");
    const second = await bare(there.port);
    second.write(frame(2));
    await until(() => there.carrier.peer?.port === second.localPort, "taken over");
  });

  test("takes over at once when the first goes", async () => {
    const there = await server();
    const first = await bare(there.port);
    first.write(frame(1));
    await until(() => there.datagrams.length === 1, "the first is heard");
    const second = await bare(there.port);
    first.destroy();
    await until(() => there.carrier.peer?.port === second.localPort, "taken over");
  });

  test("is sent away if what it sends first is not good, or no datagram at all", async () => {
    const there = await server();
    const first = await bare(there.port);
    first.write(frame(1));
    await until(() => there.datagrams.length === 1, "the first is heard");
    for (const bytes of [frame(20, BAD), Buffer.from("GET / HTTP/1.1\r\n\r\n")]) {
      const other = await bare(there.port);
      other.write(bytes);
      await closed(other);
    }
    expect(there.lost).toHaveLength(1);
    expect(there.told("turned_away")).toHaveLength(1);
    expect(there.carrier.peer?.port).toBe(first.localPort);
  });

  test("is sent away after a while, also if a byte comes now and then", async () => {
    const there = await server({ waitingMs: 200 });
    const first = await bare(there.port);
    first.write(frame(1));
    const second = await bare(there.port);
    const drip = setInterval(() => second.write("c"), 20);
    second.write("crap");
    await closed(second);
    clearInterval(drip);
    expect(there.told("turned_away")).toMatchObject([{ why: "another client has the tunnel" }]);
    expect(there.carrier.peer?.port).toBe(first.localPort);
  });
});

describe("many clients", () => {
  test("that say nothing cost a bounded number of sockets, and the newest still gets in", async () => {
    const there = await server({ waiting: 4 });
    const first = await bare(there.port);
    first.write(frame(1));
    await until(() => there.datagrams.length === 1, "the first is heard");
    const gone = new Set<Socket>();
    const crowd: Socket[] = [];
    for (let count = 0; count < 200; count++) {
      const socket = await bare(there.port);
      socket.once("close", () => gone.add(socket)).resume();
      crowd.push(socket);
    }
    await until(() => gone.size === 196, "all but four are closed");
    expect(crowd.slice(-4).every((socket) => !gone.has(socket))).toBe(true);
    expect(there.told("turned_away")).toHaveLength(1);
    const newest = await bare(there.port);
    newest.write(frame(9));
    await until(() => there.datagrams.length === 2, "heard in the crowd");
    first.destroy();
    await until(() => there.carrier.peer?.port === newest.localPort, "taken over");
  });

  test("that come and go are told a few times only", async () => {
    const there = await server();
    for (let count = 0; count < 50; count++) {
      const socket = await bare(there.port);
      socket.destroy();
    }
    await sleep(50);
    expect(there.told("connected").length).toBeLessThanOrEqual(3);
    expect(there.told("disconnected").length).toBeLessThanOrEqual(3);
    const good = await bare(there.port);
    good.write(frame(1));
    await until(() => there.told("connected").at(-1)?.peer.port === good.localPort, "told");
  });

  test("that are garbage are closed at once, and counted", async () => {
    const there = await server();
    for (let count = 1; count <= 30; count++) {
      const socket = await bare(there.port);
      socket.write(Buffer.alloc(100_000, count));
      await closed(socket);
    }
    await until(() => there.lost.length === 30, "all counted");
    expect(there.datagrams).toEqual([]);
  });
});
