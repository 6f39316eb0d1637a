# SPDX-License-Identifier: Apache-2.0
"""Processes that live a moment are told with their names, arguments and ends; the command's status is passed on."""
import sys

from live_lib import dump

SCRIPT = """
for i in $(seq 1 200); do /bin/true run-$i; done
sh -c 'exit 7'
sh -c 'kill -9 $$'
exit 3
"""


def main():
    bad = []
    d = dump(command=["/bin/sh", "-c", SCRIPT])
    runs = [r for r in d.of("exec") if r["file"] == "/bin/true"]
    names = sorted(int(r["args"].split(b"\0")[1].split(b"-")[1]) for r in runs)
    if names != list(range(1, 201)):
        bad.append(f"{len(names)} of 200 short-lived processes")
    for r in runs:
        if r["comm"] != "true":
            bad.append(f"name {r['comm']}")
        forks = d.of("fork", tgid=r["tgid"])
        ends = d.of("exit", tgid=r["tgid"])
        if len(forks) != 1 or len(ends) != 1:
            bad.append(f"{r['tgid']}: {len(forks)} starts, {len(ends)} ends")
        elif not forks[0]["time"] < r["time"] < ends[0]["time"] or forks[0]["start"] != ends[0]["start"]:
            bad.append(f"{r['tgid']}: out of order")
    codes = sorted(r["exit_code"] for r in d.of("exit") if r["exit_code"])
    if codes != [9, 3 << 8, 7 << 8]:
        bad.append(f"exit codes {codes}")
    if d.status != 3:
        bad.append(f"status {d.status}")
    d.check_sums()
    print("\n".join(bad[:20]) or f"{len(runs)} short-lived processes told")
    return 1 if bad else 0


sys.exit(main())
