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
import asyncio, socket, ssl, sys
(version, *curves), connections, key, chain = sys.argv[1].split(), int(sys.argv[2]), sys.argv[3], sys.argv[4]
served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
served.load_cert_chain(chain, key)
served.minimum_version = served.maximum_version = ssl.TLSVersion[version.replace(".", "_")]
for curve in curves:
    served.set_ecdh_curve(curve)
trust = ssl._create_unverified_context()
if sys.argv[5:]:  # within the first call of a client's session, which has not sent its hello then, a line goes to another socket
    listening = socket.create_server(("127.0.0.1", 0))
    log, told = socket.create_connection(listening.getsockname()), set()
    def tell(session, *_):
        if session not in told:
            told.add(session)
            log.sendall(b"log line\\n")
    trust._msg_callback = tell

def code(path):
    return {CODES}[sum(map(int, path.split(b"/")[2:])) % {len(CODES)}]

async def answer(reader, writer):
    try:
        while True:
            path = (await reader.readuntil(b"\\r\\n\\r\\n")).split()[1]
            writer.write(b"HTTP/1.1 %d Said\\r\\nContent-Length: %d\\r\\n\\r\\n" % (code(path), len(path) * 3) + path * 3)
    except asyncio.IncompleteReadError:
        writer.close()

async def ask(reader, writer, me, asked):
    right = 0
    for i in asked:
        path = b"/of/%d/%d" % (me, i)
        writer.write(b"GET %s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % path)
        head = (await reader.readuntil(b"\\r\\n\\r\\n")).split()
        right += await reader.readexactly(int(head[-1])) == path * 3 and int(head[1]) == code(path)
    return right

async def both():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=served, backlog=1024, ssl_handshake_timeout=600)
    port = server.sockets[0].getsockname()[1]
    opened, asked = None, 0
    while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        opened = opened or await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port, ssl=trust, ssl_handshake_timeout=600)
                                                  for _ in range(connections)))
        more = range(asked, asked + int(line))
        asked = more.stop
        print(sum(await asyncio.gather(*(ask(*pair, me, more) for me, pair in enumerate(opened)))), flush=True)
    for _, writer in opened:
        writer.close()
        await writer.wait_closed()
    server.close()

asyncio.run(both())
"""


# One thread reads all sockets and hands on what it got to another, which has the sessions.
THREADS = """
import queue, selectors, socket, ssl, sys, threading
connections, requests = int(sys.argv[1]), int(sys.argv[2])
served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
served.load_cert_chain(sys.argv[4], sys.argv[3])
trust = ssl._create_unverified_context()
listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
came, sockets, done = queue.Queue(), selectors.DefaultSelector(), threading.Event()

class End:
    def __init__(self, s, me):
        self.socket, self.me, self.asked, self.right, self.got = s, me, 0, 0, b""
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (served if me is None else trust).wrap_bio(self.into, self.out, server_side=me is None)
        self.open = False
        sockets.register(s, selectors.EVENT_READ, self)

    def ask(self):
        if self.asked < requests:
            self.tls.write(b"GET /of/%d/%d HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % (self.me, self.asked))
            self.asked += 1

    def take(self, data):
        self.into.write(data)
        try:
            if not self.open:
                self.tls.do_handshake()
                self.open = True
                if self.me is not None:
                    self.ask()
            while True:
                self.got += self.tls.read(65536)
                if self.me is None and self.got.endswith(b"\\r\\n\\r\\n"):
                    path, self.got = self.got.split()[1], b""
                    self.tls.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(path) + path)
                elif self.me is not None and self.got.endswith(b"/of/%d/%d" % (self.me, self.asked - 1)):
                    self.right, self.got = self.right + 1, b""
                    self.ask()
        except ssl.SSLWantReadError:
            pass
        self.socket.sendall(self.out.read())

def sessions():
    while (item := came.get()):
        item[0].take(item[1])
        if sum(end.right for end in clients) == connections * requests:
            done.set()

clients = [End(socket.create_connection(listening.getsockname()), me) for me in range(connections)]
servers = [End(listening.accept()[0], None) for _ in range(connections)]
thread = threading.Thread(target=sessions)
thread.start()
for end in clients:
    came.put((end, b""))
while not done.is_set():
    for key, _ in sockets.select(0.1):
        came.put((key.data, key.fileobj.recv(65536)))
came.put(None)
thread.join()
print(sum(end.right for end in clients))
"""


def threads(connections, requests):
    with lib.Services() as services:
        load = map(str, (connections, requests, *tls_lib.certificate(services)))
        lib.tell(right=int(subprocess.run([lib.PYTHON, "-c", THREADS, *load], check=True, stdout=subprocess.PIPE).stdout))


# Client, server, and what hands on every byte between them without a look at it, in one program: each hello comes to two of its sockets.
HANDED_ON = """
import asyncio, ssl, sys
served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
served.load_cert_chain(sys.argv[2], sys.argv[1])

async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi")
    await writer.drain()
    writer.close()

async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()

async def all():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=served)
    async def forward(reader, writer):
        upstream = await asyncio.open_connection(*server.sockets[0].getsockname())
        await asyncio.gather(copy(reader, upstream[1]), copy(upstream[0], writer))
    between = await asyncio.start_server(forward, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*between.sockets[0].getsockname(), ssl=ssl._create_unverified_context())
    writer.write(b"GET /handed/on HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    print((await reader.read(65536)).decode())
    writer.close()

asyncio.run(all())
"""


def handed_on():
    with lib.Services() as services:
        subprocess.run([lib.PYTHON, "-c", HANDED_ON, *map(str, tls_lib.certificate(services))], check=True, stdout=subprocess.DEVNULL)


# Within the handshake of each session that comes in, the server asks another by a session of its own: what that receives it receives within the
# first one's call.
CALLBACK = """
import asyncio, socket, ssl, sys, threading
connections = int(sys.argv[1])
served, behind = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2))
for context in served, behind:
    context.load_cert_chain(sys.argv[3], sys.argv[2])
trust = ssl._create_unverified_context()
listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
answer = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi"

def serve_behind():
    for _ in range(connections):
        with behind.wrap_socket(listening.accept()[0], server_side=True) as s:
            s.recv(65536)
            s.sendall(answer)

def ask_behind(_, name, __):
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    with socket.create_connection(listening.getsockname()) as s:
        tls = trust.wrap_bio(into, out)
        def done(call, *args):
            while True:
                try:
                    result = call(*args)
                    s.sendall(out.read())
                    return result
                except ssl.SSLWantReadError:
                    s.sendall(out.read())
                    into.write(s.recv(65536))
        done(tls.do_handshake)
        done(tls.write, b"GET /behind/%s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % name.encode())
        assert done(tls.read, 65536) == answer

served.sni_callback = ask_behind

async def serve(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(answer)
    await writer.drain()
    writer.close()

async def front():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=served)
    for i in range(connections):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), ssl=trust, server_hostname=f"of{i}.example")
        writer.write(b"GET /front/of%d.example HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % i)
        assert await reader.readexactly(len(answer)) == answer
        writer.close()

thread = threading.Thread(target=serve_behind)
thread.start()
asyncio.run(front())
thread.join()
"""


def within_a_callback(connections):
    with lib.Services() as services:
        subprocess.run([lib.PYTHON, "-c", CALLBACK, str(connections), *map(str, tls_lib.certificate(services))], check=True)


class Program:
    """Both ends, in a `with`; they end with it. `brings`: a library nobody had before, as lib.observed() is told of it."""

    def __init__(self, command, *load, brings=()):
        self.brings = brings
        self.process = subprocess.Popen([*command, *map(str, load)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def ask(self, requests):
        """So many on each connection; how many were answered right."""
        self.process.stdin.write(f"{requests}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def __exit__(self, kind, *_):
        self.process.stdin.close()
        if kind:
            self.process.kill()
        status = self.process.wait()
        lib.check(kind or status == 0, f"the program ended with {status}")


def asyncio_program(services, _, version, connections):
    return Program([lib.PYTHON, "-c", LOOP], version, connections, *tls_lib.certificate(services))


def logging_program(services, _, version, connections):
    return Program([lib.PYTHON, "-c", LOOP], version, connections, *tls_lib.certificate(services), "logs")


def node_program(services, *load):
    """A copy of it: it has OpenSSL in itself, and nobody else is to meet the probes."""
    lib.need("node")
    node = services.dir / "node"
    shutil.copyfile(pathlib.Path(shutil.which("node")).resolve(), node)
    node.chmod(0o755)
    return Program([node, pathlib.Path(__file__).with_suffix(".js")], *load, *tls_lib.certificate(services), brings=("node",))


PROGRAMS = {"asyncio": asyncio_program, "logging": logging_program, "node": node_program}


def asked(program, protocol, version, connections, requests):
    with lib.Services() as services, PROGRAMS[program](services, protocol, version, connections) as both:
        if both.brings:  # the system's library was observed before anybody began
            lib.observed(*both.brings)
        lib.tell(right=both.ask(requests))


def connections_of(exchanges):
    """Who asked, by the connection it was seen on."""
    found = collections.defaultdict(set)
    for x in exchanges:
        found[x["client"]].add(x["resource"].split("/")[2])
    return found


def check_exchanges(result, connections, requests, protocol="http"):
    """Each path once at each end, with its own answer, and what one client asked on one connection."""
    paths = [(me, i) for me in range(connections) for i in requests]
    want = {(f"/of/{me}/{i}", str(CODES[(me + i) % len(CODES)]), True, "openssl"): 1 for me, i in paths}
    for kind in ("server", "client"):
        exchanges = [x for x in result.of(kind=kind, protocol=protocol) if x["resource"] and int(x["resource"].split("/")[3]) in requests]
        found = collections.Counter((x["resource"], x["status"], x["complete"], x["source"]) for x in exchanges)
        result.counts(dict(found), want, f"{kind} exchanges; lost {result.lost()}")
        askers = sorted(tuple(askers) for askers in connections_of(exchanges).values())
        lib.equal(askers, sorted((str(me),) for me in range(connections)), f"who asked on each connection, at the {kind}")


def counted(program, connections, requests, *options, protocol="http", version="TLSv1.3"):
    if program == "node":
        lib.need("node")
    result = lib.run("asked", "--uprobes", "--limit", "ring_bytes=64M", *options, args=(program, protocol, version, connections, requests))
    lib.equal(result.told["right"], connections * requests, "the clients' own count")
    check_exchanges(result, connections, range(requests), protocol)
    handshakes = collections.Counter((x["kind"], x["status"]) for x in result.of(protocol="tls"))
    result.counts(dict(handshakes), {(kind, "OK"): connections for kind in ("server", "client")}, "handshakes")
    result.check_lost({})
    result.check_accounts()


def test_asyncio():
    counted("asyncio", 1, lib.scaled(1000))


def test_asyncio_tls_1_2():
    counted("asyncio", 1, lib.scaled(200), version="TLSv1.2")


def test_a_callback_that_logs():
    """What a handshake's callback uses is not the session's socket."""
    counted("logging", 10, lib.scaled(50))
    counted("logging", 10, lib.scaled(50), version="TLSv1.2")


def test_asyncio_asked_to_retry():
    """The client offers a key of another curve than the only one the server takes, so each says hello twice."""
    counted("asyncio", 10, lib.scaled(50), version="TLSv1.3 prime256v1")


def test_asyncio_many_connections():
    counted("asyncio", lib.scaled(MANY), 4)


def test_threads():
    connections, requests = lib.scaled(100), 10
    result = lib.run("threads", "--uprobes", args=(connections, requests))
    lib.equal(result.told["right"], connections * requests, "the clients' own count")
    for kind in ("server", "client"):
        exchanges = result.of(kind=kind, protocol="http")
        result.counts(collections.Counter((x["resource"], x["status"], x["complete"], x["source"]) for x in exchanges),
                      {(f"/of/{me}/{i}", "200", True, "openssl"): 1 for me in range(connections) for i in range(requests)}, f"{kind} exchanges")
        lib.equal(sorted(map(tuple, connections_of(exchanges).values())), sorted((str(me),) for me in range(connections)), f"who asked, at the {kind}")
    result.check_lost({})


def test_a_session_within_a_callback():
    connections = 20
    result = lib.run("within_a_callback", "--uprobes", args=(connections,))
    for kind in ("server", "client"):
        result.counts(collections.Counter((x["resource"], x["status"], x["complete"], x["source"]) for x in result.of(kind=kind, protocol="http")),
                      {(f"/{where}/of{i}.example", "200", True, "openssl"): 1 for where in ("front", "behind") for i in range(connections)},
                      f"{kind} exchanges; lost {result.lost()}")
    result.check_lost({})
    result.check_accounts()


def test_a_hello_two_sockets_received():
    """Whose it is nobody can tell: nothing is shown of it, and it is counted."""
    result = lib.run("handed_on", "--uprobes")
    lib.equal(result.of(protocol="http"), [], "exchanges")
    lib.equal(list(result.lost()), ["session"], "lost")
    lib.equal(len(result.of(protocol="tls", status="OK")), 4, "handshakes, two connections with two ends each")
    result.check_accounts()


def test_node():
    counted("node", 1, lib.scaled(1000))


def test_node_tls_1_2():
    counted("node", 10, lib.scaled(50), version="TLSv1.2")


def test_node_http_2():
    counted("node", 10, lib.scaled(50), protocol="http2")


def test_node_many_connections():
    counted("node", lib.scaled(MANY), 4)


def open_before(program, *options, version="TLSv1.3", connections=20):
    """What is asked first makes telltale look for the sockets; it is lost, and counted."""
    with lib.Services() as services, PROGRAMS[program](services, "http", version, connections) as both:
        both.ask(1)
        with lib.Agent(both.process.pid, options=("--uprobes", "--log-level", "debug", *options)) as agent:
            both.ask(1)
            lib.wait_for(lambda: "that were open before (openssl)" in agent.output(), "probes that look for sockets")
            lib.equal([both.ask(1), both.ask(5)], [connections, 5 * connections], "right answers")
    check_exchanges(agent.result, connections, range(3, 8))
    lib.equal(list(agent.result.lost()), ["session"], "lost")
    agent.result.check_accounts()


def test_asyncio_open_before():
    open_before("asyncio")


def test_node_open_before():
    open_before("node", version="TLSv1.2")


def test_no_return_probes():
    """The handshake's own return is not seen then: what is said first binds."""
    counted("asyncio", 10, lib.scaled(50), "--no-return-probes")
    open_before("asyncio", "--no-return-probes")


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
