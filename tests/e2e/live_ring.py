# SPDX-License-Identifier: Apache-2.0
"""Rings far too small, and a reader that sleeps: what is lost is counted exactly, what is delivered is right, and it recovers."""
import os
import struct
import sys

from live_lib import EOF_FLAG, ERROR_FLAG, dump

RACE = os.environ.get("LIVE_RACE", "build/tests/live_race")
bad = []


def run(name, *options):
    # The rings are empty again when a program is seen that began after it all.
    d = dump(*options, command=["/bin/sh", "-c", f"{RACE} churn 4 1000; until grep -q ' comm=true ' $TT_DUMP; do /bin/true; sleep 0.1; done; "
                                f"exec {RACE} churn 1 20"])
    lost = {k: v for k, v in d.stats.items() if k.startswith("lost_") and v}
    print(f"{name}: produced {d.stats['produced']}, delivered {d.stats['delivered']}, {lost}")
    try:
        d.check_sums()
    except AssertionError as e:
        bad.append(f"{name}: {e}")
    if not d.stats["lost_ring_full"]:
        bad.append(f"{name}: nothing was lost, so this tested nothing")
    # A softirq in the middle of a program misses that program: counted, and not of the ring.
    if set(lost) - {"lost_ring_full", "lost_bytes_ring_full", "lost_control_full", "lost_missed_run"}:
        bad.append(f"{name}: lost by other causes: {lost}")
    delivered = d.records
    if len(delivered) != d.stats["delivered"]:
        bad.append(f"{name}: {len(delivered)} lines, {d.stats['delivered']} delivered")
    numbers = {}
    for c in d.of("chunk", transport="tcp"):
        if c["flags"] & (EOF_FLAG | ERROR_FLAG):
            continue
        number = set(struct.unpack(f"{len(c['data']) // 4}I", c["data"][: len(c["data"]) // 4 * 4]))
        if len(number) != 1 or numbers.setdefault(c["conn"], number) != number:
            bad.append(f"{name}: {c['conn']} carries {sorted(number)[:3]} and {sorted(numbers[c['conn']])[:3]}")
    times = [r["time"] for r in delivered]
    if times != sorted(times):
        bad.append(f"{name}: not in order of time")
    return d


def check_recovered(name, d):
    """What came after the loss is whole: the last twenty connections."""
    last = [r["conn"] for r in d.of("close")[-40:]]
    for conn in last:
        kinds = [r.kind for r in d.records if r.get("conn") == conn]
        if kinds.count("open") != 1 or kinds.count("chunk") < 2:
            bad.append(f"{name}: after the loss {conn} has {kinds}")


check_recovered("small ring", run("small ring", "--limit", "ring_bytes=64k", "--limit", "control_ring_bytes=64k", "--pause", 100))
check_recovered("sleeping reader", run("sleeping reader", "--limit", "ring_bytes=256k", "--limit", "control_ring_bytes=8M",
                                       "--pause", 1000))
print("\n".join(bad[:20]))
sys.exit(1 if bad else 0)
