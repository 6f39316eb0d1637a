#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which files probes are in: a library that lies where the loader would not look, replaced while it is used, and let go of after its last user."""
import collections
import os
import pathlib
import shutil
import subprocess
import sys

import lib
import tls_lib

ASKED = 3
# Asks once for every line it is given.
CLIENT = f"""
import ssl, sys, urllib.request as u
for line in sys.stdin:
    for i in range({ASKED}):
        u.urlopen(sys.argv[1] + line.strip(), context=ssl._create_unverified_context()).read()
    print("asked", flush=True)
"""


class Client:
    """With a copy of OpenSSL of its own."""

    def __init__(self, directory, port):
        self.process = subprocess.Popen([lib.PYTHON, "-c", CLIENT, f"https://127.0.0.1:{port}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "LD_LIBRARY_PATH": str(directory)})

    def ask(self, path):
        self.process.stdin.write(path + "\n")
        self.process.stdin.flush()
        lib.check(self.process.stdout.readline() == "asked\n", f"the client did not get {path}")

    def end(self):
        self.process.stdin.close()
        lib.equal(self.process.wait(), 0, "the client's status")


def library_put(directory):
    """A new file in the old one's place. Returns its name."""
    library = next(pathlib.Path("/usr/lib").glob("*-linux-gnu/libssl.so.*"))
    shutil.copyfile(library, directory / "new")
    (directory / "new").rename(directory / library.name)
    return library.name


def replaced():
    with lib.Services() as services:
        port = tls_lib.nginx(services, "TLSv1.3")
        directory = services.dir / "libraries"
        directory.mkdir()
        name = library_put(directory)
        lib.observed(name)  # the system's
        first = Client(directory, port)
        lib.observed(name, 2)
        first.ask("/first")
        library_put(directory)
        second = Client(directory, port)
        lib.observed(name, 3)
        second.ask("/second")
        first.ask("/again")
        first.end()
        second.end()
        lib.wait_for(lambda: lib.said("no process has it any more") == 2, "the end of the probes")
        third = Client(directory, port)
        lib.observed(name, 4)
        third.ask("/third")
        third.end()


def test_replaced():
    result = lib.run("replaced", "--uprobes", "--limit", "libraries_tidy_s=1")
    for kind in ("server", "client"):
        found = [(x["resource"], x["source"]) for x in result.of(kind=kind, protocol="http", complete=True)]
        result.counts(found, [(path, "openssl") for path in ("/first", "/second", "/again", "/third") for _ in range(ASKED)], f"{kind} requests")
    lines = collections.Counter("attached" if line.endswith(" probes") else "let go" for line in result.output.splitlines()
                                if "(openssl): " in line or "openssl of device" in line)
    # The system's own, which nginx has and the loader would find, stays.
    lib.equal(lines, {"attached": 4, "let go": 2}, f"files in {result.output}")
    result.check_lost({})
    result.check_accounts()


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
