#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests over TLS, counted once at each end in plaintext, against what the clients say they did."""
import collections
import contextlib
import ctypes
import re
import subprocess
import sys

import lib
import tls_lib

REQUESTS = lib.scaled(5000)
CORKED_REQUESTS = 10
EARLY = 3
NSS_REQUESTS = 20
OWN_REQUESTS = 5
PROXIED = lib.scaled(500)


def h2load(version, http2):
    with lib.Services() as services:
        port = tls_lib.nginx(services, version, http2 == "http2")
        options = ["-m", "16"] if http2 == "http2" else ["--h1"]
        out = subprocess.run(["h2load", "-n", str(REQUESTS), "-c", "10", "-t", "1", *options, f"https://127.0.0.1:{port}/a/b?x=1"], check=True,
                             capture_output=True, text=True).stdout
        lib.tell(succeeded=int(re.search(r"(\d+) succeeded", out).group(1)))


def clients():
    """One request each of programs with different libraries."""
    with lib.Services() as services:
        port = tls_lib.nginx(services, "TLSv1.2 TLSv1.3")
        subprocess.run(["curl", "-sk", f"https://127.0.0.1:{port}/curl"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["curl", "-sk", f"https://127.0.0.1:{port}/none"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["wget", "-q", "--no-check-certificate", "-O-", f"https://127.0.0.1:{port}/wget"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([lib.PYTHON, "-c", "import ssl, urllib.request as u\nfor i in range(3):\n u.urlopen('https://127.0.0.1:"
                        f"{port}/python', context=ssl._create_unverified_context()).read()"], check=True)
        refused = subprocess.run(["curl", "-sk", "--tls-max", "1.1", f"https://127.0.0.1:{port}/"], stdout=subprocess.DEVNULL)
        lib.check(refused.returncode, "TLS 1.1 was accepted")


def until(pipe, end):
    """What a program says, up to this."""
    got = b""
    while not got.endswith(end):
        byte = pipe.read(1)
        lib.check(byte, f"it ended after {got}")
        got += byte
    return got


def openssl_itself(version, *within):
    """Of its own programs each end says what it is told, on one connection. `within`: what runs them."""
    with lib.Services() as services, contextlib.ExitStack() as ends:
        key, chain = tls_lib.certificate(services)
        port = lib.free_port()

        def end(*command):
            return ends.enter_context(subprocess.Popen([*within, "openssl", *command, "-quiet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                                       bufsize=0))

        server = end("s_server", "-accept", str(port), "-key", key, "-cert", chain, f"-{version}", "-naccept", "2")
        lib.wait_for(lambda: lib.port_answers(port), "s_server")
        client = end("s_client", "-connect", f"127.0.0.1:{port}")
        for i in range(OWN_REQUESTS):
            client.stdin.write(f"GET /own/{i} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            until(server.stdout, b"\r\n\r\n")
            server.stdin.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            until(client.stdout, b"hi")
        client.terminate()
        server.stdin.close()


def openssl_pages(kind, *within):
    """What s_server says of itself (-www), and of files (-WWW), goes by OpenSSL's own BIO of TLS, whose functions have no symbols."""
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services)
        port = lib.free_port()
        (services.dir / "page").write_text("x" * 50000)
        services.start([*within, "openssl", "s_server", "-accept", port, "-key", key, "-cert", chain, kind, "-quiet"], cwd=services.dir)
        lib.wait_for(lambda: lib.port_answers(port), "s_server")
        right = 0
        for _ in range(OWN_REQUESTS):
            done = subprocess.run([*within, "curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", f"https://127.0.0.1:{port}/page"], stdout=subprocess.PIPE, text=True)
            right += done.stdout == "200"
        lib.tell(right=right)


def proxy():
    """What comes over one connection of TLS goes on over another."""
    with lib.Services() as services:
        behind = tls_lib.nginx(services, "TLSv1.2 TLSv1.3")
        port = lib.free_port()
        services.nginx(f"ssl_certificate {services.dir}/chain.pem; ssl_certificate_key {services.dir}/key.pem; location / {{ proxy_pass https://behind;"
                       " proxy_http_version 1.1; proxy_set_header Connection ''; }", f"upstream behind {{ server 127.0.0.1:{behind}; keepalive 16; }}", port=port,
                       listen=f"127.0.0.1:{port} ssl http2")
        lib.wait_for(lambda: lib.port_answers(port), "nginx")
        out = subprocess.run(["h2load", "-n", str(PROXIED), "-c", "4", "-m", "4", "-t", "1", f"https://127.0.0.1:{port}/through"], check=True, capture_output=True,
                             text=True).stdout
        lib.tell(succeeded=int(re.search(r"(\d+) succeeded", out).group(1)), port=port, behind=behind)


def early():
    """What is asked with the first bytes of a connection, by who was there before, and then something else on the same connection."""
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services)
        port = lib.free_port()
        services.nginx(f"ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.3; ssl_early_data on; location / {{ return 200 hello; }}", port=port,
                       listen=f"127.0.0.1:{port} ssl")
        lib.wait_for(lambda: lib.port_answers(port), "nginx")
        session, ask = services.dir / "session", services.dir / "ask"
        ask.write_text("GET /early HTTP/1.1\r\nHost: x\r\n\r\n")
        accepted = 0
        for turn in range(1 + EARLY):
            options = ["-sess_in", session, "-early_data", ask] if turn else []
            with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_3", "-sess_out", session, *options], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
                said = until(client.stdout, b"hello" if turn else b"Verify return code")
                client.stdin.write(b"GET /after HTTP/1.1\r\nHost: x\r\n\r\n")
                client.stdin.flush()
                said += until(client.stdout, b"hello")
                client.stdin.close()
                said += client.stdout.read()
            accepted += b"Early data was accepted" in said
        lib.tell(accepted=accepted)


# By functions of GnuTLS that say the same in other ways: what is corked is kept by the library until it is uncorked, in two pieces here, and sent at once then.
CORKED = """
import ctypes, socket, sys
tls = ctypes.CDLL("libgnutls.so.30")
SIZE, CLIENT, X509, WAIT, AGAIN = ctypes.c_size_t, 2, 1, 1, -28
for name in "send", "send2", "recv", "recv_seq":
    getattr(tls, "gnutls_record_" + name).restype = ctypes.c_ssize_t
print("ready", flush=True)
input()
s, trust, into, number = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.create_string_buffer(65536), ctypes.create_string_buffer(8)
tls.gnutls_certificate_allocate_credentials(ctypes.byref(trust))
tls.gnutls_init(ctypes.byref(s), CLIENT)
tls.gnutls_set_default_priority(s)
tls.gnutls_credentials_set(s, X509, trust)
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
tls.gnutls_transport_set_int2(s, connection.fileno(), connection.fileno())
assert tls.gnutls_handshake(s) == 0
def answered(receive, *more):
    got = b""
    while not got.endswith(b"hello"):
        n = receive(s, into, SIZE(len(into)), *more)
        assert n > 0 or n == AGAIN, n
        got += into.raw[:max(n, 0)]
    return got.startswith(b"HTTP/1.1 200")
right = 0
for i in range(int(sys.argv[2])):
    pieces = b"GET /corked/%d HTTP/1.1\\r\\n" % i, b"Host: x\\r\\n\\r\\n"
    tls.gnutls_record_cork(s)
    for piece in pieces:
        assert tls.gnutls_record_send(s, piece, SIZE(len(piece))) == len(piece)
    assert tls.gnutls_record_uncork(s, WAIT) == sum(map(len, pieces))
    right += answered(tls.gnutls_record_recv)
    ask = b"GET /padded/%d HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" % i
    assert tls.gnutls_record_send2(s, ask, SIZE(len(ask)), SIZE(100), 0) == len(ask)
    right += answered(tls.gnutls_record_recv_seq, number)
tls.gnutls_bye(s, 1)
tls.gnutls_deinit(s)
print(right)
"""


def corked():
    with lib.Services() as services:
        port = tls_lib.nginx(services, "TLSv1.3")
        with subprocess.Popen([lib.PYTHON, "-c", CORKED, str(port), str(CORKED_REQUESTS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            client.stdout.readline()
            lib.observed("libgnutls.so.30")
            out, _ = client.communicate("\n")
            lib.tell(right=int(out))


# Two connections, one after the other; what the program reads of files and other sockets meanwhile goes through the same functions and is not told.
NSS = """
import ctypes, sys
curl = ctypes.CDLL("libcurl-nss.so.4")
curl.curl_easy_init.restype = ctypes.c_void_p
print("ready", flush=True)
input()
URL, WRITE, VERIFY_PEER, VERIFY_HOST, FORBID_REUSE = 10002, 20011, 64, 81, 75
take = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p)(lambda data, size, n, _: size * n)
got = 0
for turn in range(2):
    easy = ctypes.c_void_p(curl.curl_easy_init())
    for option in (VERIFY_PEER, VERIFY_HOST):
        curl.curl_easy_setopt(easy, option, ctypes.c_long(0))
    curl.curl_easy_setopt(easy, WRITE, take)
    for i in range(int(sys.argv[2])):
        curl.curl_easy_setopt(easy, URL, (sys.argv[1] + "/nss/" + str(turn)).encode())
        got += curl.curl_easy_perform(easy) == 0
    curl.curl_easy_cleanup(easy)
print(got)
"""


def nss(version, *python):
    """`python`: of another system, whose libraries are observed beside this one's."""
    with lib.Services() as services:
        port = tls_lib.nginx(services, version)
        with subprocess.Popen([*(python or (lib.PYTHON,)), "-c", NSS, f"https://127.0.0.1:{port}", str(NSS_REQUESTS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as client:
            client.stdout.readline()
            for file in ("libssl3.so", "libnspr4.so"):
                lib.observed(file, 2 if python else 1)
            out, _ = client.communicate("\n")
            lib.tell(succeeded=int(out))


# A server whose handshake asks another socket something, as one with a cache of sessions does, and a client of it.
ASIDE = """
import socket, ssl, sys, threading
aside, kind = socket.create_server(("127.0.0.1", 0)), sys.argv[1]
cache = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) for _ in range(2)]
if kind == "udp":
    cache[0].bind(("127.0.0.1", 0))
    cache[1].connect(cache[0].getsockname())
else:
    cache[1].connect(aside.getsockname())
    cache[0] = aside.accept()[0]
listening = socket.create_server(("127.0.0.1", 0))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[3], sys.argv[2])
context.sni_callback = lambda *_: cache[1].send(b"is it known?") and None
def serve():
    s = context.wrap_socket(listening.accept()[0], server_side=True)
    s.recv(1000)
    s.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi")
    s.close()
thread = threading.Thread(target=serve)
thread.start()
trust = ssl._create_unverified_context()
c = trust.wrap_socket(socket.create_connection(listening.getsockname()), server_hostname="localhost")
c.send(b"GET /aside HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
while c.recv(1000):
    pass
thread.join()
"""


def asking_aside(kind):
    with lib.Services() as services:
        subprocess.run([lib.PYTHON, "-c", ASIDE, kind, *map(str, tls_lib.certificate(services))], check=True)


def versions(version, http2, *options):
    result = lib.run("h2load", "--uprobes", *options, args=(version, http2))
    lib.equal(result.told["succeeded"], REQUESTS, "h2load's own count")
    tls_lib.of_plaintext(result, http2, {("GET", "/a/b?x=REDACTED", "200", True, "openssl"): REQUESTS})
    handshakes = collections.Counter((x["kind"], x["status"], x["attributes"]["tls.protocol.version"]) for x in result.of(protocol="tls"))
    lib.equal(dict(handshakes), {(kind, "OK", version.removeprefix("TLSv")): 10 for kind in ("server", "client")}, "handshakes")
    result.check_lost({})
    result.check_accounts()


def test_tls_1_3_http_1():
    versions("TLSv1.3", "http")


def test_tls_1_2_http_1():
    versions("TLSv1.2", "http")


def test_tls_1_3_http_2():
    versions("TLSv1.3", "http2")


def test_no_return_probes():
    """As on kernels where they may end a service under seccomp."""
    for version, http2 in (("TLSv1.2", "http"), ("TLSv1.3", "http2")):
        versions(version, http2, "--no-return-probes")


def test_clients_without_return_probes():
    """What cannot do without is left out, and not attached by others."""
    lib.need("wget")
    result = lib.run("clients", "--uprobes", "--no-return-probes")
    want = {("/curl", "200"): 1, ("/none", "404"): 1, ("/wget", "200"): 1, ("/python", "200"): 3}
    for kind, seen in (("server", want), ("client", {ask: n for ask, n in want.items() if ask[0] != "/wget"})):
        lib.equal(dict(collections.Counter((x["resource"], x["status"]) for x in result.of(kind=kind, protocol="http"))), seen, kind)
    lib.equal({x["source"] for x in result.of(protocol="http")}, {"openssl"}, "whose plaintext it is")


def test_clients():
    lib.need("wget")
    result = lib.run("clients", "--uprobes")
    want = {("/curl", "200"): 1, ("/none", "404"): 1, ("/wget", "200"): 1, ("/python", "200"): 3}
    for kind in ("server", "client"):
        lib.equal(dict(collections.Counter((x["resource"], x["status"]) for x in result.of(kind=kind, protocol="http"))), want, kind)
    lib.equal({x["comm"]: x["source"] for x in result.of(kind="client", protocol="http")},
              {"curl": "openssl", "wget": "gnutls", lib.PYTHON.rsplit("/", 1)[-1]: "openssl"}, "whose plaintext it is")
    lib.equal([x["error_type"] for x in result.of(kind="client", protocol="tls", error=True)], ["protocol_version"], "refused handshakes")


def test_openssl_itself():
    for version in ("tls1_2", "tls1_3"):
        result = lib.run("openssl_itself", "--uprobes", args=(version,))
        tls_lib.of_plaintext(result, "http", {("GET", f"/own/{i}", "200", True, "openssl"): 1 for i in range(OWN_REQUESTS)})
        result.check_lost({})
        result.check_accounts()


def test_openssl_pages():
    for kind in ("-www", "-WWW"):
        result = lib.run("openssl_pages", "--uprobes", args=(kind,))
        lib.equal(result.told["right"], OWN_REQUESTS, "curl's own count")
        tls_lib.of_plaintext(result, "http", {("GET", "/page", "200", True, "openssl"): OWN_REQUESTS})
        result.check_lost({})
        result.check_accounts()


def test_proxy():
    """It is a server on the one side and a client on the other: four ends of two connections, each counted once."""
    result = lib.run("proxy", "--uprobes")
    lib.equal(result.told["succeeded"], PROXIED, "h2load's own count")
    for kind in ("server", "client"):
        found = collections.Counter((x["protocol"], x["server"], x["resource"], x["status"], x["complete"], x["source"])
                                    for x in result.of(kind=kind) if x["protocol"] != "tls")
        want = {(protocol, f"127.0.0.1:{result.told[port]}", "/through", "200", True, "openssl"): PROXIED for protocol, port in (("http2", "port"), ("http", "behind"))}
        result.counts(dict(found), want, f"{kind} exchanges; lost {result.lost()}")
    result.check_lost({})
    result.check_accounts()


def test_early_data():
    """What a server reads early is seen. A client has written it before its session has used a socket: that is counted as lost."""
    result = lib.run("early", "--uprobes")
    lib.equal(result.told["accepted"], EARLY, "how often s_client says it was accepted")
    found = collections.Counter((x["resource"], x["status"], x["complete"], x["source"]) for x in result.of(kind="server", protocol="http"))
    result.counts(found, {("/early", "200", True, "openssl"): EARLY, ("/after", "200", True, "openssl"): 1 + EARLY}, "server exchanges")
    lib.equal({x["resource"] for x in result.of(kind="client", protocol="http")}, {"/after"}, "what the client is seen to ask")
    result.check_lost({"session": EARLY})
    result.check_accounts()


def test_gnutls_corked():
    try:
        ctypes.CDLL("libgnutls.so.30")
    except OSError as reason:
        lib.skip(f"there is no GnuTLS: {reason}")
    result = lib.run("corked", "--uprobes")
    lib.equal(result.told["right"], 2 * CORKED_REQUESTS, "the client's own count")
    want = {f"/{way}/{i}": 1 for way in ("corked", "padded") for i in range(CORKED_REQUESTS)}
    for kind, source in (("server", "openssl"), ("client", "gnutls")):
        found = collections.Counter((x["resource"], x["status"], x["complete"], x["source"]) for x in result.of(kind=kind, protocol="http"))
        result.counts(dict(found), {(path, "200", True, source): n for path, n in want.items()}, f"{kind} exchanges; lost {result.lost()}")
    result.check_lost({})
    result.check_accounts()


def test_nss():
    try:
        ctypes.CDLL("libcurl-nss.so.4")
    except OSError as reason:
        lib.skip(f"there is no libcurl over NSS: {reason}")
    nss_and_nginx()


def nss_and_nginx(*within):
    """`within`: arguments of the scenario."""
    for version in ("TLSv1.2", "TLSv1.3"):
        result = lib.run("nss", "--uprobes", args=(version, *within))
        lib.equal(result.told["succeeded"], 2 * NSS_REQUESTS, "libcurl's own count")
        for kind, source in (("server", "openssl"), ("client", "nss")):
            found = collections.Counter((x["resource"], x["status"], x["complete"], x["source"]) for x in result.of(kind=kind, protocol="http"))
            result.counts(dict(found), {(f"/nss/{turn}", "200", True, source): NSS_REQUESTS for turn in range(2)}, f"{kind} exchanges; lost {result.lost()}")
        result.check_lost({})
        result.check_accounts()


def test_another_socket_within_a_call():
    """Of another protocol it is not taken for the session's; another connection makes it doubtful, and that is counted."""
    want = ("GET", "/aside", "200")
    for kind, ends in (("udp", ["client", "server"]), ("tcp", ["client"])):
        result = lib.run("asking_aside", "--uprobes", args=(kind,))
        found = [(x["kind"], (x["operation"], x["resource"], x["status"])) for x in result.of(protocol="http")]
        lib.equal(sorted(found), [(end, want) for end in ends], f"exchanges beside {kind}")
        lib.equal(sorted(result.lost()), ["session"] if kind == "tcp" else [], f"lost beside {kind}")
        result.check_accounts()


def test_without_a_library():
    lib.need("wget")
    result = lib.run("clients", "--uprobes", "--uprobes-without", "openssl")
    lib.equal([(x["kind"], x["resource"], x["source"]) for x in result.of(protocol="http")], [("client", "/wget", "gnutls")], "plaintext")
    lib.check(len(result.of(protocol="tls", kind="client")) == 7, "handshakes are seen all the same")


def test_without_uprobes():
    for options in ((), ("--uprobes", "--no-uprobes")):
        result = lib.run("clients", *options)
        lib.equal(result.of(protocol="http"), [], "plaintext")
        lib.check(len(result.of(protocol="tls", kind="client")) == 7, "handshakes are seen all the same")


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
