#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What only a guest may be asked for: the whole host observed, other scopes than processes, and what is left when telltale is killed."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import lib

CGROUPS = pathlib.Path("/sys/fs/cgroup")

# Kernel features telltale knows that are not there before some version (src/kernel/features.h).
TASK_STORAGE = "task storage from tracing"
RDONLY_CAST = "bpf_rdonly_cast"
SOCK_LENGTH = "sock_send_length, sock_recv_length"
SEND_PAGE = "sendpage of sockets"
KPROBE_MULTI = "kprobe.multi by function graph"
MPTCP_CONNECT, MPTCP_ACCEPT = "connect of MPTCP by itself", "accept of MPTCP by itself"
PREEMPT_DISABLE = "bpf_preempt_disable"
UPROBE_COOKIES, UPROBE_MULTI = "cookies of uprobes", "uprobe.multi"
# From 7.0 on task storage needs cmpxchg16b, which the guests' processor is without (README.md).
MISSING = {"5.10": {TASK_STORAGE, RDONLY_CAST, SOCK_LENGTH, KPROBE_MULTI, PREEMPT_DISABLE, MPTCP_CONNECT, MPTCP_ACCEPT, UPROBE_COOKIES, UPROBE_MULTI},
           "6.1": {RDONLY_CAST, SOCK_LENGTH, KPROBE_MULTI, PREEMPT_DISABLE, MPTCP_CONNECT, UPROBE_MULTI}, "6.12": {SEND_PAGE, KPROBE_MULTI, MPTCP_CONNECT},
           "6.18": {SEND_PAGE, MPTCP_CONNECT}, "7.0": {SEND_PAGE, TASK_STORAGE, MPTCP_CONNECT}, "7.3": {SEND_PAGE, TASK_STORAGE, MPTCP_CONNECT}}
# The cheapest set is not the first choice: it would miss calls, as those from 6.18 on may preempt programs.
NOT_CHEAPEST = {"6.18", "7.0", "7.3"}


def get(port, path, *before):
    subprocess.run([*before, "curl", "-sS", "-o", "/dev/null", f"http://127.0.0.1:{port}{path}"], check=True)


def ends(result, resource):
    return sorted((x["kind"], x["comm"], x["status"]) for x in result.of(protocol="http", resource=resource))


def doctor(*options):
    done = subprocess.run([lib.TELLTALE, "doctor", *options, *lib.HOOKS], capture_output=True, text=True)
    lib.equal((done.returncode, done.stderr), (0, ""), f"doctor said:\n{done.stdout}")
    return done.stdout


def test_doctor():
    lib.equal(doctor().splitlines()[-1], "ready", "its last line")
    told = json.loads(doctor("--json"))
    missing = {f["name"] for f in told["features"] if not f["present"]}
    lib.equal(missing, MISSING.get(os.environ["TT_VM"], set()), "what this kernel lacks")
    want = os.environ.get("TT_HOOKS") or ("tracepoint" if os.environ["TT_VM"] in NOT_CHEAPEST else "fexit")
    lib.equal([s["name"] for s in told["hook_sets"] if s["chosen"]], [want], f"chosen set of {told['hook_sets']}")
    refused = {h["hook"]: h["reason"] for h in told["hooks"] if not h["attached"]}
    lib.equal(set(refused.values()) - {"this kernel does not have it"}, set(), f"hooks that are not attached: {refused}")
    lib.equal(bool(refused), SOCK_LENGTH in missing and want == "tracepoint", f"hooks that are not there: {refused}")
    lib.check(all(p["verified_instructions"] > 0 for p in told["programs"]), f"programs: {told['programs']}")
    lib.equal({p["name"] for p in told["programs"]}, {h["program"] for h in told["hooks"] if h["attached"]}, "programs that were loaded")


def test_both_ends_and_not_itself():
    with lib.Services() as services:
        _, port = services.nginx("location / { return 200 hello; }")
        with lib.Agent() as agent:
            get(port, "/host")
            agent.get("/metrics")
            time.sleep(1)
            agent.get("/metrics?again")
            time.sleep(1)
    lib.equal(ends(agent.result, "/host"), [("client", "curl", "200"), ("server", "nginx", "200")], "both ends of a request")
    # Who asks the agent is seen, the agent is not.
    lib.equal([x for x in agent.result.exchanges if x["pid"] == agent.process.pid], [], "the agent's own exchanges")
    lib.equal([kind for kind, _, _ in ends(agent.result, "/metrics")], ["client"], "ends of a request to the agent")
    agent.result.check_accounts()


def test_itself_where_asked_for():
    with lib.Agent(options=["--include-self"]) as agent:
        agent.get("/metrics")
        time.sleep(1)
    lib.equal([kind for kind, _, _ in ends(agent.result, "/metrics")], ["client", "server"], "ends of a request to the agent")


def test_cgroup():
    watched = CGROUPS / "watched"
    watched.mkdir()
    with lib.Services() as services:
        servers = [services.nginx("location / { return 200 hello; }") for _ in range(2)]
        (watched / "below").mkdir()
        # nginx's worker too: a write moves one process.
        master = servers[0][0].pid
        for pid in [master, *pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split()]:
            (watched / "below" / "cgroup.procs").write_text(str(pid))
        with lib.Agent(options=["--cgroup", str(watched)]) as agent:
            for _, port in servers:
                get(port, f"/{port}")
            time.sleep(1)
    (watched / "below").rmdir()
    watched.rmdir()
    lib.equal([(x["kind"], x["resource"]) for x in agent.result.of(protocol="http")], [("server", f"/{servers[0][1]}")], "exchanges")


def test_network_namespace():
    subprocess.run(["ip", "netns", "add", "watched"], check=True)
    inside = ["ip", "netns", "exec", "watched"]
    subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
    with lib.Services() as services:
        _, port = services.nginx("location / { return 200 hello; }")
        conf = services.dir / f"nginx-{port}.conf"
        services.start([*inside, "nginx", "-p", services.dir, "-c", conf, "-g", f"lock_file {services.dir}/lock;"])
        lib.wait_for(lambda: subprocess.run([*inside, "curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}/up"]).returncode == 0, "nginx inside")
        with lib.Agent(options=["--netns", "watched"]) as agent:
            get(port, "/outside")
            get(port, "/inside", *inside)
            time.sleep(1)
    subprocess.run(["ip", "netns", "del", "watched"], check=True)
    lib.equal(ends(agent.result, "/inside"), [("client", "curl", "200"), ("server", "nginx", "200")], "inside")
    lib.equal(ends(agent.result, "/outside"), [], "outside")


def objects():
    """Everything of BPF the kernel holds: {(kind, id)}."""
    found = set()
    for kind in ("prog", "map", "link"):
        out = subprocess.run(["bpftool", "--json", kind, "list"], check=True, capture_output=True, text=True).stdout
        found |= {(kind, row["id"]) for row in json.loads(out or "[]")}
    return found


def test_nothing_is_left_behind():
    for end in (signal.SIGKILL, signal.SIGTERM):
        before = objects()
        with lib.Services() as services:
            agent = services.start([lib.TELLTALE, "agent", "--listen", f"127.0.0.1:{(port := lib.free_port())}", *lib.HOOKS])
            lib.wait_for(lambda: lib.port_answers(port), "telltale agent")
            kinds = {kind for kind, _ in objects() - before}
            lib.equal(kinds, {"prog", "map", "link"}, "what it holds while it runs")
            agent.send_signal(end)
            agent.wait()
            # The kernel frees them once no processor can be using them any more.
            try:
                lib.wait_for(lambda: objects() <= before, "the end of its programs", 5)
            except RuntimeError:
                lib.equal(sorted(objects() - before), [], f"left behind after {end.name}")


if __name__ == "__main__":
    if "TT_VM" not in os.environ:
        lib.skip("only in a guest (tests/vm/e2e): it observes the whole host")
    sys.exit(lib.main(globals()))
