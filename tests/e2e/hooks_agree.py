#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whichever set of hooks is used, the same traffic gives the same exchanges, times aside."""
import http.client
import json
import socket
import subprocess
import sys

import lib

ROUNDS = lib.scaled(100)
# What differs from one run to the next, whatever the hooks: times, processes, the ports and identities chosen.
VARYING = ("time_unix_ns", "duration_ns", "ttfb_ns", "pid", "tid", "client", "server", "start_time", "connection")
PAYLOAD = "x" * 3000


def ask(port, path, **options):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, **options)
    connection.getresponse().read()
    connection.close()


def traffic():
    """One request after the other: kept alive, large both ways, by sendfile, pipelined, errors, a connection that only the server ends."""
    with lib.Services() as services:
        (services.dir / "file").write_text("0123456789" * 5000)
        _, port = services.nginx("location / { return 200 $request_uri; } location /no { return 404; } location = /file { root %s; sendfile on; }" % services.dir)
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for number in range(ROUNDS):
            connection.request("GET", f"/kept/{number}")
            connection.getresponse().read()
        connection.request("POST", "/posted", body=PAYLOAD)
        connection.getresponse().read()
        connection.close()
        for path in ("/no", "/file", "/" + "long" * 500):
            ask(port, path)
        ask(port, "/closed", headers={"Connection": "close"})
        _, redis_port = services.redis()
        with socket.create_connection(("127.0.0.1", redis_port)) as redis:
            for number in range(ROUNDS):
                redis.sendall(b"SET key:%d value\r\nGET key:%d\r\nNOPE\r\n" % (number, number))
                got = b""
                while got.count(b"\r\n") < 4:
                    got += redis.recv(65536)


def shape(exchange):
    attributes = {k: v for k, v in exchange["attributes"].items() if k != "server.port"}
    return json.dumps({**{k: v for k, v in exchange.items() if k not in VARYING}, "attributes": attributes}, sort_keys=True)


def sets():
    told = json.loads(subprocess.run([lib.TELLTALE, "doctor", "--json"], stdout=subprocess.PIPE, check=True).stdout)
    names = [s["name"] for s in told["hook_sets"]]
    return [name for name in names if subprocess.run([lib.TELLTALE, "doctor", "--hooks", name], capture_output=True).returncode == 0]


def test_every_set_says_the_same():
    names = sets()
    if len(names) < 2:
        lib.skip(f"one set of hooks works here: {', '.join(names)}")
    lib.HOOKS.clear()
    found = {}
    for name in names:
        result = lib.run("traffic", "--hooks", name)
        lib.equal(result.lost(), {}, f"{name}: lost")
        found[name] = sorted(map(shape, result.exchanges))
        lib.check(len(found[name]) >= 2 * 4 * ROUNDS, f"{name}: {len(found[name])} exchanges")
    first = names[0]
    for name in names[1:]:
        only = [[x for x in found[a] if x not in found[b]][:5] for a, b in ((first, name), (name, first))]
        lib.equal(only, [[], []], f"exchanges only {first} told, and only {name}")
        lib.equal(found[name], found[first], f"exchanges of {name} and of {first}")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
