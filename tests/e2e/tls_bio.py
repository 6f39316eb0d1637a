#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs that move ciphertext themselves and give it to OpenSSL in memory: Python's asyncio, Node.js. Both ends are in one event loop; what each shows
is counted in plaintext against what the clients say they got. Paths are asked for once, and their answers tell them apart."""
import collections
import pathlib
import shutil
import subprocess
import sys

import lib
import tls_lib

CODES = (200, 201, 202, 203, 400, 404, 410, 500)
MANY = 500
# As tls_bio.js.
LOOP = f"""
import asyncio, ssl, sys
version, connections, requests, key, chain = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
served.load_cert_chain(chain, key)
served.minimum_version = served.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
trust = ssl._create_unverified_context()

def code(path):
    return {CODES}[sum(map(int, path.split(b"/")[2:])) % {len(CODES)}]

async def answer(reader, writer):
    try:
        while True:
            path = (await reader.readuntil(b"\\r\\n\\r\\n")).split()[1]
            writer.write(b"HTTP/1.1 %d Said\\r\\nContent-Length: %d\\r\\n\\r\\n" % (code(path), len(path) * 3) + path * 3)
    except asyncio.IncompleteReadError:
        writer.close()

async def ask(port, me):
    right = 0
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, ssl_handshake_timeout=600)
    for i in range(requests):
        path = b"/of/%d/%d" % (me, i)
        writer.write(b"GET %s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % path)
        head = (await reader.readuntil(b"\\r\\n\\r\\n")).split()
        right += await reader.readexactly(int(head[-1])) == path * 3 and int(head[1]) == code(path)
    writer.close()
    await writer.wait_closed()
    return right

async def both():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=served, backlog=1024, ssl_handshake_timeout=600)
    await asyncio.sleep({lib.PATIENCE})
    print(sum(await asyncio.gather(*(ask(server.sockets[0].getsockname()[1], me) for me in range(connections)))))
    server.close()

asyncio.run(both())
"""


def told_by(command, services, *load):
    done = subprocess.run([*command, *load, *map(str, tls_lib.certificate(services))], check=True, stdout=subprocess.PIPE, text=True)
    lib.tell(right=int(done.stdout))


def by_asyncio(_, *load):
    with lib.Services() as services:
        told_by([lib.PYTHON, "-c", LOOP], services, *load)


def by_node(*load):
    """A copy of it: it has OpenSSL in itself, and nobody else is to meet the probes."""
    with lib.Services() as services:
        node = services.dir / "node"
        shutil.copyfile(pathlib.Path(shutil.which("node")).resolve(), node)
        node.chmod(0o755)
        told_by([node, pathlib.Path(__file__).with_suffix(".js")], services, *load)


def connections_of(exchanges):
    """Who asked, by the connection it was seen on."""
    found = collections.defaultdict(set)
    for x in exchanges:
        found[x["client"]].add(x["resource"].split("/")[2])
    return found


def counted(scenario, connections, requests, protocol="http", version="TLSv1.3"):
    result = lib.run(scenario, "--uprobes", "--limit", "ring_bytes=64M", args=(protocol, version, connections, requests))
    lib.equal(result.told["right"], connections * requests, "the clients' own count")
    paths = [(me, i) for me in range(connections) for i in range(requests)]
    want = {(f"/of/{me}/{i}", str(CODES[(me + i) % len(CODES)]), True, "openssl"): 1 for me, i in paths}
    for kind in ("server", "client"):
        exchanges = result.of(kind=kind, protocol=protocol)
        found = collections.Counter((x["resource"], x["status"], x["complete"], x["source"]) for x in exchanges)
        result.counts(dict(found), want, f"{kind} exchanges; lost {result.lost()}")
        askers = sorted(tuple(askers) for askers in connections_of(exchanges).values())
        lib.equal(askers, sorted((str(me),) for me in range(connections)), f"who asked on each connection, at the {kind}")
    handshakes = collections.Counter((x["kind"], x["status"]) for x in result.of(protocol="tls"))
    result.counts(dict(handshakes), {(kind, "OK"): connections for kind in ("server", "client")}, "handshakes")
    result.check_lost({})
    result.check_accounts()


def test_asyncio():
    counted("by_asyncio", 1, lib.scaled(1000))


def test_asyncio_tls_1_2():
    counted("by_asyncio", 1, lib.scaled(200), version="TLSv1.2")


def test_asyncio_many_connections():
    counted("by_asyncio", lib.scaled(MANY), 4)


def test_node():
    lib.need("node")
    counted("by_node", 1, lib.scaled(1000))


def test_node_tls_1_2():
    lib.need("node")
    counted("by_node", 10, lib.scaled(50), version="TLSv1.2")


def test_node_http_2():
    lib.need("node")
    counted("by_node", 10, lib.scaled(50), protocol="http2")


def test_node_many_connections():
    lib.need("node")
    counted("by_node", lib.scaled(MANY), 4)


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
