# SPDX-License-Identifier: Apache-2.0
"""What probes in TLS libraries cost: rows of (section, what, figure, unit, aim)."""
import os
import re
import statistics
import subprocess
import time

import cost
import kernel

CALLS = 10000
ROUNDS = 3
PROCESSES = 200
# Of the calls the load makes: the programs at entry and return.
MOVE, SENT, RECEIVED = "tt_openssl_move_ex", "tt_openssl_sent", "tt_openssl_received"
PROGRAMS = {"SSL_write_ex of 64 bytes": (MOVE, SENT), "SSL_read_ex of 64 bytes": (MOVE, RECEIVED)}
FILE = re.compile(r"libssl\.so\S* \(openssl\): in ([\d.]+) ms (\d+) probes")


def programs(load, pid, empty, own_scope):
    """ns a call by kind, without what counting it costs. Both kinds share the program at their entry."""
    m = kernel.Measure(pid, empty)
    load.go()
    m.stop()
    wanted = sorted({name for pair in PROGRAMS.values() for name in pair})
    runs = {name: m.programs[name][0] for name in wanted}
    if runs[SENT] < CALLS or runs[RECEIVED] < CALLS:
        raise RuntimeError(f"libssl's probes ran {runs} times at {CALLS} calls of each kind")
    where = "in scope" if own_scope else "process out of scope"
    each = {name: m.programs[name][1] / runs[name] - m.own_ns for name in wanted}
    return [("TLS", f"{what}, {where}: both programs, net", sum(each[name] for name in names), "ns", "") for what, names in PROGRAMS.items()]


def seconds(load):
    load.go()
    return float((load.dir / "seconds").read_text())


def wall(telltale):
    """What a pair of calls takes longer, in CPU time: the least of several, as neighbours only add."""
    spent = {"alone": [], "out": [], "in": []}
    for _ in range(ROUNDS):
        spent["alone"].append(ended(kernel.Load(None, "tls", CALLS), seconds))
        with kernel.resting(telltale, "--uprobes"):
            spent["out"].append(ended(kernel.Load(None, "tls", CALLS), seconds))
        spent["in"].append(ended(kernel.Load(telltale, "tls", CALLS, options=("--uprobes",)), seconds))
    alone, out, inside = (min(spent[where]) / CALLS * 1e9 for where in ("alone", "out", "in"))
    return [("TLS", "SSL_write_ex and SSL_read_ex of 64 bytes, unobserved: CPU time", alone, "ns", ""),
            ("TLS", "the same, process out of scope: more", out - alone, "ns", ""),
            ("TLS", "the same, in scope, its system calls too: more", inside - alone, "ns", "")]


def ended(load, measure):
    try:
        return measure(load)
    finally:
        load.end()


def calls(telltale):
    stats, empty = cost.stats_on(), cost.Empty()
    try:
        with kernel.resting(telltale, "--uprobes") as process:
            rows = ended(kernel.Load(None, "tls", CALLS), lambda load: programs(load, process.pid, empty, False))
        rows += ended(kernel.Load(telltale, "tls", CALLS, options=("--uprobes",)), lambda load: programs(load, load.pid, empty, True))
    finally:
        empty.close()
        os.close(stats)
    return rows + wall(telltale)


def attached_ms(telltale):
    """(ms, probes) as telltale says it."""
    done = subprocess.run([telltale, "run", "--quiet", "--uprobes", "--log-level=debug", "--", "true"], check=True, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True)
    found = FILE.search(done.stderr)
    if not found:
        raise RuntimeError(f"libssl was not attached: {done.stderr}")
    return float(found.group(1)), int(found.group(2))


def ending(telltale):
    """How much longer telltale runs than the command it runs: what it attaches and lets go of."""
    def took_ms(*command):
        begin = time.monotonic()
        subprocess.run([telltale, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return (time.monotonic() - begin) * 1000

    rows = []
    for what, command, asleep_ms in (("run -- true", ("run", "--quiet", "--", "true"), 0), ("run --uprobes -- true", ("run", "--quiet", "--uprobes", "--", "true"), 0),
                                     ("leak -- sleep 1", ("leak", "--", "sleep", "1"), 1000)):
        rows.append(("TLS", f"{what}: telltale itself, from its start to its end", statistics.median(took_ms(*command) for _ in range(ROUNDS)) - asleep_ms, "ms", ""))
    return rows


def mapping(count):
    """Processes that have libssl mapped and sleep."""
    started = [subprocess.Popen(["sleep", "1000"], env=os.environ | {"LD_PRELOAD": "libssl.so.3"}) for _ in range(count)]
    for process in started:
        maps = f"/proc/{process.pid}/maps"
        kernel.wait_for(lambda: "libssl.so" in open(maps).read(), "libssl in the processes")
    return started


def attaching(telltale):
    """Finding libssl's functions and putting probes at them, in all processes that have the file, until the last one is there."""
    rows = []
    for count in (0, PROCESSES):
        started = mapping(count)
        try:
            told = [attached_ms(telltale) for _ in range(ROUNDS)]
        finally:
            for process in started:
                process.kill()
                process.wait()
        who = f"{count} processes share it" if count else "nobody has it"
        rows.append(("TLS", f"attaching libssl, {told[0][1]} probes, {who}", statistics.median(ms for ms, _ in told), "ms", ""))
    return rows
