#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`telltale read`: progress on a terminal and nowhere else, and memory that does not grow with the file."""
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

import lib

SECONDS = 2  # a file that takes so long shows progress
PROGRESS_EVERY = 0.25
TAKEN_AWAY = b"\r\x1b[K"


def packet(us, src, sport, dst, dport, seq, ack, flags, data=b""):
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 65535, 0, 0) + data
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, src, dst) + tcp
    return struct.pack("<IIII", us // 1000000, us % 1000000, len(ip), len(ip)) + ip


HEAD = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101)
SERVER = b"\x7f\0\0\1"


def unanswered(number):
    """A connection that opens, asks and never ends: three packets."""
    client, port, us = struct.pack("!I", 0x0A000000 + number // 50000), 10000 + number % 50000, 1700000000000000 + number * 100
    return (packet(us, client, port, SERVER, 80, 1000, 0, 2) + packet(us + 10, SERVER, 80, client, port, 5000, 1001, 0x12) +
            packet(us + 20, client, port, SERVER, 80, 1001, 5001, 0x18, b"GET /item/%d HTTP/1.1\r\nHost: shop\r\n\r\n" % number))


def feed(process):
    """A file that comes slowly, so that what is shown of it depends on no machine's speed."""
    process.stdin.write(HEAD)
    for number in range(SECONDS * 50):
        process.stdin.write(unanswered(number))
        process.stdin.flush()
        time.sleep(0.02)
    process.stdin.close()


def read_slowly(stderr, *options):
    process = subprocess.Popen([lib.TELLTALE, "read", *options, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)
    feeder = threading.Thread(target=feed, args=(process,))
    feeder.start()
    return process, feeder


def drained(fd):
    text = b""
    while select.select([fd], [], [], 0.5)[0]:
        try:
            part = os.read(fd, 65536)
        except OSError:  # nobody has the terminal open any more
            break
        if not part:
            break
        text += part
    return text


def test_progress_on_a_terminal():
    terminal, side = pty.openpty()
    begun = time.monotonic()
    process, feeder = read_slowly(side)
    os.close(side)
    shown = b""
    while process.poll() is None:
        shown += drained(terminal)
    took = time.monotonic() - begun
    feeder.join()
    shown += drained(terminal)
    out = process.stdout.read().decode()
    lib.equal(process.returncode, 0, "status")
    lines = shown.split(TAKEN_AWAY)
    lib.check(lines[0] == b"", f"something stands before the first line: {lines[0]}")
    lib.check(lines[-1] == b"", f"the last line was not taken away: {lines[-1]}")
    told = lines[1:-1]
    lib.check(1 <= len(told) <= took / PROGRESS_EVERY + 1, f"{len(told)} lines in {took:.1f} s")
    for line in told:
        lib.check(b"\n" not in line and line.startswith(b"standard input: ") and line.endswith(b" exchanges"), f"line {line}")
    lib.check(f"{SECONDS * 50} exchanges" in out, f"summary: {out}")


def test_no_progress_in_a_pipe():
    process, feeder = read_slowly(subprocess.PIPE)
    out, err = process.stdout.read(), process.stderr.read()
    feeder.join()
    lib.equal(process.wait(), 0, "status")
    lib.equal(err, b"", "standard error")
    lib.check(TAKEN_AWAY not in out, "standard output holds what is for terminals")


def test_memory_does_not_grow():
    """Connections that never end: more than there is room for by far."""
    connections = 100000
    process = subprocess.Popen([lib.TELLTALE, "read", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(HEAD)
    for number in range(connections):
        process.stdin.write(unanswered(number))
    process.stdin.close()
    out = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    lib.equal(process.returncode, 0, "status")
    lib.check(f"{connections} exchanges, {connections} incomplete" in out, f"summary: {out}")
    lib.check("connections were forgotten before their end" in out, f"summary: {out}")
    lib.check(usage.ru_maxrss * 1024 < 64 << 20, f"{usage.ru_maxrss} kB resident")


def answered(port, length=None):
    """A request and its answer on a server's port; `length`: so much of each packet was captured."""
    client, us = b"\x0a\0\0\1", 1700000000000000 + port
    parts = [packet(us, client, 40000, SERVER, port, 1000, 0, 2), packet(us + 10, SERVER, port, client, 40000, 5000, 1001, 0x12),
             packet(us + 20, client, 40000, SERVER, port, 1001, 5001, 0x18, b"GET /item HTTP/1.1\r\nHost: shop\r\n\r\n"),
             packet(us + 2000, SERVER, port, client, 40000, 5001, 1037, 0x18, b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b"x" * 500)]
    if length:
        parts = [p[:8] + struct.pack("<I", min(length, len(p) - 16)) + p[12:16 + length] for p in parts]
    return b"".join(parts)


def read_files(captures, *options):
    with tempfile.TemporaryDirectory() as directory:
        names = [f"{name}.pcap" for name in captures]
        for name, packets in zip(names, captures.values()):
            (pathlib.Path(directory) / name).write_bytes(HEAD + packets)
        done = subprocess.run([lib.TELLTALE, "read", *options, *names], cwd=directory, capture_output=True, text=True)
        written = pathlib.Path(directory) / "out.jsonl"
        return done, written.read_text().splitlines() if written.exists() else []


def test_what_a_capture_lacks_is_said():
    captures = {"cut": answered(80, 96) + answered(81, 96)}
    said = "2 of 8 packets were cut by the capture's snap length: 968 bytes of payload are not in it"
    done, _ = read_files(captures)
    lib.equal((done.returncode, done.stderr, done.stdout.count("snap length")), (0, "", 1), "status, errors, lines")
    lib.check(said in done.stdout, f"summary: {done.stdout}")
    done, _ = read_files(captures, "--json")
    lib.equal((len(done.stdout.splitlines()), done.stderr), (2, f"telltale: warning: cut.pcap: {said}\n"), "lines of JSON, warning")


def asked_at_once(count):
    """So many requests on one connection, and then all their answers."""
    client, us = b"\x0a\0\0\1", 1700000000000000
    parts = [packet(us, client, 40000, SERVER, 80, 1000, 0, 2), packet(us + 10, SERVER, 80, client, 40000, 5000, 1001, 0x12)]
    request, answer = b"GET /item HTTP/1.1\r\nHost: shop\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n"
    for i in range(count):
        parts.append(packet(us + 20 + i, client, 40000, SERVER, 80, 1001 + i * len(request), 5001, 0x18, request))
    for i in range(count):
        parts.append(packet(us + 9000 + i, SERVER, 80, client, 40000, 5001 + i * len(answer), 1001 + count * len(request), 0x18, answer))
    return b"".join(parts)


def test_what_limits_turn_away_is_said():
    captures, limit = {"many": asked_at_once(200)}, ("--limit", "pending_requests=50")
    done, _ = read_files(captures, *limit)
    said = "150 requests are shown without their answers: their connections had more unanswered ones than --limit pending_requests"
    lib.check("200 exchanges, 150 incomplete" in done.stdout and "150 messages turned away by limits" in done.stdout, done.stdout)
    lib.check(said in done.stdout, done.stdout)
    lib.equal(done.stderr, "telltale: warning: many.pcap: limits turned part of it away: the end of the summary says which\n", "warning")
    done, _ = read_files(captures, *limit, "--json")
    lib.equal(done.stderr, f"telltale: warning: many.pcap: {said}\n", "warning")
    exchanges = [json.loads(line) for line in done.stdout.splitlines()]
    lib.equal([sum(x["status"] == "204" and x["complete"] for x in exchanges), len(exchanges)], [50, 200], "answered, all")
    done, _ = read_files(captures)
    lib.equal(("200 exchanges, 0 incomplete" in done.stdout, done.stderr), (True, ""), "without the limit")


def untimed(packets):
    """The same without times, as simple packet blocks of pcapng are."""
    parts, at = [], 0
    while at < len(packets):
        end = at + 16 + struct.unpack_from("<I", packets, at + 8)[0]
        parts.append(bytes(8) + packets[at + 8:end])
        at = end
    return b"".join(parts)


def test_packets_need_no_time():
    done, _ = read_files({"untimed": untimed(answered(80))}, "--json=out.jsonl")
    lib.check("1 exchanges, 0 incomplete" in done.stdout, done.stdout)
    lib.check("4 packets have no time: how long what they are part of took is not known" in done.stdout, done.stdout)
    done, _ = read_files({"untimed": untimed(answered(80))}, "--json")
    exchange = json.loads(done.stdout)
    lib.equal((exchange["status"], exchange["complete"], exchange["duration_ns"]), ("200", True, None), "status, complete, duration")


def keep_alive(gap_us, missing, count=40):
    """Requests one after the other on one connection; the sixth of them is not in the capture."""
    client, port, us, seq, ack = b"\x0a\0\0\1", 40000, 1700000000000000, 1001, 5001
    out = packet(us, client, port, SERVER, 80, 1000, 0, 2) + packet(us + 10, SERVER, 80, client, port, 5000, 1001, 0x12)
    for number in range(count):
        us += gap_us
        asked, answer = b"GET /item/%d HTTP/1.1\r\nHost: shop\r\n\r\n" % number, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        if not (missing == "request" and number == 5):
            out += packet(us, client, port, SERVER, 80, seq, ack, 0x18, asked)
        seq += len(asked)
        if not (missing == "response" and number == 5):
            out += packet(us + 100, SERVER, 80, client, port, ack, seq, 0x18, answer)
        ack += len(answer)
    return out


def whole_of(capture):
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(HEAD + capture)
        file.flush()
        lines = [json.loads(line) for line in subprocess.check_output([lib.TELLTALE, "read", "--json", file.name]).splitlines()]
    return [line for line in lines if line["complete"] and line["status"] == "200"]


def test_what_is_missing_is_not_waited_for_longer_than_said():
    # Half a second apart: what stream_hold_ms, 200, has ended is known when the next one comes.
    for missing in ("request", "response"):
        whole = len(whole_of(keep_alive(500000, missing)))
        assert whole >= 38, (missing, whole)


def test_a_missing_segment_costs_its_exchange_and_a_neighbour():
    # Many go on while it is waited for, with the reader's patience for segments and with that for chunks.
    for missing in ("request", "response"):
        for gap_us in (300, 2000, 90000):
            whole = len(whole_of(keep_alive(gap_us, missing, 1500)))
            assert 1498 <= whole < 1500, (missing, gap_us, whole)


def test_servers_and_files_are_told_apart():
    done, _ = read_files({"first": answered(80) + answered(81), "second": answered(80)})
    first, second = done.stdout.split("\nsecond.pcap:\n")
    lib.check(first.startswith("first.pcap:\n"), f"begin: {first}")
    for port in (80, 81):
        lib.check(re.search(rf"\n +1 +0 .* 127\.0\.0\.1:{port} +server http +GET /item\n", first), f"row of port {port}: {first}")
    lib.check("127.0.0.1:80 " in second and "127.0.0.1:81" not in second, f"second file: {second}")


def test_json_lines_of_several_files():
    done, lines = read_files({"first": answered(80), "second": answered(81)}, "--json=out.jsonl")
    lib.equal([json.loads(line)["server"] for line in lines], ["127.0.0.1:80", "127.0.0.1:81"], "lines")
    lib.equal(done.stdout.count("GET /item"), 2, "rows of the summaries")
    done, _ = read_files({"first": answered(80)}, "--json", "out.jsonl")
    lib.check(done.returncode == 1 and "out.jsonl: No such file" in done.stderr and "--json=FILE" in done.stderr, f"hint: {done.stderr}")
    for option in ("--record", "--metrics"):
        done, _ = read_files({"first": answered(80), "second": answered(81)}, option, "out")
        lib.check(done.returncode == 2 and option in done.stderr, f"{option} of two files: {done.stderr}")


def test_a_reader_that_goes_ends_it():
    """As with other filters: the signal's status, and nothing said."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(HEAD + b"".join(unanswered(number) for number in range(2000)))
        f.flush()
        process = subprocess.Popen([lib.TELLTALE, "read", "--json", f.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        lib.equal((process.stderr.read(), process.wait()), (b"", -signal.SIGPIPE), "standard error, status")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
