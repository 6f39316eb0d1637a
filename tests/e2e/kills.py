#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""telltale is loaded again and again and killed at random moments: nothing of it stays in the kernel, and the service it watches answers on.

TT_SEED repeats the moments of a run, as well as clocks allow.
"""
import contextlib
import ctypes
import http.client
import os
import pathlib
import platform
import random
import re
import signal
import ssl
import struct
import subprocess
import sys
import threading
import time

import lib
from tls_lib import certificate

LOADS = max(10, lib.scaled(100))
ENDS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
STALLED = 30 * lib.PATIENCE  # seconds without an answer: it hangs
# No answer takes longer than a second, or than so many times the slowest without telltale, measured beside it (seconds of a guest are its own).
SLOWER, A_SECOND = 10, 1.0 * lib.PATIENCE
BARE_SECONDS = 5 * lib.PATIENCE
BY_TIME = "TT_VM" in os.environ or "TT_BY_TIME" in os.environ  # `make test` decides nothing by speed
BPF = {"x86_64": 321, "aarch64": 280}.get(platform.machine())
MAP_LOOKUP, MAP_FD_BY_ID = 1, 14
NEXT_ID = {"prog": 11, "map": 12, "link": 31}
ARRAY_OF_MAPS = 12
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 128)
    result = libc.syscall(BPF, command, buffer, 128)
    return result, buffer.raw


def objects():
    """Everything of BPF the kernel holds: {(kind, id)}."""
    found = set()
    for kind, command in NEXT_ID.items():
        at = 0
        while True:
            result, answer = bpf(command, struct.pack("II", at, 0))
            if result < 0:
                break
            at = struct.unpack_from("I", answer, 4)[0]
            found.add((kind, at))
    return found


def inner_maps(outer, entries):
    """The rings: no descriptor of telltale's own need hold them."""
    fd, _ = bpf(MAP_FD_BY_ID, struct.pack("I", outer))
    if fd < 0:
        return set()
    found = set()
    for i in range(entries):
        key, value = ctypes.c_uint32(i), ctypes.c_uint32(0)
        if bpf(MAP_LOOKUP, struct.pack("IxxxxQQ", fd, ctypes.addressof(key), ctypes.addressof(value)))[0] == 0:
            found.add(("map", value.value))
    os.close(fd)
    return found


def held(pids):
    """What these processes hold: {(kind, id)}."""
    found = set()
    for pid in pids:
        for path in pathlib.Path(f"/proc/{pid}/fdinfo").glob("*"):
            with contextlib.suppress(OSError):
                text = path.read_text()
                for kind, number in re.findall(r"^(prog|map|link)_id:\s*(\d+)", text, re.MULTILINE):
                    found.add((kind, int(number)))
                    if kind == "map" and re.search(rf"^map_type:\s*{ARRAY_OF_MAPS}$", text, re.MULTILINE):
                        found |= inner_maps(int(number), int(re.search(r"^max_entries:\s*(\d+)", text, re.MULTILINE).group(1)))
    return found


class Client(threading.Thread):
    """Asks all the time; every answer must be the one to its question."""

    def __init__(self, port, tls):
        super().__init__()
        self.port, self.tls, self.on = port, tls, True
        self.asked = self.answered = 0
        self.longest, self.failure = 0.0, None

    def run(self):
        try:
            if self.tls:
                connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=STALLED, context=ssl._create_unverified_context())
            else:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=STALLED)
            while self.on:
                begin = time.monotonic()
                self.asked += 1
                connection.request("GET", f"/{self.asked}")
                body = connection.getresponse().read()
                self.longest = max(self.longest, time.monotonic() - begin)
                if body != b"/%d" % self.asked:
                    raise RuntimeError(f"request {self.asked} was answered with {body}")
                self.answered += 1
                time.sleep(0.002 * lib.PATIENCE**2)  # an emulated processor has other things to do, too
            connection.close()
        except Exception as error:
            self.failure = f"request {self.asked}: {error!r}"


def gone(pids):
    return not any(pathlib.Path(f"/proc/{p}").exists() for p in pids)


def load_and_kill(services, scope, moment, end, look):
    """Starts an agent and ends it that many seconds later. Returns how much of it was seen in the kernel."""
    agent = services.start([lib.TELLTALE, "agent", "--listen", "none", *lib.HOOKS, *scope], name="agent")
    time.sleep(moment)
    if look:
        agent.send_signal(signal.SIGSTOP)
    pids = lib.tree(agent.pid)
    had = held(pids)
    agent.send_signal(end)
    if look:
        agent.send_signal(signal.SIGCONT)
    agent.wait(60 * lib.PATIENCE)
    services.processes.remove(agent)
    # The kernel frees them once no processor can be using them any more.
    try:
        lib.wait_for(lambda: gone(pids) and not had & objects(), "the end of it")
    except RuntimeError:
        lib.check(gone(pids), f"after {end.name} at {moment:.3f} s processes go on: {pids}")
        lib.equal(sorted(had & objects()), [], f"left behind after {end.name} at {moment:.3f} s")
    return len(had)


def time_to_start(services, scope):
    """And it has reached the kernel when it is up."""
    port = lib.free_port()
    begin = time.monotonic()
    agent = services.start([lib.TELLTALE, "agent", "--listen", f"127.0.0.1:{port}", *lib.HOOKS, *scope], name="agent")
    lib.wait_for(lambda: lib.port_answers(port), "telltale agent")
    took = time.monotonic() - begin
    kinds = {kind for kind, _ in held(lib.tree(agent.pid))}
    lib.check({"prog", "map"} <= kinds, f"what a running agent holds: {kinds}")
    agent.terminate()
    agent.wait()
    services.processes.remove(agent)
    return took


def asked_for(port, tls, wait):
    """A client that asks while `wait` waits."""
    client = Client(port, tls)
    client.start()
    try:
        wait()
    finally:
        client.on = False
        client.join()
    lib.equal(client.failure, None, "the client of the watched service")
    lib.equal(client.answered, client.asked, "requests answered")
    return client


def web(services, tls):
    port = lib.free_port()
    key, chain = certificate(services) if tls else (None, None)
    process, _ = services.nginx(f"{f'ssl_certificate {chain}; ssl_certificate_key {key};' if tls else ''} location / {{ return 200 $request_uri; }}",
                                port=port, listen=f"127.0.0.1:{port}{' ssl' if tls else ''}")
    lib.wait_for(lambda: lib.port_answers(port), "nginx")
    return process, port


def killed_at_random_moments(*options, tls=False, count=LOADS):
    seed = int(os.environ.get("TT_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"TT_SEED={seed}", flush=True)
    choose = random.Random(seed)
    alone = "TT_VM" in os.environ  # nobody else has programs there, and the whole host may be watched
    seen = []
    with lib.Services() as services:
        nginx, port = web(services, tls)
        scope = [*([] if alone else ["--pid", str(nginx.pid)]), *options]
        before = objects()
        bare = asked_for(port, tls, lambda: time.sleep(BARE_SECONDS)).longest

        def loads():
            took = time_to_start(services, scope)
            seen.extend(load_and_kill(services, scope, choose.uniform(0, 1.5 * took), choose.choice(ENDS), choose.random() < 0.5) for _ in range(count))

        client = asked_for(port, tls, loads)
        if alone:
            lib.equal(sorted(objects() - before), [], "left behind at the end")
    lib.check(any(seen), "it was never caught with anything in the kernel")
    print(f"{count} loads, {sum(n > 0 for n in seen)} killed with up to {max(seen)} objects in the kernel; {client.answered} requests answered, "
          f"the slowest in {client.longest * 1000:.0f} ms; without telltale in {bare * 1000:.0f} ms", flush=True)
    most = max(A_SECOND, SLOWER * bare)
    if BY_TIME:
        lib.check(client.longest <= most, f"an answer took {client.longest:.3f} s; at most {most:.3f} s are allowed")


def test_killed_at_random_moments():
    killed_at_random_moments()


def test_killed_with_uprobes():
    """A service of TLS, whose library has probes in it; it is a copy of our own (lib.py)."""
    lib.need("openssl")
    killed_at_random_moments("--uprobes", tls=True, count=LOADS if lib.SCALE >= 1 else LOADS // 2)


if __name__ == "__main__":
    if not BPF:
        lib.skip("the number of the bpf call is not known for this processor")
    sys.exit(lib.main_with_libraries(globals()))
