#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The conversations of the golden captures, said again over loopback by two sockets of one program below `telltale run`: in the segments of the
capture, with neighbouring ones merged, and cut at random (the seed is fixed). The exchanges of both ends must be the golden ones; ports are
others, so nothing may hang on them. Connections that begin in the middle of a capture are left to tests/golden/segments."""
import collections
import json
import os
import random
import socket
import struct
import sys

import conversations
import lib

WAYS = ("captured", "merged", "random")
SEED = 7
# Attributes with a time in them, or learned from what was seen before.
NOT_COMPARED = ("http.route", "telltale.gen_ai.time_to_first_token_ns")
# What follows a doubtful head is followed again from the next message that begins a segment: where that is depends on the segments.
BY_SEGMENT = ("http/nginx-doubtful", "http/python-both")
MOST_AT_ONCE = 32 << 10  # bytes of one call: the limit capture_bytes, and a socket's buffers hold them


def in_segments(steps, way, rng):
    """The steps of a way to say them."""
    said = []
    for who, data in steps:
        if way != "captured" and isinstance(data, bytes) and said and said[-1][0] == who and isinstance(said[-1][1], bytes) and \
                len(said[-1][1]) + len(data) < MOST_AT_ONCE:
            said[-1] = who, said[-1][1] + data
        else:
            said.append((who, data))
    if way != "random":
        return said
    cut = []
    for who, data in said:
        while isinstance(data, bytes) and len(data) > 1:
            n = min(len(data), rng.choice((1, 2, rng.randint(1, 40), rng.randint(1, 3000))))
            cut.append((who, data[:n]))
            data = data[n:]
        if data != b"":
            cut.append((who, data))
    return cut


def hear(s, size, way, rng):
    while size:
        got = s.recv(min(size, 65536) if way != "random" else rng.randint(1, size))
        if not got:
            raise RuntimeError("closed early")
        size -= len(got)


def say_tcp(steps, way, rng):
    """Returns the names of client and server."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ends = {"client": socket.create_connection(listening.getsockname())}
        ends["server"], _ = listening.accept()
    ends["client"].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ends["server"].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    names = ["%s:%d" % s.getsockname() for s in ends.values()]
    ended = set()
    for who, data in in_segments(steps, way, rng):
        other = ends["server" if who == "client" else "client"]
        if data == "reset":
            ends[who].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            ends[who].close()
            try:
                other.recv(1)
            except OSError:
                pass
            break
        if data is None:
            ended.add(who)
            ends[who].shutdown(socket.SHUT_WR)
            if other.recv(1):
                raise RuntimeError("more than was said")
        elif who not in ended:
            ends[who].sendall(data)
            hear(other, len(data), way, rng)
    for s in ends.values():
        s.close()
    return names


def say_udp(steps):
    ends = {who: socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for who in ("client", "server")}
    for s in ends.values():
        s.bind(("127.0.0.1", 0))
        s.settimeout(10)
    names = {who: s.getsockname() for who, s in ends.items()}
    for who, data in steps:
        other = "server" if who == "client" else "client"
        ends[who].sendto(data, names[other])
        ends[other].recvfrom(65536)
    for s in ends.values():
        s.close()
    return ["%s:%d" % names[who] for who in ends]


def play():
    """The scenario: all of them in every way; which client said what is told."""
    whole, _ = conversations.all_whole()
    rng = random.Random(SEED)
    said = []
    for way in WAYS:
        for n, c in enumerate(whole):
            if c.transport == "tcp":
                said.append((say_tcp(c.steps, way, rng), n, way))
            elif way == "captured":
                said.append((say_udp(c.steps), n, way))
    lib.tell(said=said)


def essence(x, kind):
    """What of an exchange is to be the same; what depends on which end is observed, or on how the capture ended, is left out."""
    attributes = {k: v for k, v in x["attributes"].items() if k not in NOT_COMPARED}
    unanswered = x["error_type"] in ("lost", "unfinished", "closed_by_client", "closed_by_server", "reset", "timeout")
    if unanswered:  # how much of an answer arrived before it broke off differs from end to end
        attributes = {k: v for k, v in attributes.items() if not k.startswith("http.response.") and k != "http.route"}
    failure = "unanswered" if unanswered else x["error_type"] if kind == "server" else None
    return json.dumps([x["protocol"], x["operation"], x["resource"], None if unanswered else x["status"], failure, x["request_bytes"],
                       None if unanswered else x["response_bytes"], x["complete"] or unanswered, attributes], sort_keys=True)


def golden(c):
    lines = [json.loads(line) for line in c.capture.with_suffix(".jsonl").read_text().splitlines()]
    return [x for x in lines if {x["client"], x["server"]} == {c.client, c.server}]


def compare(kind, whole, said, exchanges):
    """Faults: (conversation, way, what is only on one side)."""
    by_ends = collections.defaultdict(list)
    for x in exchanges:
        by_ends[frozenset((x["client"], x["server"]))].append(x)
    for ends, n, way in said:
        if way == "random" and f"{whole[n].capture.parent.name}/{whole[n].capture.stem}" in BY_SEGMENT:
            continue
        want = collections.Counter(essence(x, kind) for x in golden(whole[n]))
        got = collections.Counter(essence(x, kind) for x in by_ends[frozenset(ends)])
        if want != got:
            yield whole[n], way, list((got - want).elements()), list((want - got).elements())


def test_replay():
    whole, others = conversations.all_whole()
    result = lib.run("play", "--show-values", limit=300)
    lib.equal(result.lost(), {}, "lost")
    result.check_accounts()
    said = result.told["said"]
    faults = 0
    for kind in ("server", "client"):
        for c, way, more, less in compare(kind, whole, said, result.of(kind=kind)):
            faults += 1
            if faults <= int(os.environ.get("TT_SHOW", "8")):
                print(f"{c.capture.parent.name}/{c.capture.stem} {c.client}, {way}, {kind}:\n  more: {more[:2]}\n  less: {less[:2]}")
    lib.equal(faults, 0, "conversations with other exchanges")
    print(f"{len(whole)} conversations, said {len(said)} times, {len(result.exchanges)} exchanges; {others} captures have others, too")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
