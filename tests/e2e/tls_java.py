#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Java whose TLS is a native library's: Netty with BoringSSL (netty-tcnative), which each virtual machine unpacks into a file of its own that it deletes, which keeps
its bytes in memory, and a hello's random behind a pointer."""
import functools
import pathlib
import shutil
import subprocess
import sys

import lib
import tls_lib

CONNECTIONS, REQUESTS = 8, 5
SOURCE = pathlib.Path(__file__).with_suffix("")
BUILDING = 300  # seconds; without its packages and a way to them a build may take for ever


@functools.cache
def build():
    """The class path."""
    for program in ("java", "javac", "mvn"):
        lib.need(program)
    project = shutil.copytree(SOURCE, tls_lib.directory() / "project")
    packages = pathlib.Path(lib.TELLTALE).resolve().parent / "tests" / "java-packages"
    for command in (["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={packages}"],
                    ["javac", "-cp", f"{packages}/*", "-d", project / "classes", project / "src/main/java/Tls.java"]):
        try:
            done = subprocess.run(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=BUILDING * lib.PATIENCE)
        except subprocess.TimeoutExpired:
            lib.skip("the test's program is not built in time (are its packages there?)")
        if done.returncode:
            lib.skip(f"this Java, or the packages that are there, do not build the test's program: {done.stdout[-400:]}")
    return f"{project / 'classes'}:{packages}/*"


def between(classes, version):
    java = ["java", "-XX:TieredStopAtLevel=1", "-cp", classes, "Tls"]
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services)
        port = lib.free_port()
        services.start([*java, "serve", port, chain, key])
        lib.wait_for(lambda: lib.port_answers(port), "the server")
        with subprocess.Popen([*java, "ask", str(port), version, str(CONNECTIONS), str(REQUESTS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            warm = client.stdout.readline()
            lib.wait_for(lambda: lib.said(r"^telltale: debug: libnetty_tcnative\S* \(deleted\) \(openssl\): in") >= 2, "probes in both ends' libraries")
            out, _ = client.communicate("\n")
        lib.tell(warm=warm, answered=int(out), status=client.returncode)


def netty(version):
    result = lib.run("between", "--uprobes", args=(build(), version))
    lib.equal(result.told, {"warm": "true\n", "answered": CONNECTIONS * REQUESTS, "status": 0}, "the client's own count, and its status")
    asked = [x for x in result.of(protocol="http") if x["resource"].startswith("/java/")]
    for kind in ("server", "client"):
        found = sorted((x["operation"], x["resource"], x["status"], x["complete"], x["source"], x["comm"]) for x in asked if x["kind"] == kind)
        lib.equal(found, sorted(("GET", f"/java/{c}/{r}", "200", True, "openssl", "java") for c in range(CONNECTIONS) for r in range(REQUESTS)), kind)
    # Two exchanges of a connection are no other's.
    lib.equal(len({(x["kind"], x["resource"].split("/")[2], x["client"]) for x in asked}), 2 * CONNECTIONS, "connections")


def test_netty():
    netty("TLSv1.3")


def test_netty_tls_1_2():
    netty("TLSv1.2")


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
