#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests between programs OpenSSL is linked into, counted once at each end in plaintext, against what the client says it did."""
import collections
import functools
import os
import pathlib
import shutil
import subprocess
import sys

import lib
import tls_lib

REQUESTS = lib.scaled(500)
SOURCE = pathlib.Path(__file__).with_suffix(".c")
# What is built of it, by name: the linker's options.
ARCHIVES = ("-l:libssl.a", "-l:libcrypto.a")
BUILDS = {"symbols": ARCHIVES, "fixed": ("-no-pie", "-static", *ARCHIVES), "stripped": ("-s", *ARCHIVES), "fixed-stripped": ("-s", "-no-pie", "-static", *ARCHIVES),
          "unsure": ("-s", *ARCHIVES)}
# Debian's BoringSSL (android-libboringssl-dev), or one unpacked elsewhere.
BORINGSSL = pathlib.Path(os.environ.get("BORINGSSL_ROOT", "/"), "usr")
BORINGSSL_LIBRARIES = BORINGSSL / "lib" / "x86_64-linux-gnu" / "android"
BUILDS["shared"] = ("-lssl", "-lcrypto")
BUILDS["boringssl"] = ("-I", BORINGSSL / "include" / "android", "-L", BORINGSSL_LIBRARIES, f"-Wl,-rpath,{BORINGSSL_LIBRARIES}", "-lssl", "-lcrypto")


@functools.cache
def build(name):
    program = tls_lib.brought("tls_static", name)
    if program:
        return program
    lib.need("cc")
    program = tls_lib.directory() / name
    done = subprocess.run(["cc", "-O2", "-o", program, SOURCE, *BUILDS[name], "-lpthread", "-ldl"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        lib.skip(f"there is no OpenSSL to be linked into a program (libssl-dev): {done.stdout}")
    return program


def between(program, file=None, preload=None):
    """`file`: what is observed, where it is not the program."""
    if preload:
        os.environ["LD_PRELOAD"] = preload
    with lib.Services() as services:
        port = tls_lib.served(services, program)
        with subprocess.Popen([program, "ask", str(port), str(REQUESTS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            client.stdout.readline()
            lib.observed(file or pathlib.Path(program).name)  # the server's, too: it is one file
            out, _ = client.communicate("\n")
            lib.tell(succeeded=int(out))


def loaded(name):
    """The path of a library of that name."""
    maps = subprocess.run([sys.executable, "-c", f"import ctypes; ctypes.CDLL('{name}'); print(open('/proc/self/maps').read())"], check=True,
                          capture_output=True, text=True).stdout
    return next(line.split()[-1] for line in maps.splitlines() if pathlib.Path(line.split()[-1]).name.startswith(name))


def counted(name, *options, file=()):
    result = lib.run("between", "--uprobes", *options, args=(build(name), *file))
    lib.equal(result.told["succeeded"], REQUESTS, "the client's own count")
    tls_lib.of_plaintext(result, "http", dict(collections.Counter(("GET", f"/static/{i // 10}", "200", True, "openssl") for i in range(REQUESTS))))
    result.check_lost({})
    result.check_accounts()


def test_symbols():
    counted("symbols")


def test_symbols_without_return_probes():
    counted("symbols", "--no-return-probes")


def test_stripped():
    """No symbols are left: the functions are told by the names of their own that they hand on with errors."""
    counted("stripped")


def test_stripped_without_return_probes():
    counted("stripped", "--no-return-probes")


def test_stripped_fixed_address():
    counted("fixed-stripped")


def test_library_of_another_name():
    """As packages of Python bring it along."""
    library = shutil.copy(loaded("libssl.so.3"), tls_lib.directory() / "libssl-0a1b2c3d.so.3")
    counted("shared", file=(library.name, library))


def test_boringssl():
    """BoringSSL itself, as a shared library: its functions are called as OpenSSL's."""
    if not (BORINGSSL / "include" / "android" / "openssl" / "ssl.h").exists():
        lib.skip("there is no BoringSSL (android-libboringssl-dev)")
    counted("boringssl", file=("libssl.so.0",))


def test_not_sure():
    """One of the names is another one. It is not observed, and said to be so once; its handshakes are there."""
    program = build("unsure")
    data = program.read_bytes()
    lib.check(data.count(b"\0ssl_read_internal\0") == 1, "the name is not there once")
    program.write_bytes(data.replace(b"\0ssl_read_internal\0", b"\0ssl_read_external\0"))
    result = lib.run("between", "--uprobes", args=(program,))
    lib.equal(result.told["succeeded"], REQUESTS, "the client's own count")
    lib.equal(result.of(protocol="http"), [], "plaintext")
    for kind in ("server", "client"):
        lib.equal(len(result.of(kind=kind, protocol="tls", status="OK")), REQUESTS // 10, f"{kind} handshakes")
    said = [line for line in result.output.splitlines() if "unsure (openssl): its plaintext is not observed: OpenSSL or BoringSSL is linked into it" in line]
    lib.equal(len(said), 1, f"how often it is named in {result.output}")


def test_fixed_address():
    """All of it is linked statically, and not position-independent."""
    counted("fixed")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
