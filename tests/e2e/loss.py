#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Under loss the accounts hold, what was touched is marked, nothing is wrong, and it recovers."""
import http.client
import re
import signal
import sys
import threading
import time

import lib

TINY = lib.scaled(8000)
FEW = lib.scaled(400)
MANY = lib.scaled(4000)
AT_EASE = lib.scaled(2000)
SERVER = "location / { return 200 $request_uri; }"


def ask(port, first, count, stride):
    """Paths n<number>; the answer's length is the path's, so a mixed-up pair shows."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for number in range(first, count, stride):
        connection.request("GET", f"/{'n' * (number % 50)}/{number}")
        connection.getresponse().read()
    connection.close()


def load(port, count, threads=4):
    workers = [threading.Thread(target=ask, args=(port, i, count, threads)) for i in range(threads)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()


def tiny_rings():
    with lib.Services() as services:
        _, port = services.nginx(SERVER)
        load(port, TINY)
        lib.tell(asked=TINY)


def nothing_wrong(result):
    """Whole exchanges say of each request what was really answered: bodies echo the path."""
    for x in result.of(protocol="http"):
        if not x["complete"] or x["resource"] is None:
            continue
        if x["status"] is not None and x["error_type"] is None:
            lib.equal((x["operation"], x["status"]), ("GET", "200"), x["resource"])
            lib.equal(x["attributes"].get("http.response.body.size"), len(x["resource"]), f"the answer paired with {x['resource']}")


def test_tiny_rings():
    result = lib.run("tiny_rings", "--limit", "ring_bytes=64k", "--limit", f"drain_interval_ms={min(1000, int(500 * lib.PATIENCE))}", "--limit", "ring_cpus=64")
    lib.check(result.lost().get("ring_full", 0) > 0, f"nothing was lost: {result.lost()}")
    result.check_accounts()
    nothing_wrong(result)
    for kind in ("server", "client"):
        found = result.of(protocol="http", kind=kind)
        lib.check(len({x["resource"] for x in found if x["complete"]}) <= TINY, "more exchanges than requests")
        lib.check(any(not x["complete"] for x in found), f"{kind}: no exchange is marked incomplete")


def test_reader_stopped_for_a_second():
    with lib.Services() as services:
        nginx, port = services.nginx(SERVER)
        with lib.Agent(nginx.pid, options=["--limit", f"ring_bytes={max(64, int(512 * lib.SCALE))}k"]) as agent:
            load(port, FEW)
            agent.process.send_signal(signal.SIGSTOP)
            load(port, MANY)
            agent.process.send_signal(signal.SIGCONT)
            lib.wait_for(lambda: re.search("^telltale_records_queued 0$", agent.get("/metrics"), re.MULTILINE), "empty rings")
            # New connections after it went on are whole.
            begin = time.time_ns()
            load(port, FEW)
    result = agent.result
    result.check_accounts()
    lib.check(result.lost().get("ring_full", 0) > 0, f"nothing was lost: {result.lost()}")
    nothing_wrong(result)
    late = [x for x in result.of(protocol="http", kind="server", complete=True) if x["time_unix_ns"] >= begin]
    result.counts(len(late), FEW, "exchanges after it went on")


def test_nothing_is_lost_at_ease():
    with lib.Services() as services:
        nginx, port = services.nginx(SERVER)
        with lib.Agent(nginx.pid) as agent:
            load(port, AT_EASE)
    agent.result.counts(len(agent.result.of(protocol="http", complete=True, kind="server")), AT_EASE, f"exchanges; lost {agent.result.lost()}")
    agent.result.check_lost({})
    agent.result.check_accounts()


if __name__ == "__main__":
    lib.need("nginx")
    sys.exit(lib.main(globals()))
