// What `crapvpn doctor` finds about tunnels over TCP: the port, and what the kernel tells of a connection.

import { once } from "node:events";
import { createConnection, createServer, type Server } from "node:net";
import type { KernelAbilities } from "../carrier/tcp/kernel.js";
import { errnoOf } from "../failure.js";
import type { Finding } from "./doctor.js";

/** What is lost without each. */
const losses: Readonly<Record<keyof KernelAbilities, string>> = {
  descriptor:
    "Node does not tell its sockets' descriptors: what waits in the system is neither seen nor bounded, so a ping under load takes long",
  unsent: "the system does not tell what waits to be sent: a ping under load takes longer",
  notsent_lowat: "TCP_NOTSENT_LOWAT is refused: the system takes more than it can send",
  user_timeout: "TCP_USER_TIMEOUT is refused: a peer that vanishes is noticed after minutes",
};

/** @param wanted the port that tunnels use */
export async function tcpFindings(wanted: number): Promise<Finding[]> {
  return [await port(wanted), await connections()];
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  server.listen({ port, exclusive: true });
  await once(server, "listening");
  return server;
}

async function port(wanted: number): Promise<Finding> {
  const name = "tcp_port";
  try {
    (await listen(wanted)).close();
    return { name, grade: "ok", text: `TCP port ${wanted} is free` };
  } catch (error) {
    return {
      name,
      grade: "lacking",
      text: `TCP port ${wanted} cannot be used: ${errnoOf(error)}`,
      advice: `see who has it (ss -tlnp 'sport = :${wanted}'), or use --listen PORT`,
    };
  }
}

/** Tries on a connection of this machine to itself. */
async function connections(): Promise<Finding> {
  const name = "tcp_queue";
  try {
    const { KernelSide } = await import("../carrier/tcp/kernel.js");
    const server = await listen(0);
    const { port } = server.address() as { port: number };
    const socket = createConnection({ host: "localhost", port });
    try {
      await once(socket, "connect");
      const { abilities } = new KernelSide(socket);
      const lacking = Object.entries(abilities).filter(([, works]) => !works);
      if (lacking.length === 0) {
        const text = "what waits in a TCP connection is seen and bounded: --tcp";
        return { name, grade: "ok", text, data: { ...abilities } };
      }
      const [first] = lacking as [[keyof KernelAbilities, boolean]];
      return { name, grade: "lacking", text: losses[first[0]], data: { ...abilities } };
    } finally {
      socket.destroy();
      server.close();
    }
  } catch (error) {
    const why = errnoOf(error) ?? (error as Error).message;
    return { name, grade: "lacking", text: `no TCP connection on this machine itself: ${why}` };
  }
}
