#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Handshakes that fail, which over TLS 1.3 only the libraries say: counted once at each end, by what that end says itself; and those that only end early."""
import asyncio
import collections
import pathlib
import shutil
import ssl
import subprocess
import sys
import time

import lib
import tls_go
import tls_lib

TIMES = 4
GO = pathlib.Path(__file__).with_suffix(".go")
VERSIONS = {"1.2": ("--tls-max", "1.2"), "1.3": ("--tlsv1.3",)}


def curl(port, *options, within=()):
    """How it ends, as it says itself: 0, 60 where it does not trust the server, "alert" where it has read one; else its connection ended before that."""
    done = subprocess.run([*within, "curl", "-sS", "-o", "/dev/null", *options, f"https://127.0.0.1:{port}/"], stderr=subprocess.PIPE, text=True, timeout=60)
    return done.returncode if done.returncode in (0, 60) else "alert" if " alert " in done.stderr else "ended"


def hear_out():
    """A server is ended when it has read what was said last, and said what it makes of it."""
    time.sleep(0.5 * lib.PATIENCE)


def asks(services, port, version, within=()):
    """A client without a certificate, one with it, and one that does not trust the server."""
    key, chain = services.dir / "key.pem", services.dir / "chain.pem"
    mine = ("--cert", chain, "--key", key)
    other = services.dir / "other.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", services.dir / "other-key.pem", "-out", other, "-days", "2", "-subj", "/CN=other"],
                   check=True, stderr=subprocess.DEVNULL)
    clients = {"without": ("-k",), "with": ("-k", *mine), "distrusts": ("--cacert", other, *mine)}
    told = {name: [curl(port, *VERSIONS[version], *more, within=within) for _ in range(TIMES)] for name, more in clients.items()}
    hear_out()
    lib.tell(**told)


def of_openssl(version, *within):
    """`within`: what runs both."""
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services)
        port = lib.free_port()
        services.start([*within, "openssl", "s_server", "-accept", port, "-key", key, "-cert", chain, "-CAfile", chain, "-Verify", "1", "-verify_return_error", "-www", "-quiet"])
        lib.wait_for(lambda: lib.port_answers(port), "s_server")
        asks(services, port, version, within)


async def serve_in_memory(services, version):
    key, chain = services.dir / "key.pem", services.dir / "chain.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.load_verify_locations(chain)
    context.verify_mode = ssl.CERT_REQUIRED

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        await writer.drain()
        writer.close()

    port = lib.free_port()
    async with await asyncio.start_server(answer, "127.0.0.1", port, ssl=context):
        await asyncio.get_running_loop().run_in_executor(None, asks, services, port, version)


def of_asyncio(version):
    with lib.Services() as services:
        tls_lib.certificate(services)
        asyncio.run(serve_in_memory(services, version))


def of_gnutls(version):
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services)
        port = lib.free_port()
        services.start(["gnutls-serv", "--http", "--port", port, "--x509keyfile", key, "--x509certfile", chain, "--x509cafile", chain, "--require-client-cert",
                        "--verify-client-cert"])
        lib.wait_for(lambda: lib.port_answers(port), "gnutls-serv")
        asks(services, port, version)


def of_go(version):
    with lib.Services() as services:
        port = tls_lib.served(services, tls_go.build("whole", GO), observed=True)
        asks(services, port, version)


def check(end, version, server, client, args=()):
    """`server`, `client`: what each end says of a client without a certificate, and of one that does not trust the server."""
    result = lib.run(end, "--uprobes", args=(version, *args))
    lib.check(set(result.told["without"]) <= {"alert", "ended"}, f"curl without a certificate fails: {result.told}")
    lib.equal((result.told["with"], result.told["distrusts"]), ([0] * TIMES, [60] * TIMES), "how curl ended with one, and where it does not trust the server")
    for kind, (without, distrusts) in (("server", server), ("client", client)):
        handshakes = result.of(kind=kind, protocol="tls")
        found = collections.Counter((x["status"] or x["error_type"], x["error"], x["attributes"].get("tls.established"), x["complete"]) for x in handshakes)
        # A client may be through and never hear of it: its connection ended before. So may a server whose client resets it behind its alert.
        least = result.told["without"].count("alert") if (kind, version) == ("client", "1.3") else TIMES
        heard = max(least, min(TIMES, sum(x["status"] == without for x in handshakes)))
        resets = sum(x["error_type"] == "reset" for x in handshakes) if kind == "server" else 0
        want = collections.Counter({("reset", True, None, True): resets})
        for status, times in (("OK", TIMES + TIMES - heard), (without or "closed_by_server", heard), (distrusts, TIMES - resets)):
            want[status, status != "OK", None if status == "closed_by_server" else status == "OK", True] += times
        result.counts(dict(found), dict(+want), f"handshakes at the {kind}, TLS {version}; curl ended with {result.told}; lost {result.lost()}")
    result.check_lost({})
    result.check_accounts()


# What the server and the client say of a client without a certificate, and of one that does not trust the server: up to TLS 1.2 the alert, which is in the clear.
IN_THE_CLEAR = (("handshake_failure", "unknown_ca"), ("handshake_failure", "unknown_ca"))
OF_CURL = ("certificate_required", "unknown_ca")


def test_openssl():
    check("of_openssl", "1.2", *IN_THE_CLEAR)
    check("of_openssl", "1.3", ("peer_did_not_return_a_certificate", "unknown_ca"), OF_CURL)


def test_asyncio():
    """Its server ends the connection without its alert."""
    check("of_asyncio", "1.2", ("peer_did_not_return_a_certificate", "unknown_ca"), (None, "unknown_ca"))
    check("of_asyncio", "1.3", ("peer_did_not_return_a_certificate", "unknown_ca"), OF_CURL)


def test_gnutls():
    if not shutil.which("gnutls-serv"):
        lib.skip("there is no gnutls-serv")
    check("of_gnutls", "1.2", ("no_certificate_found", "unknown_ca"), ("decode_error", "unknown_ca"))
    check("of_gnutls", "1.3", ("certificate_required", "unknown_ca"), OF_CURL)


def test_go():
    tls_go.build("whole", GO)  # or there is no Go
    check("of_go", "1.2", *IN_THE_CLEAR)
    check("of_go", "1.3", ("certificate_required", "unknown_ca"), OF_CURL)


def of_go_clients(server):
    """TLS 1.3: one without a certificate, and one that trusts no server. It has probes before its first connection."""
    with lib.Services() as services:
        program = tls_go.build("whole", GO)
        if server == "go":
            port = tls_lib.served(services, program, observed=True)
        else:
            key, chain = tls_lib.certificate(services)
            port = lib.free_port()
            services.start(["openssl", "s_server", "-accept", port, "-key", key, "-cert", chain, "-Verify", "1", "-verify_return_error", "-quiet"])
            lib.wait_for(lambda: lib.port_answers(port), "s_server")
        told = {}
        for trust in ("nobody", "insecure"):  # in this order: who is told an alert at last, its server has heard of those before
            with subprocess.Popen([program, "ask", str(port), trust], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
                lib.observed(pathlib.Path(program).name)
                told[trust], _ = client.communicate("\n" * TIMES)
        hear_out()
        lib.tell(**{trust: said.split() for trust, said in told.items()})


def test_go_clients():
    tls_go.build("whole", GO)  # or there is no Go
    for server, refuses in (("go", "certificate_required"), ("openssl", "peer_did_not_return_a_certificate")):
        result = lib.run("of_go_clients", "--uprobes", args=(server,))
        lib.equal((result.told["insecure"], result.told["nobody"]), (["alert"] * TIMES, ["distrusts"] * TIMES), "how the clients ended")
        for kind, without in (("server", refuses), ("client", "certificate_required")):
            found = collections.Counter((x["status"] or x["error_type"], x["error"], x["complete"]) for x in result.of(kind=kind, protocol="tls"))
            resets = found["reset", True, True] if kind == "server" else 0  # behind the client's alert, which it has not read then
            want = collections.Counter({(without, True, True): TIMES, ("bad_certificate", True, True): TIMES - resets, ("reset", True, True): resets})
            result.counts(dict(found), dict(+want), f"handshakes at the {kind}, with {server}; lost {result.lost()}; without a status: {[x for x in result.of(kind=kind, protocol='tls') if not x['status']]}")
        result.check_lost({})


AT_ONCE = """
import asyncio, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
async def main():
    for _ in range(int(sys.argv[2])):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]), ssl=context)
        writer.write(b"POST / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\nContent-Length: 1000000\\r\\n\\r\\n" + b"x" * 1000000)
        await writer.drain()
        print((await reader.read()).count(b"hello"), flush=True)
        writer.close()
asyncio.run(main())
"""


def at_once():
    with lib.Services() as services:
        port = tls_lib.nginx(services, "TLSv1.3")
        done = subprocess.run([lib.PYTHON, "-c", AT_ONCE, str(port), str(TIMES)], stdout=subprocess.PIPE, text=True, timeout=60)
        lib.tell(right=done.stdout.split())


def test_much_at_once():
    """What a client says right behind its handshake is more than is copied of it, while the server has not gone on."""
    result = lib.run("at_once", "--uprobes")
    lib.equal(result.told["right"], ["1"] * TIMES, "the client's own count")
    for kind in ("server", "client"):
        found = collections.Counter((x["status"], x["error"], x["complete"]) for x in result.of(kind=kind, protocol="tls"))
        result.counts(dict(found), {("OK", False, True): TIMES}, f"handshakes at the {kind}")


def leaves(version):
    """What ends a handshake that is through: a client that says nothing more, and a server that says nothing at all."""
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services)
        port = lib.free_port()
        services.start(["openssl", "s_server", "-accept", port, "-key", key, "-cert", chain, "-num_tickets", "0", "-quiet"])
        lib.wait_for(lambda: lib.port_answers(port), "s_server")
        right = sum(subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", f"-tls{version.replace('.', '_')}", "-quiet"], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60).returncode == 0 for _ in range(TIMES))
        lib.tell(right=right)


def test_only_left():
    for version in VERSIONS:
        result = lib.run("leaves", "--uprobes", args=(version,))
        lib.equal(result.told["right"], TIMES, "s_client's own count")
        for kind in ("server", "client"):
            found = collections.Counter((x["status"], x["error"], x["complete"]) for x in result.of(kind=kind, protocol="tls"))
            result.counts(dict(found), {("OK", False, True): TIMES}, f"handshakes at the {kind}, TLS {version}")


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
