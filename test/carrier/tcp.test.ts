// The carrier over TCP: datagrams through a stream, connections that come and go, and what waits.

import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { KernelSide } from "../../src/carrier/tcp/kernel.js";
import { bare, cleanUp, client, closed, deframer, frame, server, until } from "./ends.js";

afterEach(cleanUp);

/** A server that is none of ours, for one client of ours. */
async function strange(): Promise<{ port: number; server: Server; socket: () => Promise<Socket> }> {
  const server = createServer();
  const sockets: Socket[] = [];
  const waiting: ((socket: Socket) => void)[] = [];
  server.on("connection", (socket) => {
    socket.on("error", () => {});
    const waiter = waiting.shift();
    if (waiter) waiter(socket);
    else sockets.push(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const socket = () =>
    new Promise<Socket>((resolve) => {
      const found = sockets.shift();
      if (found) resolve(found);
      else waiting.push(resolve);
    });
  return { port, server, socket };
}

describe("datagrams", () => {
  test("of all lengths go both ways, whole and in order", async () => {
    const there = await server();
    const here = client(there.port);
    await until(() => there.carrier.peer !== undefined, "connected");
    const sent = [1, 2, 20, 1500, 65_535, 9000, 1, 65_535, 40].map((bytes) => frame(bytes));
    for (const datagram of sent) expect(here.send(datagram)).toBeUndefined();
    for (const datagram of sent) expect(there.send(datagram)).toBeUndefined();
    await until(() => there.datagrams.length === sent.length, "all there");
    await until(() => here.datagrams.length === sent.length, "all here");
    expect(Buffer.concat(there.datagrams).equals(Buffer.concat(sent))).toBe(true);
    expect(Buffer.concat(here.datagrams).equals(Buffer.concat(sent))).toBe(true);
    expect(here.told("connected")).toEqual([
      { type: "connected", local: here.carrier.local, peer: here.carrier.peer },
    ]);
    expect(there.told("connected")).toEqual([
      { type: "connected", local: here.carrier.peer, peer: here.carrier.local },
    ]);
  });

  test("arrive however the stream was cut", async () => {
    const there = await server();
    const socket = await bare(there.port);
    socket.setNoDelay(true);
    const sent = [3, 1, 30].map((bytes) => frame(bytes));
    for (const byte of Buffer.concat(sent)) {
      socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => there.datagrams.length === 3, "all there");
    expect(there.datagrams).toEqual(sent);
  });

  test("over IPv6, and from an IPv4 address to where both are listened to", async () => {
    const there = await server({}, { address: "::", port: 0 });
    const six = client(there.port, "::1");
    await until(() => there.carrier.peer?.address === "::1", "connected by IPv6");
    await six.carrier.close();
    client(there.port);
    await until(() => there.carrier.peer?.address === "127.0.0.1", "connected by IPv4");
  });
});

describe("the client", () => {
  test("may start first, refuses datagrams until there is a connection, and says why", async () => {
    const first = await server();
    const { port } = first;
    await first.carrier.close();
    const here = client(port);
    await until(() => here.told("reconnecting").length > 1, "two attempts");
    expect(here.send(frame(1))).toBe("ENOTCONN");
    expect(here.carrier.local).toBeUndefined();
    const [attempt, again] = here.told("reconnecting");
    expect(attempt).toMatchObject({ why: "nobody listens there", attempt: 1, inSeconds: 0.1 });
    expect(again).toMatchObject({ attempt: 2, inSeconds: 0.2 });
    const there = await server({}, { address: "127.0.0.1", port });
    await until(() => here.told("connected").length === 1, "connected");
    expect(here.send(frame(1))).toBeUndefined();
    await until(() => there.datagrams.length === 1, "through");
  });

  test("connects again after the other end was away, and datagrams flow anew", async () => {
    const first = await server();
    const here = client(first.port);
    await until(() => first.carrier.peer !== undefined, "connected");
    await first.carrier.close();
    await until(() => here.told("reconnecting").length > 0, "lost");
    expect(here.told("reconnecting")[0]?.why).toBe("the other end closed it");
    const there = await server({}, { address: "127.0.0.1", port: first.port });
    await until(() => there.carrier.peer !== undefined, "connected again");
    await until(() => here.send(frame(9)) === undefined, "sent");
    await until(() => there.datagrams.length === 1, "through");
  });

  test("closes at once what is no row of datagrams, tells it, and connects again", async () => {
    const { port, server, socket } = await strange();
    const here = client(port);
    const first = await socket();
    first.write(Buffer.concat([frame(5), Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")]));
    await until(() => here.lost.length === 1, "told");
    expect(here.lost[0]).toMatchObject({ field: "crapvpn.magic", layer: "header", offset: 0 });
    expect(here.datagrams).toEqual([frame(5)]);
    await closed(first);
    (await socket()).write(frame(7));
    await until(() => here.datagrams.length === 2, "connected again");
    await here.carrier.close();
    server.close();
  });

  test("survives resets, in the middle of a frame too", async () => {
    const { port, server, socket } = await strange();
    const here = client(port);
    for (let count = 1; count <= 3; count++) {
      const made = await socket();
      made.write(frame(500).subarray(0, 100 * count));
      await new Promise((resolve) => setTimeout(resolve, 5));
      made.resetAndDestroy();
      await until(() => here.told("reconnecting").length === count, "lost");
    }
    (await socket()).write(frame(7));
    await until(() => here.datagrams.length === 1, "connected again");
    expect(here.datagrams).toEqual([frame(7)]);
    await here.carrier.close();
    server.close();
  });
});

describe("what waits", () => {
  test("is bounded where nobody reads, and arrives whole once somebody does", async () => {
    const { port, server, socket } = await strange();
    const here = client(port);
    const there = await socket();
    there.pause();
    await until(() => here.told("connected").length === 1, "connected");
    const datagram = frame(1494);
    let taken = 0;
    // So long that the kernel's buffers are full, too.
    const begin = performance.now();
    while (performance.now() - begin < 1000) {
      for (let count = 0; count < 100; count++) {
        if (here.send(datagram) === undefined) taken++;
        else expect(here.send(datagram)).toBe("ENOBUFS");
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    const arrived: Buffer[] = [];
    there.on("data", (chunk) => arrived.push(chunk)).resume();
    const bytes = () => arrived.reduce((sum, { length }) => sum + length, 0);
    await until(() => bytes() >= taken * datagram.length, "all that was taken");
    const all = Buffer.concat(arrived);
    expect(all.length).toBe(taken * datagram.length);
    expect(all.subarray(-datagram.length).equals(datagram)).toBe(true);
    expect(here.send(datagram)).toBeUndefined();
    await here.carrier.close();
    server.close();
  });

  test("of the longest datagrams goes even where little may wait", async () => {
    const { port, server, socket } = await strange();
    const here = client(port);
    const there = await socket();
    there.pause();
    await until(() => here.told("connected").length === 1, "connected");
    const begin = performance.now();
    while (performance.now() - begin < 700) {
      here.send(frame(1000));
      await new Promise((resolve) => setImmediate(resolve));
    }
    there.resume();
    await until(() => here.send(frame(65_535)) === undefined, "the longest is taken");
    await here.carrier.close();
    server.close();
  });
});

/** What this process holds: descriptors, and what keeps it running. */
function held() {
  const resources = process.getActiveResourcesInfo();
  const count = (kind: string) => resources.filter((name) => name === kind).length;
  return {
    descriptors: readdirSync("/proc/self/fd").length,
    sockets: count("TCPSocketWrap") + count("TCPServerWrap") + count("TCPConnectWrap"),
    timers: count("Timeout"),
  };
}

test("a hundred connections leave nothing behind", async () => {
  const { port, server, socket } = await strange();
  const here = client(port, "127.0.0.1", { next: () => 1, reset: () => {} });
  let memory: number | undefined;
  let before: ReturnType<typeof held> | undefined;
  for (let count = 0; count < 100; count++) {
    const there = await socket();
    there.write(frame(20));
    await until(() => here.datagrams.length === count + 1, "a datagram");
    here.send(frame(30));
    there.destroy();
    if (count !== 10) continue;
    const probe = deframer();
    memory = probe.room().buffer.byteLength;
    probe.free();
    before = held();
  }
  const probe = deframer();
  expect(probe.room().buffer.byteLength).toBe(memory);
  probe.free();
  await until(() => here.told("reconnecting").length >= 100, "the last one is over");
  const after = held();
  expect(after.descriptors).toBeLessThanOrEqual((before?.descriptors ?? 0) + 2);
  expect(after.sockets).toBeLessThanOrEqual((before?.sockets ?? 0) + 2);
  await here.carrier.close();
  server.close();
  await once(server, "close");
  expect(held().timers).toBeLessThanOrEqual(before?.timers ?? 0);
});

test("Node tells the descriptor that the kernel is asked by; without it nothing is known", async () => {
  const there = await server();
  const socket = await bare(there.port);
  const all = { descriptor: true, unsent: true, notsent_lowat: true, user_timeout: true };
  expect(new KernelSide(socket).abilities).toEqual(all);
  const none = new KernelSide({} as Socket);
  expect(Object.values(none.abilities)).toEqual([false, false, false, false]);
  expect(none.unsent()).toBe(0);
});

test("a port that is taken says so", async () => {
  const { port } = await server();
  await expect(server({}, { address: "127.0.0.1", port })).rejects.toMatchObject({
    kind: "system",
    message: `TCP 127.0.0.1:${port} is taken by another program: end that, or choose another port with --listen PORT`,
    hints: [`ss -tlnp 'sport = :${port}'`],
  });
});
