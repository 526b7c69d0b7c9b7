#!/usr/bin/env python3
"""A TCP relay for tests that is a bad way: slow, and now and then it stands still, as where loss is
mended. It holds little itself, so that what waits waits at the sender. The same seed stands still at
the same bytes.
"""

import argparse
import asyncio
import random
import socket


# What a short queue in a router holds.
BUFFER_BYTES = 16 * 1024


async def pump(reader, writer, options, dice):
    due = None
    loop = asyncio.get_running_loop()
    until_stall = dice.expovariate(1 / options.stall_every) if options.stall_every else None
    try:
        while data := await reader.read(4096):
            now = loop.time()
            due = max(now, due or now) + len(data) * 8 / options.rate
            if until_stall is not None:
                until_stall -= len(data)
                if until_stall < 0:
                    until_stall = dice.expovariate(1 / options.stall_every)
                    due += options.stall
            await asyncio.sleep(due - now)
            writer.write(data)
            await writer.drain()
    except (ConnectionError, asyncio.CancelledError):
        pass
    finally:
        writer.close()


def narrow(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("listen_port", type=int)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=float, required=True, help="bits a second, each way")
    parser.add_argument("--stall", type=float, default=0, help="seconds that it stands still")
    parser.add_argument("--stall-every", type=float, default=0, help="bytes between, on average")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    dice = random.Random(options.seed)

    async def relay(reader, writer):
        outgoing = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        narrow(outgoing)
        outgoing.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(outgoing, (options.host, options.port))
        except OSError:
            outgoing.close()
            writer.close()
            return
        there, back = await asyncio.open_connection(sock=outgoing, limit=BUFFER_BYTES)
        back.transport.set_write_buffer_limits(BUFFER_BYTES)
        writer.transport.set_write_buffer_limits(BUFFER_BYTES)
        one, other = random.Random(dice.random()), random.Random(dice.random())
        await asyncio.gather(pump(reader, back, options, one), pump(there, writer, options, other))

    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Before it listens, so that connections are narrow from their beginning.
    narrow(listening)
    listening.bind(("0.0.0.0", options.listen_port))
    server = await asyncio.start_server(relay, sock=listening, limit=BUFFER_BYTES)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
