# SPDX-License-Identifier: Apache-2.0
"""What io_uring moves is counted and placed between what system calls move, each byte once."""
import os
import sys

from live_lib import EOF_FLAG, Record, dump

URING = os.environ.get("LIVE_URING", "build/tests/live_uring")


def main():
    d = dump(command=[URING])
    if any(line.startswith("note skip") for line in d.output):
        print(d.output[0])
        return 77
    bad = [line for line in d.output if line.startswith("note")]
    # Hooks on sockets see the payload; the tracepoints that count it are there since 6.3.
    payload = any(name.startswith(("tt_fexit_", "tt_kprobe_")) for name in d.programs)
    if not payload and not {"tt_send_length", "tt_perf_send_length"} & set(d.programs):
        print("this kernel has no tracepoint for it (before 6.3)")
        return 77
    for line in d.output:
        want = Record(line)
        if want.kind == "total":
            chunks = [c for c in d.of("chunk", ino=want["ino"], dir=want["dir"]) if not c["flags"] & EOF_FLAG]
            at = 0
            for c in chunks:
                if c["offset"] != at:
                    bad.append(f"offset {c['offset']} where {at} was due: {c}")
                at += c["len"]
            shown = sum(c["captured"] for c in chunks)
            if (at, shown) != (want["bytes"], want["bytes"] if payload else want["shown"]):
                bad.append(f"{line}: {at} bytes, {shown} shown")
            if want["dir"] == "rx":
                ends = [c for c in d.of("chunk", ino=want["ino"]) if c["flags"] & EOF_FLAG]
                if [e["offset"] for e in ends] != [at]:
                    bad.append(f"ends: {ends}")
        elif want.kind == "lost":
            if (d.stats["lost_io_uring"], d.stats["lost_bytes_io_uring"]) != ((0, 0) if payload else (want["events"], want["bytes"])):
                bad.append(f"{line}: {d.stats['lost_io_uring']} {d.stats['lost_bytes_io_uring']}")
    d.check_sums()
    print("\n".join(bad) or "io_uring: as moved")
    return 1 if bad else 0


sys.exit(main())
