# SPDX-License-Identifier: Apache-2.0
"""What an idle connection keeps of the core's memory, protocol by protocol: rows as user.py's, and a table of their own for the page."""
import pathlib
import re
import subprocess

import offline

CONNECTIONS = 10000
# Of those whose row in captures.tbl has datagrams, or a stream of which something is missing.
STREAMS = {"dns": "tcp", "http2": "go-curl", "sip": "tcp", "someip": "tcp"}
BEGIN, END = "<!-- idle connections: written by tests/bench/run --write -->", "<!-- end of idle connections -->"
measured = {}


def keeps(bench, protocol, capture):
    reader = pathlib.Path(bench).parent / "idle_bench"
    done = subprocess.run([reader, offline.GOLDEN / protocol / f"{capture}.pcap", protocol, str(CONNECTIONS)], capture_output=True, text=True)
    found = re.match(r"first (\d+) all (\d+) chunks (\d+)", done.stdout)
    if not found:
        raise RuntimeError(f"{protocol}/{capture}: {done.stderr}")
    return tuple(map(int, found.groups()))


def idle(bench):
    for protocol, capture in sorted({**offline.table(), **STREAMS}.items()):
        measured[protocol] = keeps(bench, protocol, capture)
    most = max(measured, key=lambda p: measured[p][0])
    what = f"kept of an idle connection, of {CONNECTIONS // 1000} 000 after one exchange each"
    return [("Idle", f"http: {what}", measured["http"][0], "bytes", ""),
            ("Idle", f"{most}, the most of {len(measured)} protocols", measured[most][0], "bytes", "")]


def write(page):
    head, rest = page.read_text().split(BEGIN)
    lines = ["| Protocol | After one exchange | After the capture's longest stream | of so many chunks |", "| --- | ---: | ---: | ---: |"]
    lines += [f"| {p} | {first} | {everything} | {chunks} |" for p, (first, everything, chunks) in sorted(measured.items())]
    page.write_text(head + BEGIN + "\n" + "\n".join(lines) + "\n" + END + rest.split(END)[1])
