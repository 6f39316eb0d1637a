# SPDX-License-Identifier: Apache-2.0
"""A capture wish {from offset, bytes a call} is obeyed by the calls that come after it."""
import sys

from live_lib import dump

TALK = r"""
import os, re, socket, time
def came(way):
    printed = open(os.environ["TT_DUMP"]).read().rpartition("\n")[0]
    return sum(map(int, re.findall(rf"^chunk .* dir={way} transport=unix .* len=(\d+)", printed, re.MULTILINE)))
a, b = socket.socketpair()
a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
for i in range(6):
    a.sendall(bytes([65 + i]) * 2500 + bytes([97 + i]) * 2500)
    b.recv(5000, socket.MSG_WAITALL)
    while min(came("tx"), came("rx")) < 5000 * (i + 1):
        time.sleep(0.01)
"""


def check(bad, name, options, want):
    d = dump(*options, command=["/usr/bin/python3", "-c", TALK])
    for way in ("tx", "rx"):
        chunks = [c for c in d.of("chunk", transport="unix", dir=way) if c["len"]]
        at = chunks[0]["offset"]
        calls = {}
        for c in chunks:
            if c["offset"] != at:
                bad.append(f"{name} {way}: offset {c['offset']} where {at} was due")
            at += c["len"]
            calls.setdefault((c["offset"] - chunks[0]["offset"]) // 5000, []).append((c["len"], c["data"]))
        for i in range(6):
            shape = want(i)
            if calls.get(i) != shape:
                bad.append(f"{name} {way} call {i}: {[(n, x[:3], len(x)) for n, x in calls.get(i, [])]}")
    d.check_sums()


def main():
    bad = []

    def whole(i):
        return [(5000, bytes([65 + i]) * 2500 + bytes([97 + i]) * 2500)]

    check(bad, "no wish", [], whole)
    check(bad, "100 a call", ["--wish", 100], lambda i: whole(i) if not i else [(5000, bytes([65 + i]) * 100)])
    check(bad, "none", ["--wish", 0], lambda i: whole(i) if not i else [(5000, b"")])
    # The wish begins in the middle of the next call, whose first half is counted only.
    check(bad, "from the middle", ["--wish", 3000, "--wish-skip", 2400],
          lambda i: whole(i) if not i else [(2400, b""), (2600, bytes([65 + i]) * 100 + bytes([97 + i]) * 2500)])
    print("\n".join(bad[:20]) or "wishes: obeyed")
    return 1 if bad else 0


sys.exit(main())
