#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every HTTP request counted once at each end, with its status, path and bytes right: against what h2load says it did."""
import collections
import re
import subprocess
import sys

import lib

BODY = "hello from nginx\n"
KEEPALIVE = lib.scaled(20000)
A_ROUND = lib.scaled(1000)  # of ten
A_FEW = lib.scaled(2000)


def h2load(target, requests, clients, *options):
    out = subprocess.run(["h2load", "--h1", "-n", str(requests), "-c", str(clients), "-t", "1", *options, target], check=True,
                         capture_output=True, text=True).stdout
    succeeded = int(re.search(r"(\d+) succeeded", out).group(1))
    lib.tell(succeeded=succeeded)


def keepalive():
    with lib.Services() as services:
        _, port = services.nginx(f"location / {{ return 200 '{BODY.strip()}'; }} location /missing {{ return 404; }}")
        h2load(f"http://127.0.0.1:{port}/a/b?x=1", KEEPALIVE, 8)


def one_request_connections():
    with lib.Services() as services:
        _, port = services.nginx(f"location / {{ return 200 '{BODY.strip()}'; }} keepalive_timeout 0;", workers=2)
        for _ in range(10):
            subprocess.run(["ab", "-q", "-n", str(A_ROUND), "-c", "8", f"http://127.0.0.1:{port}/one"], check=True, stdout=subprocess.DEVNULL)


def ipv6():
    with lib.Services() as services:
        port = lib.free_port()
        services.nginx("location / { return 200 six; }", port=port, listen=f"[::1]:{port}")
        lib.wait_for(lambda: lib.port_answers(port, "::1"), "nginx on ::1")
        subprocess.run(["ab", "-q", "-k", "-n", str(A_FEW), "-c", "4", f"http://[::1]:{port}/six"], check=True, stdout=subprocess.DEVNULL)


def unix_socket():
    with lib.Services() as services:
        path = services.dir / "web.sock"
        services.nginx("location / { return 200 unix; }", listen=f"unix:{path}")
        lib.wait_for(path.exists, "nginx on a Unix socket")
        lib.tell(path=str(path))
        h2load("http://localhost/unix", A_FEW, 4, "--base-uri", f"unix:{path}")


def both_ends(result, count, resource):
    for kind in ("server", "client"):
        found = [x for x in result.of(kind=kind, protocol="http") if x["resource"] == resource]
        result.counts(len(found), count, f"{kind} exchanges of {resource}; lost {result.lost()}")
        result.counts(collections.Counter((x["operation"], x["status"], x["error"], x["complete"]) for x in found),
                  {("GET", "200", False, True): count}, f"{kind} operations and statuses")
    return found


def test_keepalive():
    result = lib.run("keepalive")
    lib.equal(result.told["succeeded"], KEEPALIVE, "h2load's own count")
    both_ends(result, KEEPALIVE, "/a/b?x=REDACTED")
    server = result.of(kind="server", protocol="http")
    client = result.of(kind="client", protocol="http")
    lib.equal({x["service"] for x in server}, {"nginx"}, "who served")
    lib.equal({x["comm"] for x in client}, {"h2load"}, "who asked")
    # Both ends count the same bytes.
    for names, what in ((("request_bytes", "response_bytes"), "bytes at both ends"), (("client", "server"), "the ends name the same connections")):
        at_server, at_client = (collections.Counter(tuple(x[name] for name in names) for x in end) for end in (server, client))
        result.counts(at_server, at_client, what)
    result.counts(result.metric("http_server_request_duration_seconds_count"), KEEPALIVE, "server histogram")
    result.counts(result.metric("http_client_request_duration_seconds_count"), KEEPALIVE, "client histogram")
    result.counts(result.metric("traces_service_graph_request_total", client="h2load", server="nginx"), KEEPALIVE, "one count an exchange in the map")
    result.check_accounts()


def test_one_request_connections():
    lib.need("ab")
    result = lib.run("one_request_connections")
    both_ends(result, 10 * A_ROUND, "/one")
    lib.equal(len({(x["client"], x["time_unix_ns"] // 10**9 // 60) for x in result.of(kind="server", protocol="http")}) > 5 * A_ROUND, True, "connections")
    result.check_accounts()


def test_ipv6():
    result = lib.run("ipv6")
    found = both_ends(result, A_FEW, "/six")
    lib.check(all(x["server"].startswith("[::1]:") and x["client"].startswith("[::1]:") for x in found), "addresses")


def test_unix_socket():
    result = lib.run("unix_socket")
    found = both_ends(result, A_FEW, "/unix")
    lib.equal({x["server"] for x in found}, {"unix:" + result.told["path"]}, "server address")


if __name__ == "__main__":
    lib.need("nginx", "h2load")
    sys.exit(lib.main(globals()))
