#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client over rustls, whose plaintext is not observed: the server's end, which has OpenSSL, shows what was asked; the client's shows each connection by its
handshake; and that there is more is said once, by the program's name."""
import collections
import pathlib
import shutil
import subprocess
import sys

import lib
import tls_lib

REQUESTS = lib.scaled(50)
SOURCE = pathlib.Path(__file__).with_suffix("")
BUILDING = 400  # seconds; without its crates and a way to them a build may take for ever


def build():
    lib.need("cargo")
    crate = shutil.copytree(SOURCE, tls_lib.directory() / "crate", dirs_exist_ok=True)  # cargo writes beside it
    target = pathlib.Path(lib.TELLTALE).resolve().parent / "tests" / "cargo-target"
    try:
        done = subprocess.run(["cargo", "build", "--release", "--target-dir", target], cwd=crate, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=BUILDING * lib.PATIENCE)
    except subprocess.TimeoutExpired:
        lib.skip("the test's program is not built in time (are its crates there?)")
    if done.returncode:
        lib.skip(f"this Rust, or the crates that are there, do not build the test's program: {done.stdout[-400:]}")
    return target / "release" / "tls-rust"


def between(program):
    with lib.Services() as services:
        port = tls_lib.nginx(services, "TLSv1.2 TLSv1.3")
        with subprocess.Popen([program, str(port), str(REQUESTS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            client.stdout.readline()
            lib.observed(pathlib.Path(program).name)
            out, _ = client.communicate("\n")
        lib.tell(succeeded=int(out), status=client.returncode)


def named(program):
    result = lib.run("between", "--uprobes", args=(program,))
    lib.equal(result.told, {"succeeded": REQUESTS, "status": 0}, "the client's own count, and its status")
    found = collections.Counter((x["resource"], x["status"], x["complete"], x["source"]) for x in result.of(protocol="http", kind="server"))
    result.counts(dict(found), {(f"/rust/{i}", "200", True, "openssl"): 1 for i in range(REQUESTS)}, f"what the server was asked; lost {result.lost()}")
    lib.equal(result.of(protocol="http", kind="client"), [], "the client's plaintext")
    handshakes = collections.Counter((x["comm"], x["resource"], x["attributes"]["tls.protocol.version"], x["attributes"]["tls.client.supported_protocols"])
                                     for x in result.of(protocol="tls", kind="client", status="OK"))
    result.counts(dict(handshakes), {("tls-rust", "localhost", "1.3", "http/1.1"): REQUESTS}, "the client's handshakes")
    said = [line for line in result.output.splitlines() if f"{pathlib.Path(program).name} (rustls): its plaintext is not observed" in line]
    lib.equal(len(said), 1, f"how often it is named in {result.output}")
    result.check_lost({})
    result.check_accounts()


def test_rustls():
    named(build())


def test_rustls_stripped():
    lib.need("strip")
    program = tls_lib.directory() / "tls-rust"
    subprocess.run(["strip", "-s", "-o", program, build()], check=True)
    program.chmod(0o755)
    named(program)


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
