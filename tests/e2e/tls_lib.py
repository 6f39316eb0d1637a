# SPDX-License-Identifier: Apache-2.0
"""What tests of TLS share: a key, and a server of it."""
import subprocess

import lib


def certificate(services):
    """A key and a certificate nobody trusts."""
    key, chain = services.dir / "key.pem", services.dir / "chain.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", chain, "-days", "2", "-subj", "/CN=localhost"],
                   check=True, stderr=subprocess.DEVNULL)
    return key, chain


def nginx(services, version, http2=False):
    key, chain = certificate(services)
    port = lib.free_port()
    services.nginx(f"ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols {version}; location / {{ return 200 hello; }}"
                   " location /none { return 404; }", port=port, listen=f"127.0.0.1:{port} ssl{' http2' if http2 else ''}")
    lib.wait_for(lambda: lib.port_answers(port), "nginx")
    return port
