# SPDX-License-Identifier: Apache-2.0
"""`telltale read`: instructions an exchange of each protocol, and time and memory beside tshark's. Rows as user.py's."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import replay
import user

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
TABLE = pathlib.Path(__file__).resolve().parent / "captures.tbl"
# The difference of so many exchanges is taken, about.
EXCHANGES = 600
LARGE_BYTES = 60 << 20
ROUNDS = 5
CUTS = "10"


def table():
    return dict(line.split() for line in TABLE.read_text().splitlines() if line and not line.startswith("#"))


def read_count(telltale, path):
    out = subprocess.run([telltale, "read", path], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"^(\d+) exchanges", out, re.M).group(1))


def exchange(telltale, capture, directory):
    """Instructions: what a longer capture takes more than a shorter one, for each exchange it has more."""
    few, many = (pathlib.Path(directory) / name for name in ("few.pcap", "many.pcap"))
    replay.write(capture, few, 2)
    replay.write(capture, many, 2 + -(-EXCHANGES * 2 // max(read_count(telltale, few), 1)))
    counts, costs = zip(*((read_count(telltale, f), user.collected(telltale, (), "read", f)) for f in (few, many)))
    if counts[1] == counts[0]:
        raise RuntimeError(f"{capture}: said {counts[0]} exchanges, and {counts[1]} where it is longer")
    return (costs[1] - costs[0]) / (counts[1] - counts[0])


def protocols(telltale):
    """All that there is a capture of; of one without a row the largest."""
    rows = table()
    for directory in GOLDEN.iterdir():
        captures = sorted(directory.glob("*.pcap"), key=lambda p: p.stat().st_size)
        if captures and directory.name not in rows:
            print(f"{TABLE}: no row for {directory.name}", file=sys.stderr)
            rows[directory.name] = captures[-1].stem
    with tempfile.TemporaryDirectory() as directory:
        return [("Reading", f"{protocol}: `{capture}`, from the file to the summary", exchange(telltale, GOLDEN / protocol / f"{capture}.pcap", directory),
                 "instructions", "") for protocol, capture in sorted(rows.items())]


def spent(command):
    """CPU seconds and resident bytes at most."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command}: {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def tshark(telltale):
    """The same file: each request and each response named."""
    capture = GOLDEN / "http" / "nginx-h2load.pcap"
    with tempfile.TemporaryDirectory() as directory:
        large = str(pathlib.Path(directory) / "large.pcap")
        replay.write(capture, large, LARGE_BYTES // capture.stat().st_size)
        what = f"{os.path.getsize(large) / 1e6:.0f} MB of HTTP, {read_count(telltale, large)} exchanges"
        ours = [spent([telltale, "read", large]) for _ in range(ROUNDS)]
        # What else the machine does only ever adds.
        seconds, resident = min(s for s, _ in ours), max(r for _, r in ours)
        rows = [("Reading", f"{what}: CPU time", seconds * 1e3, "ms", ""), ("Reading", f"{what}: resident", resident / 1e6, "MB", 64)]
        if not shutil.which("tshark"):
            return rows
        command = ["tshark", "-r", large, "-Y", "http", "-T", "fields", "-e", "frame.time_relative", "-e", "http.request.method",
                        "-e", "http.request.uri", "-e", "http.response.code"]
        theirs = min(spent(command) for _ in range(2))
    return rows + [("Reading", "tshark, the same file: CPU time", theirs[0] * 1e3, "ms", ""),
                   ("Reading", "tshark, the same file: resident", theirs[1] / 1e6, "MB", ""),
                   ("Reading", "tshark's CPU time divided by telltale's", theirs[0] / seconds, "times", -50)]


def middle(telltale):
    """How much is known of what began after a capture that was begun in the middle; that nothing of it is wrong."""
    out = subprocess.run([GOLDEN / "http2" / "middle"], env={**os.environ, "TELLTALE": telltale, "TT_CUTS": CUTS}, capture_output=True, text=True)
    if out.returncode:
        raise RuntimeError(out.stdout)
    rows = re.findall(r"^(\S+)(?: (.+))?: (\d+) of (\d+) paths known", out.stdout, re.M)
    rows.sort(key=lambda row: row[0] == "all")
    wrong = int(re.search(r"^(\d+) values were wrong", out.stdout, re.M).group(1))
    return [("Begun in the middle", f"{protocol}{f' between peers in {peers}' if peers else ''}: exchanges with a path, of {said}",
             100 * int(resolved) / int(said), "%", "") for protocol, peers, resolved, said in rows] + \
        [("Begun in the middle", "values that are wrong", wrong, "", 0)]
