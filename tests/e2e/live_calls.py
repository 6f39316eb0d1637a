# SPDX-License-Identifier: Apache-2.0
"""What live_calls moved must be what the live source reports: every byte, every offset, every end, and nothing else."""
import os
import sys

from live_lib import DATAGRAM, EOF_FLAG, ERROR_FLAG, FROM_START, FROM_UNKNOWN, NO_PAYLOAD, Record, dump

CALLS = os.environ.get("LIVE_CALLS", "build/tests/live_calls")
TCP_FIGURES = 1 << 4  # of a record about a connection
# What a guest's kernel has not, so that no case is left out in silence there.
ABSENT = {"5.10": {"mptcp", "sockmap", "tls"}}
problems = []
absent = set()


def wrong(text):
    problems.append(text)


def pattern(seed, at, n):
    return bytes((i * 31 + (i >> 8) * 7 + seed * 13 + 1) & 0xFF for i in range(at, at + n))


def check_moved(d, name, m):
    chunks = [c for c in d.of("chunk", ino=m["ino"], dir=m["dir"]) if not c["flags"] & (EOF_FLAG | ERROR_FLAG)]
    where = f"{name} {m['dir']} ino={m['ino']}"
    if not chunks:
        return wrong(f"{where}: nothing reported")
    position = chunks[0]["offset"]
    if position not in (0, FROM_UNKNOWN):
        wrong(f"{where}: begins at {position}")
    start, captured = position, 0
    for c in chunks:
        if c["transport"] != m["transport"]:
            wrong(f"{where}: transport {c['transport']}")
        if c["offset"] != position:
            wrong(f"{where}: offset {c['offset']} where {position} was due")
        if c["captured"] > c["len"] or c["captured"] != len(c["data"]):
            wrong(f"{where}: captured {c['captured']} of {c['len']}, {len(c['data'])} bytes there")
        if c["data"] != pattern(m["seed"], c["offset"] - start, c["captured"]):
            wrong(f"{where}: wrong bytes at {c['offset'] - start}")
        if m["dir"] == "tx" and not 0 < c["entry"] <= c["time"]:
            wrong(f"{where}: entry {c['entry']} exit {c['time']}")
        if m["transport"] in ("udp", "unixdgram") and not c["flags"] & DATAGRAM:
            wrong(f"{where}: no datagram flag")
        if "peer" in m and c["peer"].rpartition("|")[2] != str(m["peer"]):
            wrong(f"{where}: peer {c['peer']} where port {m['peer']} was due")
        position += c["len"]
        captured += c["captured"]
    extra = 100 if name == "splice" and m["dir"] == "tx" else 0
    if position - start != m["bytes"] + extra:
        wrong(f"{where}: {position - start} bytes where {m['bytes']} were moved")
    if m.get("captured", 0) is None:
        if not captured:
            wrong(f"{where}: no payload")
    elif captured != m.get("captured", m["bytes"]) + extra:
        wrong(f"{where}: {captured} captured where {m.get('captured', m['bytes'])} were due")
    if m.get("captured") == 0 and not all(c["flags"] & NO_PAYLOAD for c in chunks if c["captured"] == 0):
        wrong(f"{where}: not marked as counted only")
    if "chunks" in m and len(chunks) != m["chunks"]:
        wrong(f"{where}: {len(chunks)} chunks where {m['chunks']} were due")
    return None


# What hooks on sockets see beyond those on system calls: (moved) of pages the bytes, of many messages the last, too.
SOCKETS = {("splice", "tx"): {"captured": 4000}, ("sendfile", "tx"): {"captured": None}, ("udp-mmsg-4", "tx"): {"bytes": 200, "chunks": 10},
           ("udp-mmsg-6", "tx"): {"bytes": 200, "chunks": 10}}
# (lost) The last of many messages; what a 32-bit caller sends.
NOT_LOST = [("iov_limit", 2), ("compat_call", 1)]


def on_sockets(d):
    return any(name.startswith(("tt_fexit_", "tt_kprobe_")) for name in d.programs)


def check_note(d, what, n, lost):
    if what == "lost":
        if on_sockets(d) and (n["cause"], n["events"]) in NOT_LOST:
            return
        cause = n["cause"]
        events, size = lost.get(cause, (0, 0))
        lost[cause] = (events + n["events"], size + n["bytes"])
    elif what == "eof":
        ends = [c for c in d.of("chunk", ino=n["ino"], dir=n["dir"]) if c["flags"] & EOF_FLAG]
        if len(ends) != 1 or ("offset" in n and ends[0]["offset"] != n["offset"]):
            wrong(f"eof ino={n['ino']}: {[(c['offset']) for c in ends]}")
    elif what == "error":
        errors = [c["error"] for c in d.of("chunk", ino=n["ino"], dir=n["dir"]) if c["flags"] & ERROR_FLAG]
        if errors != [n["error"]]:
            wrong(f"error ino={n['ino']}: {errors}")
    elif what == "reset":
        if not any(r["flags"] & n["flag"] for r in d.of("close", ino=n["ino"])):
            wrong(f"reset ino={n['ino']}: close without flag {n['flag']}")
    elif what == "close":
        ends = [(r["tx_offset"], r["rx_offset"]) for r in d.of("close", ino=n["ino"])]
        if ends != [(n["tx_offset"], n["rx_offset"])]:
            wrong(f"close ino={n['ino']}: {ends} where {n} was due")
    elif what == "reused":
        ends = [(r["tx_offset"], r["rx_offset"]) for r in d.of("close", ino=n["ino"])]
        if ends != [(n["first"], 0), (n["second"], 0)]:
            wrong(f"reused ino={n['ino']}: {ends}")
    elif what == "ends":
        if len(d.of("close", ino=n["ino"])) != 1:
            wrong(f"ends ino={n['ino']}: {d.of('close', ino=n['ino'])}")
    elif what == "multipath":
        figures = [(r["role"], r["rtt_us"], r["tx_offset"], r["rx_offset"]) for r in d.of("close", ino=n["ino"])]
        if figures != [(n["role"], 0, n["tx_offset"], n["rx_offset"])] or any(r["rtt_us"] or r["flags"] & TCP_FIGURES for r in d.of("open", ino=n["ino"])):
            wrong(f"multipath ino={n['ino']}: {d.of('open', ino=n['ino'])} {d.of('close', ino=n['ino'])}")
    elif what == "opened":
        opens = [(r["error"], r["role"]) for r in d.of("open", ino=n["ino"])]
        chunks = d.of("chunk", ino=n["ino"])
        if opens != [(0, n["role"])] or any(not c["flags"] & FROM_START or c["role"] != n["role"] for c in chunks):
            wrong(f"opened ino={n['ino']}: {opens}, {[(c['dir'], c['offset'], c['flags'], c['role']) for c in chunks]}")
    elif what == "refused":
        opens = d.of("open", ino=n["ino"])
        if [(r["error"], bool(r["flags"] & 4)) for r in opens] != [(n["error"], True)]:
            wrong(f"refused ino={n['ino']}: {opens}")
    elif what == "absent":
        absent.add(n["what"])
    elif what == "untried":
        if d.of("open", ino=n["ino"]) or d.of("close", ino=n["ino"]):
            wrong(f"untried ino={n['ino']}: {d.of('open', ino=n['ino'])} {d.of('close', ino=n['ino'])}")
    else:
        wrong(f"note {what} {dict(n)}")


def main():
    d = dump("--limit", "ring_bytes=64M", command=[CALLS])
    lost, moved = {}, 0
    for line in d.output:
        word, name, rest = (line + "  ").split(" ", 2)
        if word == "unsure-moved":
            if on_sockets(d) or {"tt_recv_length", "tt_perf_recv_length"} & set(d.programs):
                check_moved(d, name, Record("moved " + rest))
            else:
                lost["fd_race"] = (1, Record("moved " + rest)["bytes"])
        elif word == "moved":
            moved += 1
            m = Record("moved " + rest)
            m.update(SOCKETS.get((name, m["dir"]), {}) if on_sockets(d) else {})
            check_moved(d, name, m)
        elif word == "note":
            if name == "lost":
                cause, _, rest = rest.partition(" ")
                rest = f"cause={cause} {rest}"
            check_note(d, name, Record("note " + rest), lost)
    if not moved:
        wrong(f"live_calls said nothing: {d.output}")
    for cause in {k[5:] for k in d.stats if k.startswith("lost_") and not k.startswith("lost_bytes_")}:
        got = (d.stats[f"lost_{cause}"], d.stats[f"lost_bytes_{cause}"])
        if got != lost.get(cause, (0, 0)):
            wrong(f"lost {cause}: {got} where {lost.get(cause, (0, 0))} were due")
    for k, v in d.stats.items():
        if k.startswith("failed_") and v:
            wrong(f"{k}={v}")
    for r in d.of("open"):
        if not r["error"] and r["role"] == 1 and r["transport"] == 1 and not r["connect_ns"]:
            wrong(f"open without connect time: {r}")
    d.check_sums()
    due = ABSENT.get(os.environ.get("TT_VM"), set()) if "TT_VM" in os.environ else absent
    if absent != due:
        wrong(f"this kernel has not what these need: {sorted(absent)}; due are {sorted(due)}")
    for p in problems:
        print(p)
    print(f"{moved} streams compared, {len(problems)} problems{f'; not on this kernel: {sorted(absent)}' if absent else ''}")
    return 1 if problems else 0


sys.exit(main())
