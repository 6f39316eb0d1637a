#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a program says at once when telltale begins it (`run -- PROGRAM`): its first requests over TLS are seen like all others. Its server is not observed."""
import collections
import contextlib
import functools
import pathlib
import shutil
import subprocess
import sys

import lib
import tls_go
import tls_lib
import tls_static

REQUESTS = 20


@functools.cache
def with_library():
    """A program that says itself where its library is, which is its own."""
    lib.need("cc")
    directory = tls_lib.directory() / "own"
    (directory / "lib").mkdir(parents=True)
    for name in ("libssl.so.3", "libcrypto.so.3"):
        shutil.copy(tls_static.loaded(name), directory / "lib" / name)
    program = directory / "program"
    done = subprocess.run(["cc", "-O2", "-o", program, tls_static.SOURCE, "-Wl,--disable-new-dtags,-rpath,$ORIGIN/lib", "-lssl", "-lcrypto", "-lpthread"],
                          capture_output=True, text=True)
    if done.returncode:
        lib.skip(f"there is no OpenSSL to link with (libssl-dev): {done.stderr}")
    return program


@contextlib.contextmanager
def answering(program):
    with lib.Services() as services:
        yield tls_lib.served(services, program)


def seen(result, want, source, protocol="http"):
    found = collections.Counter((x["operation"], x["resource"], x["status"], x["complete"], x["source"]) for x in result.of(kind="client") if x["protocol"] != "tls")
    lib.equal({x["protocol"] for x in result.of(kind="client")}, {protocol, "tls"}, "protocols")
    result.counts(found, collections.Counter({(*asked, "200", True, source): n for asked, n in want.items()}), f"exchanges; lost {result.lost()}")
    result.check_lost({})
    result.check_accounts()


def of_go(protocol, together):
    program = tls_go.build("stripped")
    with answering(program) as port:
        result = lib.run(None, "--uprobes", "--limit", "stream_hold_ms=20000", said="\n",
                         command=[program, "ask", f"https://127.0.0.1:{port}/first", REQUESTS, together, protocol, "1.3", "kept"])
    want = collections.Counter(("POST", f"/first/{tls_go.SIZES[i // 5 % 5]}") for i in range(1, REQUESTS + 1))
    seen(result, want, "go", protocol)


def test_go():
    of_go("http", 4)


def test_go_http_2():
    of_go("http2", 1)


def of_openssl(program):
    """Whose requests are answered by the same program, of another file."""
    server = shutil.copy(program, tls_lib.directory() / "server")
    with answering(server) as port:
        result = lib.run(None, "--uprobes", said="\n", command=[program, "ask", port, REQUESTS])
    seen(result, collections.Counter(("GET", f"/static/{i // 10}") for i in range(REQUESTS)), "openssl")


def test_static():
    of_openssl(tls_static.build("fixed"))


def test_stripped():
    of_openssl(tls_static.build("fixed-stripped"))


def test_library_of_its_own():
    program = with_library()
    with lib.Services() as services:
        port = tls_lib.nginx(services, "TLSv1.3")
        result = lib.run(None, "--uprobes", said="\n", command=[program, "ask", port, REQUESTS])
    found = collections.Counter((x["complete"], x["source"]) for x in result.of(kind="client", protocol="http"))
    lib.equal(found, {(True, "openssl"): REQUESTS}, f"exchanges; lost {result.lost()}")


def test_curl():
    """Once a process, each of which begins and is over in no time."""
    lib.need("curl")
    with lib.Services() as services:
        port = tls_lib.nginx(services, "TLSv1.3")
        script = f"i=0; while [ $i -lt {REQUESTS} ]; do curl -sk https://127.0.0.1:{port}/a/b || exit 1; i=$((i + 1)); done"
        result = lib.run(None, "--uprobes", command=["sh", "-c", script])
    seen(result, {("GET", "/a/b"): REQUESTS}, "openssl")
    lib.equal(len({x["pid"] for x in result.of(kind="client", protocol="http")}), REQUESTS, "processes")


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
