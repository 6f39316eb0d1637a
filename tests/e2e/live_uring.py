# SPDX-License-Identifier: Apache-2.0
"""What io_uring moves is counted and placed between what system calls move, each byte once; where the kernel does not tell of it, it is the gap
between them, as large as what was moved."""
import os
import sys

from live_lib import EOF_FLAG, Record, dump

URING = os.environ.get("LIVE_URING", "build/tests/live_uring")


def whole(d, want, payload):
    """Every byte has its place, and those that ordinary calls moved, or all, are shown."""
    chunks = [c for c in d.of("chunk", ino=want["ino"], dir=want["dir"]) if not c["flags"] & EOF_FLAG]
    at = 0
    for c in chunks:
        if c["offset"] != at:
            yield f"offset {c['offset']} where {at} was due: {c}"
        at += c["len"]
    shown = sum(c["captured"] for c in chunks)
    if (at, shown) != (want["bytes"], want["bytes"] if payload else want["shown"]):
        yield f"{dict(want)}: {at} bytes, {shown} shown"
    if want["dir"] == "rx":
        ends = [c for c in d.of("chunk", ino=want["ino"]) if c["flags"] & EOF_FLAG]
        if [e["offset"] for e in ends] != [at]:
            yield f"ends: {ends}"


def gaps(d, total, calls):
    """Only the ordinary calls are told, each in its place, so that the gaps are what the ring moved; the end of the connection tells how much it was."""
    chunks = [(c["offset"], c["len"], c["captured"]) for c in d.of("chunk", ino=total["ino"], dir=total["dir"]) if not c["flags"] & EOF_FLAG]
    want = [(c["offset"], c["bytes"], c["bytes"]) for c in calls if (c["ino"], c["dir"]) == (total["ino"], total["dir"])]
    if chunks != want or not want:
        yield f"{dict(total)}: {chunks} where {want} was due"
    ends = [c[f"{total['dir']}_offset"] for c in d.of("close", ino=total["ino"])]
    if ends != [total["bytes"]]:
        yield f"{dict(total)}: closed at {ends}"


def main():
    d = dump(command=[URING])
    if any(line.startswith("note skip") for line in d.output):
        print(d.output[0])
        return 77
    bad = [line for line in d.output if line.startswith("note")]
    # Hooks on sockets see the payload; the tracepoints that count it are there since 6.3.
    payload = any(name.startswith(("tt_fexit_", "tt_kprobe_")) for name in d.programs)
    counted = payload or {"tt_send_length", "tt_perf_send_length"} & set(d.programs)
    lines = [Record(line) for line in d.output]
    calls = [line for line in lines if line.kind == "call"]
    for want in lines:
        if want.kind == "total":
            bad += whole(d, want, payload) if counted else gaps(d, want, calls)
        elif want.kind == "lost":
            due = (want["events"], want["bytes"]) if counted and not payload else (0, 0)
            if (d.stats["lost_io_uring"], d.stats["lost_bytes_io_uring"]) != due:
                bad.append(f"{dict(want)}: {d.stats['lost_io_uring']} {d.stats['lost_bytes_io_uring']}")
    if not calls:
        bad.append(f"live_uring said nothing: {d.output}")
    d.check_sums()
    print("\n".join(bad) or f"io_uring: {'as moved' if counted else 'the gaps are what it moved'}")
    return 1 if bad else 0


sys.exit(main())
