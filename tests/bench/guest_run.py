#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""In the guest of tests/bench/guest: the loads, with nothing attached and with each that watches. Prints one JSON line a figure.

    guest_run.py TELLTALE GUEST_LOAD ROUNDS [SET,...]
"""
import contextlib
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "demo"))
from services import Services, free_port, port_answers, wait_for  # noqa: E402

# Requests of each load; of short connections few, because the ports they leave behind make the next ones dearer.
LOADS = {"http": 1000, "redis": 3200, "short": 400}
SETTLE_MS = 1500

# The servers' reads and writes: time, process, length, the first 200 bytes (the most this bpftrace copies).
SCRIPT = """
tracepoint:syscalls:sys_enter_recvfrom /pid == %(nginx)d || pid == %(redis)d/ { @at[tid] = (uint64)args->ubuf; }
tracepoint:syscalls:sys_enter_read /pid == %(nginx)d || pid == %(redis)d/ { @at[tid] = (uint64)args->buf; }
tracepoint:syscalls:sys_enter_write /pid == %(nginx)d || pid == %(redis)d/ { @at[tid] = (uint64)args->buf; }
tracepoint:syscalls:sys_enter_writev /pid == %(nginx)d || pid == %(redis)d/ { @at[tid] = (uint64)((struct iovec *)args->vec)->iov_base; }
tracepoint:syscalls:sys_exit_recvfrom, tracepoint:syscalls:sys_exit_read, tracepoint:syscalls:sys_exit_write, tracepoint:syscalls:sys_exit_writev
/@at[tid]/ {
	if (args->ret > 0) { printf("%%llu %%d %%d %%r\\n", nsecs, pid, args->ret, buf(@at[tid], args->ret)); }
	delete(@at[tid]);
}
"""


def children(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def tree(pid):
    return [pid, *(p for child in children(pid) for p in tree(child))]


class Clients:
    """One a load, connected and waiting."""

    def __init__(self, program, ports):
        self.each = {load: subprocess.Popen([program, load, str(ports[load]), str(count), str(SETTLE_MS)], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, text=True) for load, count in LOADS.items()}
        for load, process in self.each.items():
            if process.stdout.readline() != "ready\n":
                raise RuntimeError(f"the client of {load} is not ready")

    def pids(self):
        return [process.pid for process in self.each.values()]

    def measure(self, watchers):
        """Instructions a request: of everything but those who watch, and of those."""
        for load, process in self.each.items():
            process.stdin.write(" ".join(map(str, watchers)) + "\n")
            process.stdin.flush()
            spent, meanwhile, late = map(int, process.stdout.readline().split())
            yield load, (spent - meanwhile) / LOADS[load], (meanwhile + late) / LOADS[load]

    def end(self):
        for process in self.each.values():
            process.stdin.close()
            process.wait()


@contextlib.contextmanager
def watching(argv, ready, **options):
    """A program that watches, from when it does until it is told to end."""
    with open("/tmp/watcher.log", "w+") as log:
        process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)
        try:
            wait_for(lambda: ready(process) or process.poll() is not None, argv[0], 600)
            if process.poll() is not None:
                raise RuntimeError(f"{argv}: {pathlib.Path('/tmp/watcher.log').read_text()}")
            yield process
        finally:
            process.terminate()
            process.wait()


def says(text):
    return lambda process: text in pathlib.Path("/tmp/watcher.log").read_text(errors="replace")


def sets_of(telltale):
    """All there are; this kernel may refuse one."""
    told = json.loads(subprocess.run([telltale, "doctor", "--json"], stdout=subprocess.PIPE, check=True).stdout)
    names = [s["name"] for s in told["hook_sets"]]
    return [s for s in names if subprocess.run([telltale, "doctor", "--hooks", s], stdout=subprocess.DEVNULL).returncode == 0]


def agent(telltale, hooks, pids, *options):
    port = free_port()
    return watching([telltale, "agent", "--listen", f"127.0.0.1:{port}", "--hooks", hooks, *options, *(f"--pid={p}" for p in pids)],
                    lambda _: port_answers(port))


def main():
    telltale, program, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sets = sys.argv[4].split(",") if sys.argv[4:] else sets_of(telltale)
    pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("10000 60000")
    with Services() as services:
        sleeper = services.start(["sleep", "1000000"])
        nginx, web_port = services.nginx("location / { return 200 'hello from nginx'; }")
        redis, redis_port = services.redis()
        worker = children(nginx.pid)[0]
        clients = Clients(program, {"http": web_port, "short": web_port, "redis": redis_port})

        def figures(what, hooks, watchers):
            # The first round is not told: tables grow, pages are touched for the first time.
            for number in range(-1, rounds):
                for load, rest, own in clients.measure(watchers):
                    if number < 0:
                        continue
                    print(json.dumps({"what": what, "hooks": hooks, "load": load, "round": number, "rest": rest, "own": own}), flush=True)

        def figures_of(what, hooks, watcher):
            with watcher as process:
                figures(what, hooks, tree(process.pid))

        figures("warm up", None, [])
        figures("nothing", None, [])
        for hooks in sets:
            figures_of("out of scope", hooks, agent(telltale, hooks, [sleeper.pid]))
            figures_of("server", hooks, agent(telltale, hooks, [nginx.pid, redis.pid]))
            figures_of("full output", hooks, agent(telltale, hooks, [nginx.pid, redis.pid], "--json", "/tmp/exchanges.jsonl"))
            figures_of("both ends", hooks, agent(telltale, hooks, [nginx.pid, redis.pid, *clients.pids()]))
        ports = f"port {web_port} or port {redis_port}"
        figures_of("tcpdump", None, watching(["tcpdump", "-i", "lo", "-s", "256", "-Z", "root", "-w", "/tmp/pcap", ports], says("listening on")))
        script = SCRIPT % {"nginx": worker, "redis": redis.pid}
        figures_of("bpftrace", None, watching(["bpftrace", "-e", "BEGIN { printf(\"begun\\n\"); }" + script], says("begun"),
                                              env={**os.environ, "BPFTRACE_STRLEN": "200"}))
        figures_of("strace", None, watching(["strace", "-f", "-c", "-o", "/tmp/strace", "-p", worker, "-p", redis.pid], says("attached")))
        figures("nothing again", None, [])
        clients.end()


main()
