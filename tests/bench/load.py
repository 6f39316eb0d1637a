# SPDX-License-Identifier: Apache-2.0
"""The loads the bench puts on: each says when it is ready, waits to be told to go, and stays until it is told to end."""
import concurrent.futures
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "demo"))
from services import Services, wait_for  # noqa: E402


def steps(directory):
    (directory / "ready").touch()
    wait_for((directory / "go").exists, "the word to go")
    yield
    (directory / "done").touch()
    wait_for((directory / "end").exists, "the word to end", 120)


def calls(directory, count):
    """`count` writes of 64 bytes and as many reads on a TCP connection to itself."""
    listener = socket.create_server(("127.0.0.1", 0))
    a = socket.create_connection(listener.getsockname())
    b, _ = listener.accept()
    a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    out, back, data = a.fileno(), b.fileno(), b"x" * 64
    for _ in steps(directory):
        for _ in range(count):
            os.write(out, data)
            os.read(back, 64)


def session():
    """(client, server) of a TLS session over TCP within this process, whose calls block from now on."""
    with tempfile.TemporaryDirectory() as name:
        key, chain = f"{name}/key", f"{name}/chain"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", chain, "-subj", "/CN=localhost"], check=True,
                       stderr=subprocess.DEVNULL)
        serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        serving.load_cert_chain(chain, key)
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE
    listener = socket.create_server(("127.0.0.1", 0))
    a = socket.create_connection(listener.getsockname())
    b, _ = listener.accept()
    for end in (a, b):
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        server = pool.submit(serving.wrap_socket, b, server_side=True)
        return asking.wrap_socket(a), server.result()


def tls(directory, count):
    """`count` SSL_write_ex of 64 bytes and as many SSL_read_ex; the program brings libssl along before it is ready."""
    a, b = session()
    data = b"x" * 64
    for _ in steps(directory):
        begin = time.process_time()
        for _ in range(count):
            a.write(data)
            b.read(64)
        (directory / "seconds").write_text(str(time.process_time() - begin))


def http(directory, requests, clients):
    with Services() as services:
        _, port = services.nginx("location / { return 200 'hello from nginx'; }")
        for _ in steps(directory):
            begin = time.monotonic()
            subprocess.run(["h2load", "--h1", "-n", str(requests), "-c", str(clients), "-t", "1", f"http://127.0.0.1:{port}/"], check=True,
                           stdout=subprocess.DEVNULL)
            (directory / "seconds").write_text(str(time.monotonic() - begin))


if __name__ == "__main__":
    {"calls": calls, "http": http, "tls": tls}[sys.argv[1]](pathlib.Path(sys.argv[2]), *map(int, sys.argv[3:]))
