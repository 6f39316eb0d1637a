#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Versions of TLS libraries this machine has not: programs of other Debian suites, each suite in a tree of its own (tests/vm/suites), run there by
chroot as in a container. What each end shows is counted in plaintext against what the clients say."""
import collections
import contextlib
import functools
import os
import pathlib
import subprocess
import sys
import tempfile
import typing

import lib
import tls_bio
import tls_counts
import tls_failed
import tls_lib
from tls_bio import asked  # noqa: F401: a scenario of counted()


class Suite(typing.NamedTuple):
    openssl: str  # its version
    libssl: tuple  # as lib.observed() is told of it: the machine's own may have the same name
    python: str


SUITES = {"bullseye": Suite("1.1.1", ("libssl.so.1.1",), "python3.9"), "trixie": Suite("3.5", ("libssl.so.3", 2), "python3.13")}
LIBGNUTLS = "libgnutls.so.30", 2
CONNECTIONS = 3
ASKED = lib.scaled(100)
# The temporary files are where they are outside, too.
INSIDE = 'mount --bind "$1" "$2$1" && mount --rbind /dev "$2/dev" && root=$2 && shift 2 && exec chroot "$root" "$@"'
HOLDER = "import ctypes, sys\nheld = ctypes.CDLL(sys.argv[1])\nsys.stdin.read()"


@functools.cache
def tree(suite):
    done = subprocess.run([lib.ROOT / "tests/vm/fetch-suite", suite], capture_output=True, text=True)
    if done.returncode == lib.SKIPPED:
        lib.skip(done.stderr.splitlines()[-1])
    lib.equal(done.returncode, 0, f"fetch-suite {suite}: {done.stderr}; its status")
    return pathlib.Path(done.stdout.rstrip("\n"))


def inside(suite, *command):
    """The command line that runs this in the suite's tree."""
    shared = tempfile.gettempdir()
    os.makedirs(f"{tree(suite)}{shared}", exist_ok=True)
    return ["unshare", "--mount", "sh", "-c", INSIDE, "sh", shared, tree(suite), *command]


@contextlib.contextmanager
def observed(suite, library):
    """In a scenario: somebody has this library of the suite, so that probes are in it before anybody asks."""
    with subprocess.Popen(inside(suite, SUITES[suite].python, "-c", HOLDER, library[0]), stdin=subprocess.PIPE) as holder:
        lib.observed(*library)
        yield
        holder.stdin.close()


def curls(suite, version, http2):
    """nginx and curl, both of the suite."""
    with lib.Services() as services, observed(suite, SUITES[suite].libssl):
        port = tls_lib.nginx(services, version, http2 == "http2", inside(suite, "nginx"))
        said = collections.Counter()
        for me in range(CONNECTIONS):
            out = subprocess.run(inside(suite, "curl", "-sk", "--http2" if http2 == "http2" else "--http1.1", "-o", "/dev/null", "-w",
                                        "%{http_code} %{http_version} %{size_download}\n", f"https://127.0.0.1:{port}/of/{me}/[1-{ASKED}]",
                                        "-o", "/dev/null", f"https://127.0.0.1:{port}/none"),
                                 check=True, stdout=subprocess.PIPE, text=True).stdout
            said.update(line.rsplit(" ", line.startswith("404"))[0] for line in out.splitlines())
        lib.tell(said=said)


def wgets(suite):
    """wget, of GnuTLS, with nginx."""
    with lib.Services() as services, observed(suite, SUITES[suite].libssl), observed(suite, LIBGNUTLS):
        port = tls_lib.nginx(services, "TLSv1.2 TLSv1.3", command=inside(suite, "nginx"))
        for me in range(CONNECTIONS):
            subprocess.run(inside(suite, "wget", "-q", "--no-check-certificate", "-O", "/dev/null", f"https://127.0.0.1:{port}/wget/{me}/1",
                                  f"https://127.0.0.1:{port}/wget/{me}/2"), check=True)


def nss(version, suite):
    tls_counts.nss(version, *inside(suite, SUITES[suite].python))


def refuses(version, suite):
    with observed(suite, SUITES[suite].libssl):
        name, *count = SUITES[suite].libssl
        lib.observed(name.replace("libssl", "libcrypto"), *count)
        tls_failed.of_openssl(version, *inside(suite))


def itself(suite, version):
    with observed(suite, SUITES[suite].libssl):
        tls_counts.openssl_itself(version, *inside(suite))


def pages(suite):
    with observed(suite, SUITES[suite].libssl):
        tls_counts.openssl_pages("-www", *inside(suite))


def asyncio_program(suite, services, _, version, connections):
    return tls_bio.Program(inside(suite, SUITES[suite].python, "-c", tls_bio.LOOP), version, connections, *tls_lib.certificate(services), brings=SUITES[suite].libssl)


tls_bio.PROGRAMS |= {suite: functools.partial(asyncio_program, suite) for suite in SUITES}


def had(suite):
    """The tree, with the version it is there for."""
    said = subprocess.run(inside(suite, "openssl", "version"), check=True, stdout=subprocess.PIPE, text=True).stdout
    lib.check(said.startswith(f"OpenSSL {SUITES[suite].openssl}"), f"{suite} has {said}")


def curl_and_nginx(suite, version, http2, *options):
    had(suite)
    result = lib.run("curls", "--uprobes", *options, args=(suite, version, http2))
    number = "2" if http2 == "http2" else "1.1"
    lib.equal(result.told["said"], {f"200 {number} 5": CONNECTIONS * ASKED, f"404 {number}": CONNECTIONS}, "what curl says it got")
    want = {("GET", f"/of/{me}/{i}", "200", True, "openssl"): 1 for me in range(CONNECTIONS) for i in range(1, ASKED + 1)}
    tls_lib.of_plaintext(result, http2, want | {("GET", "/none", "404", True, "openssl"): CONNECTIONS})
    handshakes = collections.Counter((x["kind"], x["status"], x["attributes"]["tls.protocol.version"]) for x in result.of(protocol="tls"))
    lib.equal(dict(handshakes), {(kind, "OK", version.removeprefix("TLSv")): CONNECTIONS for kind in ("server", "client")}, "handshakes")
    result.check_lost({})
    result.check_accounts()


def curl_and_nginx_all(suite, *options):
    for version in ("TLSv1.2", "TLSv1.3"):
        for http2 in ("http", "http2"):
            curl_and_nginx(suite, version, http2, *options)


def wget_and_nginx(suite):
    had(suite)
    result = lib.run("wgets", "--uprobes", args=(suite,))
    for kind, source in (("server", "openssl"), ("client", "gnutls")):
        found = collections.Counter((x["resource"], x["status"], x["complete"], x["source"]) for x in result.of(kind=kind, protocol="http"))
        result.counts(dict(found), {(f"/wget/{me}/{i}", "200", True, source): 1 for me in range(CONNECTIONS) for i in (1, 2)}, f"{kind} exchanges; lost {result.lost()}")
    result.check_lost({})
    result.check_accounts()


def openssl_itself(suite):
    had(suite)
    for version in ("tls1_2", "tls1_3"):
        result = lib.run("itself", "--uprobes", args=(suite, version))
        tls_lib.of_plaintext(result, "http", {("GET", f"/own/{i}", "200", True, "openssl"): 1 for i in range(tls_counts.OWN_REQUESTS)})
        result.check_lost({})
        result.check_accounts()


def openssl_pages(suite):
    had(suite)
    result = lib.run("pages", "--uprobes", args=(suite,))
    lib.equal(result.told["right"], tls_counts.OWN_REQUESTS, "curl's own count")
    tls_lib.of_plaintext(result, "http", {("GET", "/page", "200", True, "openssl"): tls_counts.OWN_REQUESTS})
    result.check_lost({})
    result.check_accounts()


def refused(suite):
    had(suite)
    tls_failed.check("refuses", "1.2", *tls_failed.IN_THE_CLEAR, (suite,))
    tls_failed.check("refuses", "1.3", ("peer_did_not_return_a_certificate", "unknown_ca"), tls_failed.OF_CURL, (suite,))


def in_memory(suite, *options):
    had(suite)
    for version in ("TLSv1.2", "TLSv1.3"):
        tls_bio.counted(suite, 10, lib.scaled(50), *options, version=version)


def test_1_1_1():
    curl_and_nginx_all("bullseye")


def test_1_1_1_without_return_probes():
    curl_and_nginx_all("bullseye", "--no-return-probes")


def test_1_1_1_itself():
    openssl_itself("bullseye")


def test_1_1_1_pages():
    openssl_pages("bullseye")


def test_1_1_1_refused():
    refused("bullseye")


def test_1_1_1_in_memory():
    in_memory("bullseye")


def test_1_1_1_in_memory_without_return_probes():
    in_memory("bullseye", "--no-return-probes")


def test_1_1_1_open_before():
    had("bullseye")
    tls_bio.open_before("bullseye")


def test_3_5():
    curl_and_nginx_all("trixie")


def test_3_5_without_return_probes():
    curl_and_nginx_all("trixie", "--no-return-probes")


def test_3_5_itself():
    openssl_itself("trixie")


def test_3_5_pages():
    openssl_pages("trixie")


def test_3_5_refused():
    refused("trixie")


def test_3_5_in_memory():
    in_memory("trixie")


def test_3_5_in_memory_without_return_probes():
    """Python writes by SSL_write_ex, which returns in another function there."""
    in_memory("trixie", "--no-return-probes")


def test_3_5_open_before():
    had("trixie")
    tls_bio.open_before("trixie")


def test_gnutls_3_7_1():
    wget_and_nginx("bullseye")


def test_gnutls_3_8():
    wget_and_nginx("trixie")


def test_nss_3_61():
    had("bullseye")
    tls_counts.nss_and_nginx("bullseye")


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
