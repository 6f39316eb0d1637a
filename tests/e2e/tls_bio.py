#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that move their bytes themselves and give them to OpenSSL in memory: their sockets are not used within the library's calls. Requests between
them, each with a path of its own, counted once at each end in plaintext, against what the clients say they got."""
import collections
import subprocess
import sys
import time

import lib
import tls_lib

# Both ends in one loop of events, each answer with what was asked for.
LOOP = """
import asyncio, ssl, sys
connections, requests, version, key, chain = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
served.load_cert_chain(chain, key)
served.minimum_version = served.maximum_version = ssl.TLSVersion[version]
trust = ssl._create_unverified_context()

async def answer(reader, writer):
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            body = head.split()[1] * 3
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
    except asyncio.IncompleteReadError:
        writer.close()

async def ask(port, me):
    right = 0
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, ssl_handshake_timeout=300)
    for i in range(requests):
        path = "/of/%d/%d" % (me, i)
        writer.write(b"GET %s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % path.encode())
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        right += await reader.readexactly(int(head.split()[-1])) == path.encode() * 3
    writer.close()
    await writer.wait_closed()
    return right

async def both():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=served, backlog=1024, ssl_handshake_timeout=300)
    await asyncio.sleep(0.5)
    print(sum(await asyncio.gather(*(ask(server.sockets[0].getsockname()[1], me) for me in range(connections)))))
    server.close()

asyncio.run(both())
"""


def asyncio_loop(connections, requests, version):
    with lib.Services() as services:
        done = subprocess.run([lib.PYTHON, "-c", LOOP, connections, requests, version, *map(str, tls_lib.certificate(services))], check=True,
                              stdout=subprocess.PIPE, text=True)
        lib.tell(right=int(done.stdout))


def counted(result, connections, requests):
    """Each path once at each end, in the right connection: all of one connection's at the client came from one connection at the server."""
    lib.equal(result.told["right"], connections * requests, "the clients' own count")
    for kind in ("server", "client"):
        exchanges = result.of(kind=kind, protocol="http")
        ends = collections.Counter((x["operation"], x["status"], x["complete"], x["source"]) for x in exchanges)
        result.counts(dict(ends), {("GET", "200", True, "openssl"): connections * requests}, f"{kind} exchanges; lost {result.lost()}")
    result.check_lost({})
    result.check_accounts()


def test_asyncio_one():
    counted(lib.run("asyncio_loop", "--uprobes", args=(1, 500, "TLSv1_3")), 1, 500)


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
