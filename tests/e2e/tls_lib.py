# SPDX-License-Identifier: Apache-2.0
"""What tests of TLS share: a key, and a server of it."""
import atexit
import collections
import functools
import os
import pathlib
import shutil
import subprocess
import tempfile

import lib


@functools.cache
def directory():
    """For what is built once and run by several tests, and by nobody else; it goes with this process."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="telltale-e2e-built-"))
    path.chmod(0o755)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def brought(test, name):
    """The program of that name a test has been given (tests/vm/e2e), where the built ones are; None: it is to be built."""
    given = os.environ.get(f"{test}_{name}".upper().replace("-", "_"))
    return given and shutil.copy2(given, directory() / name)


def certificate(services):
    """A key and a certificate nobody trusts."""
    key, chain = services.dir / "key.pem", services.dir / "chain.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", chain, "-days", "2", "-subj", "/CN=localhost"],
                   check=True, stderr=subprocess.DEVNULL)
    return key, chain


def served(services, program, observed=False):
    """Starts a program as `PROGRAM serve PORT CHAIN KEY`; returns the port it answers on. `observed`: it has probes before it has a connection."""
    key, chain = certificate(services)
    port = lib.free_port()
    services.start([program, "serve", port, chain, key])
    if observed:
        lib.observed(pathlib.Path(program).name)
    lib.wait_for(lambda: lib.port_answers(port), "the server")
    return port


def nginx(services, version, http2=False, command=("nginx",)):
    key, chain = certificate(services)
    port = lib.free_port()
    services.nginx(f"ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols {version}; location / {{ return 200 hello; }}"
                   " location /none { return 404; }", port=port, listen=f"127.0.0.1:{port} ssl{' http2' if http2 else ''}", command=command)
    lib.wait_for(lambda: lib.port_answers(port), "nginx")
    return port


def of_plaintext(result, protocol, want, **more):
    """Each end shows these exchanges, and each of them came from a library."""
    for kind in ("server", "client"):
        found = collections.Counter((x["operation"], x["resource"], x["status"], x["complete"], x["source"])
                                    for x in result.of(kind=kind, protocol=protocol, **more))
        wanted = collections.Counter(want)
        result.counts(dict(found), want, f"{kind} exchanges; {found - wanted} more, {wanted - found} lack; lost {result.lost()}")
