#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which files probes are in: a library that lies where the loader would not look, replaced while it is used, and let go of after its last user;
programs and libraries that are rewritten in place."""
import collections
import functools
import os
import pathlib
import shutil
import subprocess
import sys

import lib
import tls_lib
import tls_static

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
                                if line.startswith("telltale: debug: libssl.so") and "(openssl): " in line or "openssl of device" in line)
    # The system's own, which nginx has and the loader would find, stays.
    lib.equal(lines, {"attached": 4, "let go": 2}, f"files in {result.output}")
    result.check_lost({})
    result.check_accounts()


# --- the same file, with other contents ---

SOURCE = pathlib.Path(__file__).with_name("tls_rewritten.c")


# What is built of it, by name: the compiler's options.
BUILDS = {"earlier": ("-DCALLS",), "later": ("-DCALLS", "-DLATER"), "opens": ("-DOPENS",), "earlier-library": ("-shared", "-fPIC"),
          "later-library": ("-shared", "-fPIC", "-DLATER")}


@functools.cache
def built(name):
    program = tls_lib.brought("tls_files", name)
    if program:
        return program
    lib.need("cc")
    program = tls_lib.directory() / name
    subprocess.run(["cc", "-O0", "-o", program, SOURCE, *BUILDS[name], "-ldl"], check=True)
    return program


class User:
    """A process that waits for a line."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lib.equal(self.process.stdout.readline(), "ready\n", f"what {command[0]} says")

    def goes_on(self):
        """Its status, and what else it says."""
        out, _ = self.process.communicate("\n")
        return self.process.returncode, out


def rewritten_program(earlier, later):
    with lib.Services() as services:
        program = services.dir / "program"
        shutil.copy2(earlier, program)
        first = User(program)
        lib.observed("program")
        lib.equal(first.goes_on()[0], 0, "the first one's status")
        shutil.copyfile(later, program)
        lib.tell(status=subprocess.run([program], stdin=subprocess.DEVNULL).returncode)


def test_program_rewritten():
    """Stopped, copied over, and started at once."""
    result = lib.run("rewritten_program", "--uprobes", args=(built("earlier"), built("later")))
    lib.equal(result.told["status"], 0, "the second one's status")
    lib.check("it is written" in result.output, f"it was not let go of: {result.output}")


def rewritten_library(opens, earlier, later):
    with lib.Services() as services:
        library = services.dir / "libssl.so.99"
        shutil.copy2(earlier, library)
        holds, first = User(opens, library), User(opens, library)
        lib.observed(library.name)
        lib.equal(first.goes_on()[0], 0, "the first one's status")
        shutil.copyfile(later, library)
        second = User(opens, library)
        statuses = [second.goes_on()[0]]
        lib.equal(statuses, [0], "the second one's status")
        holds.process.kill()
        holds.process.wait()
        last = User(opens, library)
        lib.observed(library.name, 2)
        lib.tell(statuses=[*statuses, last.goes_on()[0]])


def test_library_rewritten():
    """One has it still: until that has ended it is not attached again."""
    result = lib.run("rewritten_library", "--uprobes", "--limit", "libraries_tidy_s=1", args=(built("opens"), built("earlier-library"), built("later-library")))
    lib.equal(result.told["statuses"], [0, 0], "statuses of those that came later")


def rewritten_client(earlier, later):
    with lib.Services() as services:
        client = services.dir / "client"
        port = tls_lib.nginx(services, "TLSv1.3")
        shutil.copy2(earlier, client)
        asked = []
        for count in (1, 2):
            user = User(client, "ask", str(port), str(ASKED))
            lib.observed("client", count)
            lib.equal(user.goes_on(), (0, f"{ASKED}\n"), "the client's status, and how many were answered")
            asked.append(user.process.pid)
            shutil.copyfile(later, client)
        lib.tell(asked=asked)


def test_client_rewritten():
    """It is observed by the functions it has now."""
    result = lib.run("rewritten_client", "--uprobes", args=(tls_static.build("symbols"), tls_static.build("fixed")))
    found = collections.Counter((x["pid"], x["complete"], x["source"]) for x in result.of(kind="client", protocol="http"))
    result.counts(found, {(pid, True, "openssl"): ASKED for pid in result.told["asked"]}, "requests of each")
    result.check_lost({})
    result.check_accounts()


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
