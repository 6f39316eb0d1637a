#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""telltale ping over network namespaces of its own: every echo is accounted for, its stages are its round trip, and what delays or loses it is named.

Where delay and loss have to be exact they are made by a relay: a program in a namespace between two devices, which carries frames from one to the other and
keeps, drops, or doubles those it was told to. Netem does it where the kernel has it.
"""
import collections
import contextlib
import ipaddress
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import lib
from lib import check, equal, skip, wait_until_up
import schema_lib

MS = 10**6
KINDS = schema_lib.documented("ping")
BY_TIME = bool(os.environ.get("TT_BY_TIME"))
# Carries frames between two devices. What is not as told: {"drop": [[reply, number]...], "double": ..., "hold": ... (until the next one of that way has gone), "delay": [[reply, number, s]]}
RELAY = """
import json, select, socket, sys, time
plan = json.loads(sys.argv[1])
ends = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) for _ in range(2)]
for end, name in zip(ends, sys.argv[2:]):
    end.bind((name, 3))
held, doubled = [], []
def number(frame):
    at = frame.find(bytes.fromhex("7e117a1e0101"))
    return [int(frame[at - 8] in (0, 129)), int.from_bytes(frame[at + 16:at + 20], "big")] if at > 0 else None
print("ready", flush=True)
while True:
    for end in select.select(ends, [], [])[0]:
        frame, address = end.recvfrom(65536)
        if address[2] == socket.PACKET_OUTGOING:
            continue
        other, which = ends[end is ends[0]], number(frame)
        if which in plan.get("drop", []):
            continue
        if which in plan.get("hold", []):
            held.append((which[0], other, frame))
            continue
        for reply, n, s in plan.get("delay", []):
            if which == [reply, n]:
                time.sleep(s)
        other.send(frame)
        if which in plan.get("double", []):
            other.send(frame)
        if which:
            for way, there, kept in held:
                if way == which[0]:
                    there.send(kept)
            held = [h for h in held if h[0] != which[0]]
"""


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        skip(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Net:
    """Namespaces by one letter, each with the next on a pair of devices: of "arb" a's device is ar, r's are ra and rb, b's is br. Addresses 10.77.N.1 and .2, fd77:N::1 and ::2."""

    def __init__(self, letters, addresses=True):
        self.letters, self.addresses, self.stack = letters, addresses, contextlib.ExitStack()

    def name(self, letter):
        return f"tt-{os.getpid()}-{letter}"

    def inside(self, letter, *command):
        return ["ip", "netns", "exec", self.name(letter), *map(str, command)]

    def do(self, letter, *command):
        done = subprocess.run(self.inside(letter, *command), capture_output=True, text=True, check=False)
        if done.returncode:
            skip(f"{' '.join(map(str, command))}: {done.stderr.strip()}")

    def __enter__(self):
        with self.stack:
            for letter in self.letters:
                ip("netns", "add", self.name(letter))
                self.stack.callback(subprocess.run, ["ip", "netns", "del", self.name(letter)], check=False)
                self.do(letter, "sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
                self.do(letter, "ip", "link", "set", "dev", "lo", "up")
            for n, (x, y) in enumerate(zip(self.letters, self.letters[1:])):
                ip("link", "add", x + y, "netns", self.name(x), "type", "veth", "peer", "name", y + x, "netns", self.name(y))
                for at, (letter, device) in enumerate(((x, x + y), (y, y + x)), 1):
                    if self.addresses:
                        self.address(letter, device, n, at)
                    self.do(letter, "ip", "link", "set", "dev", device, "up")
            self.stack = self.stack.pop_all()
        return self

    def address(self, letter, device, n, at):
        self.do(letter, "ip", "addr", "add", f"10.77.{n}.{at}/24", "dev", device)
        self.do(letter, "ip", "addr", "add", f"fd77:{n}::{at}/64", "dev", device, "nodad")

    def __exit__(self, *_):
        self.stack.close()

    def inode(self, letter):
        return os.stat(f"/run/netns/{self.name(letter)}").st_ino


@contextlib.contextmanager
def one_processor():
    """For what is started meanwhile: what several processors send, one after the other, may come in another order."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, processors)


@contextlib.contextmanager
def relayed(**plan):
    """a and b, and between them m, whose two devices a relay joins."""
    with one_processor(), Net("amb", addresses=False) as net:
        net.address("a", "am", 0, 1)
        net.address("b", "bm", 0, 2)
        with subprocess.Popen(net.inside("m", lib.PYTHON, "-c", RELAY, json.dumps(plan), "ma", "mb"), stdout=subprocess.PIPE, text=True) as relay:
            try:
                equal(relay.stdout.readline(), "ready\n", "the relay")
                yield net
            finally:
                relay.kill()


class Run:
    def __init__(self, rows, err):
        self.rows, self.err = rows, err

    def of(self, kind, **wanted):
        return [r for r in self.rows if r["kind"] == kind and all(r[k] == v for k, v in wanted.items())]

    @property
    def total(self):
        found = self.of("total")
        equal(len(found), 1, "rows of totals")
        return found[0]

    def stages(self, **wanted):
        return [r["stage"] for r in self.of("stage", **wanted)]

    def note(self, words):
        found = re.search(rf"(\d+) {words}", self.err)
        return int(found[1]) if found else 0

    def check(self, sent, lost=0, **more):
        """Every echo is accounted for, and each that came has stages that are its round trip."""
        t = self.total
        equal({k: t[k] for k in ("sent", "received", "lost", "open")}, {"sent": sent, "received": sent - lost, "lost": lost, "open": 0}, f"accounts ({self.err[-800:]})")
        equal({k: t[k] for k in ("duplicates", "reordered", "late")}, {"duplicates": 0, "reordered": 0, "late": 0, **more}, "accounts")
        equal((len(self.of("echo")), len(self.of("lost"))), (sent - lost, lost), "rows")
        check("0 lost, 0 queued" in self.err or "the kernel did not run the program" in self.err, f"records: {self.err[-600:]}")
        for echo in self.of("echo"):
            path = self.of("path", number=echo["number"])
            equal(sum(r["stage_ns"] for r in path), echo["rtt_ns"], f"stages of {echo}: {path}")
            check(echo["blamed_ns"] <= echo["rtt_ns"], f"{echo}")
        check(all(r["least_ns"] <= r["median_ns"] <= r["p99_ns"] <= r["most_ns"] and r["least_ns"] <= r["average_ns"] <= r["most_ns"] for r in self.of("stage")), "order")


def arguments(host, echoes, *options):
    return [lib.TELLTALE, "ping", host, "--echoes", echoes, "--json", "--path", *options]


def result(done):
    equal(done.returncode, 0, f"status: {done.stderr[-600:]}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    for row in rows:
        schema_lib.check(row, KINDS)
    return Run(rows, done.stderr)


def ping(net, host, echoes, *options, every=20, timeout=20000):
    command = net.inside("a", *arguments(host, echoes, "--every", every, "--timeout", timeout, *options))
    return result(subprocess.run(command, capture_output=True, text=True, timeout=120 * lib.PATIENCE, check=False))


@contextlib.contextmanager
def server(net, letter, *options):
    """A server, whose rows are in the list it gives once it has ended."""
    rows = []
    with tempfile.TemporaryFile("w+") as err:
        with subprocess.Popen(net.inside(letter, lib.TELLTALE, "ping", "--serve", "--json", *options), stdout=subprocess.PIPE, stderr=err, text=True) as process:
            try:
                wait_until_up(process)
                equal(process.poll(), None, "the server's end")
                yield rows
            finally:
                process.send_signal(signal.SIGINT)
                out = process.communicate(timeout=60 * lib.PATIENCE)[0]
        err.seek(0)
        equal(process.returncode, 0, err.read()[-600:])
    rows += [json.loads(line) for line in out.splitlines()]
    for row in rows:
        schema_lib.check(row, KINDS)


FAMILIES = (("-4", "10.77.{}.2", "10.77.{}.1"), ("-6", "fd77:{}::2", "fd77:{}::1"))


def test_two_namespaces():
    """Both are this kernel's: the whole path is seen, without a server."""
    with Net("ab") as net:
        for family, there, _ in FAMILIES:
            run = ping(net, there.format(0), 20, family)
            run.check(20)
            for stage, way in (("send", "out"), ("qdisc", "out"), ("driver", "out"), ("user", "back")):
                check(run.of("stage", stage=stage, way=way, side="local"), f"no {stage}: {run.stages()}")
            check(run.of("stage", stage="reply", side="netns", netns=net.inode("b"), device="ba"), f"no reply: {run.of('stage')}")
            check("remote + link" not in run.stages() and not run.stages(side="remote"), f"{run.stages()}")
            equal({r["netns"] for r in run.of("stage", side="local")} - {None}, {net.inode("a")}, "where")
            equal(run.stages()[0], "send", "the first stage")
            equal(run.stages()[-1], "user", "the last stage")


def test_a_server():
    """One namespace each for who asks and who answers, which look at nothing else."""
    echoes = collections.Counter()
    with Net("ab") as net, server(net, "b") as served:
        for family, there, _ in FAMILIES:
            # On a busy machine reports may come too late, all of them even.
            for _ in range(5):
                run = ping(net, there.format(0), 20, family, "--namespace")
                run.check(20)
                echoes[family] += 20
                if {"reply", "qdisc", "driver"} <= set(run.stages(side="remote")):
                    break
            else:
                check(False, f"no stages there: {run.stages()} ({run.err[-600:]})")
            check(run.of("echo", reported=1), "no report")
            equal([r["estimated"] for r in run.of("stage", stage="link")], [1, 1], "no clock but its own is known: the two ways are halves")
            text = subprocess.run(net.inside("a", lib.TELLTALE, "ping", there.format(0), "--echoes", 3, "--every", 20, "--namespace"), capture_output=True, text=True, timeout=120).stdout
            equal(text.count(" link (est.) "), 2, f"that is seen in the table: {text}")
            check(re.search(r"^[\d:.]+ +\d+ +\d+\.\d{3} +\d+\.\d{3} \w", text, re.MULTILINE), f"milliseconds with their thousandths: {text}")
            check(not run.of("stage", side="netns"), f"only its own namespace: {run.of('stage')}")
    equal({r["client"]: (r["echoes"], r["reports"], r["limited"]) for r in served}, {str(ipaddress.ip_address(here.format(0))): (echoes[family] + 3, echoes[family] + 3, 0) for family, _, here in FAMILIES}, "served")


def test_without_a_server():
    with Net("ab") as net:
        for options in ((), ("--pingpong",)):
            run = ping(net, "10.77.0.2", 10, "--namespace", *options)
            run.check(10)
            equal(run.stages(side="remote") + run.stages(side="netns"), [], "stages elsewhere")
            equal([r["times"] for r in run.of("stage", stage="remote + link")], [10], "what is not known")
            equal(run.of("echo", reported=1), [], "reports")


def test_what_is_not_asked_for():
    """A server that is asked for no report, or may send few, sends that many."""
    with Net("ab") as net, server(net, "b", "--rate", "1") as served:
        ping(net, "10.77.0.2", 5, "--namespace", "--pingpong").check(5)
        run = ping(net, "fd77:0::2", 10, "--namespace", every=1)
        run.check(10)
    rows = {r["client"]: r for r in served}
    equal((rows["10.77.0.1"]["echoes"], rows["10.77.0.1"]["reports"]), (5, 0), "not asked for")
    six = rows["fd77::1"]
    check(six["echoes"] == 10 and six["reports"] + six["limited"] == 10 and six["limited"], f"few: {six}")


def test_a_router():
    with Net("arb") as net:
        net.do("r", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        for family, there, here in FAMILIES:
            net.do("a", "ip", family, "route", "add", "default", "via", there.format(0))
            net.do("b", "ip", family, "route", "add", "default", "via", here.format(1))
        for family, there, _ in FAMILIES:
            run = ping(net, there.format(1), 10, family)
            run.check(10)
            equal({(r["way"], r["netns"], r["device"], r["times"]) for r in run.of("stage", stage="forward")},
                  {("out", net.inode("r"), "ra", 10), ("back", net.inode("r"), "rb", 10)}, "forwarded")
            equal({(r["way"], r["device"]) for r in run.of("stage", stage="qdisc")}, {("out", "ar"), ("out", "rb"), ("back", "br"), ("back", "ra")}, "queues")


def test_losses():
    """What the relay drops is lost, on the way it was dropped on; what it doubles comes again, and what it holds comes out of order."""
    with relayed(drop=[[0, 3], [0, 7], [1, 11]], double=[[0, 5], [1, 9]], hold=[[0, 13]]) as net:
        for family, there, _ in FAMILIES:
            run = ping(net, there.format(0), 20, family, timeout=2500)
            run.check(20, lost=3, duplicates=2, reordered=1)
            equal({(r["number"], r["way"], r["netns"], r["last"].split()[0]) for r in run.of("lost")},
                  {(3, "out", net.inode("m"), "protocol"), (7, "out", net.inode("m"), "protocol"), (11, "back", net.inode("m"), "protocol")}, "lost where")


def test_a_spike():
    """One echo of many is delayed: it is listed, and the stage that did it is to blame."""
    with relayed(delay=[[0, 12, 1.0]]) as net:
        run = ping(net, "10.77.0.2", 16, "--min", "900", every=50)
        late = run.of("echo", number=12)
        check(late and late[0]["rtt_ns"] >= 1000 * MS and late[0]["blamed"] == "forward ma" and late[0]["blamed_side"] == "netns" and late[0]["blamed_ns"] >= 1000 * MS, f"{late}")
        check(not run.of("echo", number=2), f"only spikes: {run.of('echo')}")
        run = ping(net, "10.77.0.2", 16, "--namespace", "--min", "900", every=50)
        late = run.of("echo", number=12)
        check(late and late[0]["blamed"] == "remote + link", f"{late}")


def test_woken():
    """A program that sleeps when the reply comes is woken for it: how long that takes is known."""
    with relayed(delay=[[0, n, 0.05] for n in range(10)]) as net:
        run = ping(net, "10.77.0.2", 10, "--limit", "drain_interval_ms=1000", every=100)
        run.check(10)
        for stage in ("protocol", "wake-up", "run queue", "user"):
            check(run.of("stage", stage=stage, way="back", side="local"), f"no {stage}: {run.stages()}")


def test_a_queue():
    """A device that sends slower than it is given: its queue is where the time goes."""
    with Net("ab") as net:
        net.do("a", "tc", "qdisc", "add", "dev", "ab", "root", "tbf", "rate", "40kbit", "burst", "600", "limit", "100000")
        run = ping(net, "10.77.0.2", 16, every=1)
        run.check(16)
        row = max(run.of("stage"), key=lambda r: r["share_percent"])
        equal((row["stage"], row["device"], row["way"], row["side"]), ("qdisc", "ab", "out", "local"), "where the time goes")
        # 298 bytes each at 5000 a second, but for two that may go at once: the last waits for all before it.
        check(row["most_ns"] >= 13 * 298 * 10**9 // 5000, f"{row}")
        worst = max(run.of("echo"), key=lambda r: r["rtt_ns"])
        equal(worst["blamed"], "qdisc ab", f"{worst}")


# Answers each request with much that is none: random bytes with its id, and what nearly is a packet.
NOISE = """
import random, socket, struct, sys
six = sys.argv[1] == "-6"
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, 58 if six else 1)
noise = random.Random(7)
print("ready", flush=True)
def sum16(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def reply(to, id, payload):
    head = struct.pack(">BBHHH", 129 if six else 0, 0, 0, id, 7)
    if not six:
        head = head[:2] + struct.pack(">H", sum16(head + payload)) + head[4:]
    s.sendto(head + payload, to)
while True:
    message, who = s.recvfrom(4096)
    if not six:
        message = message[(message[0] & 15) * 4:]
    if message[0] != (128 if six else 8):
        continue
    id, payload = struct.unpack(">H", message[4:6])[0], message[8:]
    reply(who, id, noise.randbytes(noise.randrange(0, 600)))
    reply(who, id, payload[:4] + bytes([2]) + payload[5:])
    reply(who, id, payload[:30])
    reply(who, id, payload[:8] + bytes(8) + payload[16:])
    reply(who, id, payload[:5] + b"\\2\\0\\x46" + payload[8:40] + noise.randbytes(30))
    reply(who, (id + 1) & 0xffff, payload)
"""


def test_malformed_packets():
    """Both sides get what is no packet of theirs, and neither minds: it is counted, and the echoes are as they would be."""
    with Net("ab") as net, server(net, "b") as served:
        for family, there, _ in FAMILIES:
            with subprocess.Popen(net.inside("b", lib.PYTHON, "-c", NOISE, family), stdout=subprocess.PIPE, text=True) as noise:
                try:
                    equal(noise.stdout.readline(), "ready\n", "the noise")
                    run = ping(net, there.format(0), 10, family, "--namespace", every=50)
                finally:
                    noise.kill()
            run.check(10)
            # What comes when an echo is settled, the last ones', is not waited for; there is never more of it than was sent.
            foreign, version = run.note("packets ignored that are not of this ping"), run.note("packets ignored of another version of the format")
            check(1 <= foreign <= 40 and 1 <= version <= 10, f"ignored: {run.err[-600:]}")
        thrower = f"import random, socket\ns = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)\nr = random.Random({random.randrange(1 << 30)})\n" \
                  "for _ in range(500): s.sendto(bytes([8, 0]) + r.randbytes(6) + bytes.fromhex('7e117a1e0101') * r.randrange(2) + r.randbytes(r.randrange(80)), ('10.77.0.2', 0))"
        net.do("a", lib.PYTHON, "-c", thrower)
        ping(net, "10.77.0.2", 5, "--namespace").check(5)
    equal({r["client"]: r["echoes"] for r in served if r["echoes"] >= 10}, {"10.77.0.1": 15, "fd77::1": 10}, "served")


def test_beside_another_ping():
    """Another program's echoes are neither seen nor answered otherwise than before."""
    lib.need("ping")
    with Net("ab") as net, server(net, "b") as served:
        with subprocess.Popen(net.inside("a", "ping", "-c", "20", "-i", "0.05", "-W", "20", "10.77.0.2"), stdout=subprocess.PIPE, text=True) as other:
            run = ping(net, "10.77.0.2", 10, "--namespace", every=50)
            out = other.communicate(timeout=60 * lib.PATIENCE)[0]
        run.check(10)
        check("20 packets transmitted, 20 received, 0% packet loss" in out and "DUP" not in out and "+" not in out.split("---")[-1], f"{out}")
        equal(run.note("packets ignored"), 0, "its replies")
    equal([(r["echoes"], r["reports"]) for r in served], [(10, 10)], "served")


def test_intervals():
    """Each interval has its own sums, together all; without --min or --top there are no rows of echoes."""
    with Net("ab") as net:
        command = net.inside("a", *arguments("10.77.0.2", 30, "--every", 50, "--timeout", 20000, "--interval", "0.5"))
        run = result(subprocess.run(command, capture_output=True, text=True, timeout=120 * lib.PATIENCE, check=False))
        totals = run.of("total")
        check(len(totals) >= 2, f"intervals: {totals}")
        equal((sum(t["received"] for t in totals), sum(t["lost"] for t in totals)), (30, 0), "all together")
        equal(run.of("echo"), [], "echoes")
        equal(sum(r["times"] for r in run.of("stage", stage="reply")), 30, "a stage's")


def test_itself():
    """The loopback device, as text; and an image."""
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as name, Net("a") as net:
        path = pathlib.Path(name) / "path.svg"
        done = subprocess.run(net.inside("a", lib.TELLTALE, "ping", "127.0.0.1", "--echoes", 5, "--every", 10, "--timeout", 20000, "--svg", path), capture_output=True, text=True,
                              timeout=60 * lib.PATIENCE, check=False)
        equal(done.returncode, 0, done.stderr)
        check(re.search(r"^\S+ +4 +[\d.]+ +[\d.]+ \S", done.stdout, re.M) and re.search(r"^out +local +lo +qdisc +5 ", done.stdout, re.M), f"text: {done.stdout}")
        check("it took" in done.stderr and "5 shown" not in done.stderr, f"cost: {done.stderr}")
        image = xml.etree.ElementTree.parse(path).getroot()
        words = "\n".join(t.text for t in image.iter("{http://www.w3.org/2000/svg}text"))
        check("telltale ping 127.0.0.1" in words and "5 sent, 5 received, 0 lost" in words and "qdisc lo" in words, f"image: {words}")


def test_nobody_there():
    """Neighbours that do not answer: echoes are sent and lost here."""
    with Net("ab") as net:
        run = ping(net, "10.77.0.9", 3, timeout=1000)
        equal((run.total["received"], run.total["lost"]), (0, run.total["sent"]), f"{run.total}")
        check(all(r["side"] == "local" and r["way"] == "out" for r in run.of("lost")), f"{run.of('lost')}")


def netem(net, letter, device, *what):
    done = subprocess.run(net.inside(letter, "tc", "qdisc", "replace", "dev", device, "root", "netem", *what), capture_output=True, text=True, check=False)
    if done.returncode:
        skip("no netem in this kernel")


def test_netem_counts():
    """Losses and copies as the queue itself counts them."""
    with Net("ab") as net:
        netem(net, "a", "ab", "loss", "20%", "duplicate", "20%")
        run = ping(net, "10.77.0.2", 100, every=2, timeout=3000)
        counted = json.loads(subprocess.run(net.inside("a", "tc", "-s", "-j", "qdisc", "show", "dev", "ab"), capture_output=True, text=True, check=True).stdout)[0]
        t = run.total
        equal(t["sent"], t["received"] + t["lost"], "accounts")
        # Of neighbour discovery some may be dropped or doubled, too: the queue's count is of all packets.
        check(t["lost"] <= counted["drops"] <= t["lost"] + 8, f"lost: {t}, dropped: {counted}")
        equal({(r["way"], r["last"]) for r in run.of("lost")}, {("out", "qdisc ab")}, "lost where")
        check(t["duplicates"] > 0, f"copies: {t}")


def test_netem_delay():
    """100 ms in one queue are in that queue's stage, and in no other."""
    with Net("arb") as net:
        net.do("r", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        net.do("a", "ip", "route", "add", "default", "via", "10.77.0.2")
        net.do("b", "ip", "route", "add", "default", "via", "10.77.1.1")
        for letter, device, way in (("a", "ar", "out"), ("r", "rb", "out"), ("b", "br", "back"), ("r", "ra", "back")):
            netem(net, letter, device, "delay", "100ms")
            run = ping(net, "10.77.1.2", 10, every=20)
            run.check(10)
            row = run.of("stage", stage="qdisc", device=device, way=way)[0]
            check(row["least_ns"] >= 99 * MS, f"{row}")
            if BY_TIME:
                check(row["median_ns"] <= 105 * MS, f"{row}")
                check(all(r["median_ns"] < 5 * MS for r in run.of("stage") if r is not row and r["device"] != device), f"{run.of('stage')}")
            equal(max(run.of("stage"), key=lambda r: r["share_percent"])["device"], device, "where the time goes")
            net.do(letter, "tc", "qdisc", "del", "dev", device, "root")


def test_delay_by_time():
    """200 ms the relay keeps each request are in the stage of its namespace, within 5 %, and the same in the server's view."""
    if not BY_TIME:
        skip("by time: in make test-long")
    with relayed(delay=[[0, n, 0.2] for n in range(10)]) as net, server(net, "b"):
        for options, stage in (((), ("forward", "ma")), (("--namespace",), ("link", None))):
            run = ping(net, "10.77.0.2", 10, *options, every=300)
            run.check(10)
            row = run.of("stage", stage=stage[0], device=stage[1], way="out")[0]
            # Between two clocks each way is half of it.
            parts = 1 if stage[1] else 2
            check(200 * MS <= parts * row["median_ns"] <= 210 * MS, f"{row}")


def test_as_another_ping_says():
    """Round trips as iputils' ping measures them, beside each other."""
    if not BY_TIME:
        skip("by time: in make test-long")
    lib.need("ping")
    with relayed(delay=[[0, n, 0.1] for n in range(10)]) as net:
        mine = ping(net, "10.77.0.2", 10, every=300).total["rtt_median_ns"] / MS
        with Net("xy") as quiet:
            own = result(subprocess.run(quiet.inside("x", *arguments("10.77.0.2", 100, "--every", 10)), capture_output=True, text=True, timeout=60, check=False)).total["rtt_median_ns"] / MS
            out = subprocess.run(quiet.inside("x", "ping", "-c", "100", "-i", "0.01", "10.77.0.2"), capture_output=True, text=True, timeout=60, check=True).stdout
    other = sorted(float(t) for t in re.findall(r"time=([\d.]+)", out))[49]
    check(100 <= mine <= 105, f"a relay's 100 ms: {mine}")
    check(abs(own - other) < 0.5, f"telltale {own} ms, ping {other} ms")


def test_bad_use():
    for words, word in [([], "HOST"), (["--serve", "--host", "x"], "--serve"), (["127.0.0.1", "-4", "-6"], "exclude"), (["127.0.0.1", "--size", "2000"], "--size"),
                        (["nobody.invalid"], "nobody.invalid"), (["127.0.0.1", "--rate", "5"], "--rate"), (["--serve", "--path"], "--path"), (["127.0.0.1", "--pid", "1"], "--pid"),
                        (["127.0.0.1", "--svg", "/nonexistent/x.svg"], "/nonexistent/x.svg"), (["127.0.0.1", "x"], "x")]:
        done = subprocess.run([lib.TELLTALE, "ping", *words], capture_output=True, text=True, timeout=60 * lib.PATIENCE, check=False)
        check(done.returncode in (1, 2) and word in done.stderr, f"{words}: {done.returncode} {done.stderr}")
        check(done.stderr.count("telltale: error:") == 1, f"{words}: one line says it: {done.stderr}")


def test_scopes_are_not_for_it():
    """Wrong use, said before anything is done."""
    for words in (["--pid", "1"], ["--comm", "x"], ["--cgroup", "/"], ["--", "echo", "begun"]):
        done = subprocess.run([lib.TELLTALE, "ping", "127.0.0.1", "--echoes", "1", *words], capture_output=True, text=True, timeout=60 * lib.PATIENCE, check=False)
        lib.equal((done.returncode, done.stdout, len(done.stderr.splitlines())), (2, "", 1), f"{words}: {done.stderr}")


def test_no_route():
    """What is wrong is said, in one line, and no capability that is not missing."""
    done = subprocess.run(["unshare", "-n", lib.TELLTALE, "ping", "192.0.2.1", "--echoes", "1"], capture_output=True, text=True, timeout=60 * lib.PATIENCE, check=False)
    lib.equal((done.returncode, [line for line in done.stderr.splitlines() if "error" in line]), (1, ["telltale: error: a raw socket to 192.0.2.1: Network is unreachable"]), "no route")


if __name__ == "__main__":
    if not shutil.which("ip") or not shutil.which("tc"):
        skip("iproute2 is missing")
    sys.exit(lib.main(globals()))
