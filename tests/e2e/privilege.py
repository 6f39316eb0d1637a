#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Least privilege: the part that parses and serves has no capability, the attach part only the documented ones, while all traffic is counted;
if one ends, so does the other and nothing stays attached; what is missing is named in one line."""
import ctypes
import json
import os
import pathlib
import pwd
import re
import signal
import subprocess
import sys
import tempfile
import time

import lib
import tls_lib

# capabilities(7), linux/capability.h
CAPS = {"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_DAC_READ_SEARCH": 2, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_SETPCAP": 8,
        "CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21, "CAP_SYS_RESOURCE": 24, "CAP_SYSLOG": 34,
        "CAP_PERFMON": 38, "CAP_LEASE": 28, "CAP_BPF": 39, "CAP_CHECKPOINT_RESTORE": 40}
# docs/threat-model.md: what the attach part keeps.
ATTACH_KEEPS = {"CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"}
WITH_UPROBES = {"CAP_PERFMON", "CAP_CHECKPOINT_RESTORE", "CAP_LEASE"}
KERNEL = tuple(map(int, os.uname().release.split(".")[:2]))
# In stable trees it is so earlier: there either is right.
UPROBES_WANT_ADMIN = KERNEL >= (6, 17) or int(pathlib.Path("/proc/sys/kernel/perf_event_paranoid").read_text()) > 2
MAPS_ARE_LOCKED = KERNEL < (5, 11)
MODULES_ARE_LISTED = (5, 11) <= KERNEL < (6, 2)  # by libbpf before 1.3, for what the kernel does not have
CALLS_NEED_BPF = KERNEL < (5, 19) and \
    pathlib.Path("/proc/sys/kernel/unprivileged_bpf_disabled").read_text().strip() != "0"
NOBODY = pwd.getpwnam("nobody").pw_uid
REQUESTS = lib.scaled(2000)
EMPTY = dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0)

libc = ctypes.CDLL(None, use_errno=True)
PR_SET_KEEPCAPS, PR_CAPBSET_DROP, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 24, 47, 2


def status(pid):
    """Of each thread: capabilities as numbers, user ids, no_new_privs."""
    found = []
    for path in pathlib.Path(f"/proc/{pid}/task").iterdir():
        fields = dict(line.split(":\t", 1) for line in (path / "status").read_text().splitlines() if ":\t" in line)
        found.append({"name": fields["Name"], "caps": {k: int(v, 16) for k, v in fields.items() if k.startswith("Cap")},
                      "uids": sorted(set(fields["Uid"].split())), "groups": fields["Groups"].split(), "no_new_privs": fields["NoNewPrivs"]})
    return found


def children(pid):
    return [int(p) for path in pathlib.Path(f"/proc/{pid}/task").iterdir() for p in (path / "children").read_text().split()]


def attach_part(pid):
    found = [p for p in children(pid) if pathlib.Path(f"/proc/{p}/comm").read_text() == "telltale-attach\n"]
    lib.equal(len(found), 1, f"attach parts of {pid}")
    return found[0]


def mask(names):
    return sum(1 << CAPS[name] for name in names)


def check_parts(main, attach, more=()):
    """`main`, `attach`: statuses of their threads."""
    for thread in main:
        lib.equal((thread["caps"], thread["uids"], thread["groups"], thread["no_new_privs"]), (EMPTY, [str(NOBODY)], [], "1"),
                  f"thread {thread['name']} of the serving part")
    keeps = mask(ATTACH_KEEPS | set(more) | ({"CAP_BPF"} if CALLS_NEED_BPF else set()))
    for thread in attach:
        lib.equal((thread["caps"], thread["uids"], thread["groups"], thread["no_new_privs"]),
                  ({**EMPTY, "CapPrm": keeps, "CapEff": keeps}, [str(NOBODY)], [], "1"), "the attach part")


def programs(pid):
    """Ids of the programs a process holds."""
    found = set()
    for path in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        found |= set(re.findall(r"^prog_id:\s*(\d+)", path.read_text(), re.M))
    return found


def held(pid):
    """What a process holds of the kernel's side: kinds of descriptors, and how many writable mappings of maps are larger than a ring's page."""
    kinds = {os.readlink(path) for path in pathlib.Path(f"/proc/{pid}/fd").iterdir()}
    areas = [line.split() for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines() if "bpf-map" in line and line.split()[1][1] == "w"]
    sizes = [int(last, 16) - int(first, 16) for first, last in (area[0].split("-") for area in areas)]
    return sorted(kind for kind in kinds if "bpf" in kind or "perf_event" in kind), sum(size > os.sysconf("SC_PAGESIZE") for size in sizes)


def gone(ids):
    known = {str(row["id"]) for row in json.loads(subprocess.run(["bpftool", "--json", "prog", "list"], check=True, capture_output=True, text=True).stdout)}
    return not ids & known


def web(services):
    process, port = services.nginx("location / { return 200 hello; }")
    return process.pid, port


def load(port, path="/counted"):
    subprocess.run(["ab", "-q", "-k", "-n", str(REQUESTS), "-c", "4", f"http://127.0.0.1:{port}{path}"], check=True, stdout=subprocess.DEVNULL)


def test_agent():
    with lib.Services() as services:
        pid, port = web(services)
        with lib.Agent(pid) as agent:
            attach = attach_part(agent.process.pid)
            load(port)
            agent.get("/metrics")
            threads = status(agent.process.pid)
            lib.equal({t["name"] for t in threads}, {"telltale", "telltale-web"}, "threads")
            check_parts(threads, status(attach))
            lib.check(not programs(agent.process.pid) and programs(attach), "only the attach part holds programs")
            lib.equal(held(agent.process.pid), ([], 1), "descriptors of programs, links, maps and events in the serving part; tables it can write: the wishes")
    lib.equal(len(agent.result.of(kind="server", resource="/counted", status="200", service="nginx")), REQUESTS, "requests")
    lib.check(agent.result.metric("telltale_bpf_run_seconds_total") >= 0 and "telltale_bpf_missed_runs_total" in agent.result.metrics_text, "programs' figures")
    agent.result.check_accounts()


def test_agent_with_uprobes():
    """What attaching to libraries that are mapped later takes is kept, by each thread that does it, and nothing else."""
    with lib.Services() as services:
        port = tls_lib.nginx(services, "TLSv1.2 TLSv1.3")
        with lib.Agent(services.processes[-1].pid, options=["--uprobes"]) as agent:
            if "TLS libraries are not observed:" in agent.output():
                lib.skip("this kernel does not take the probes")
            attach = attach_part(agent.process.pid)
            subprocess.run(["ab", "-q", "-k", "-n", "50", f"https://127.0.0.1:{port}/counted"], check=True, stdout=subprocess.DEVNULL)
            threads = status(attach)
            admin = bool(threads[0]["caps"]["CapEff"] & mask({"CAP_SYS_ADMIN"}))
            lib.check(admin or not UPROBES_WANT_ADMIN, "it kept what uprobes want")
            check_parts(status(agent.process.pid), threads, WITH_UPROBES | ({"CAP_SYS_ADMIN"} if admin else set()))
            lib.equal(held(agent.process.pid), ([], 1), "descriptors of programs, links, maps and events in the serving part; tables it can write: the wishes")
    lib.equal(len(agent.result.of(kind="server", resource="/counted", status="200")), 50, f"requests; {agent.result.output}")
    agent.result.check_accounts()


def in_a_run():
    with lib.Services() as services:
        _, port = web(services)
        load(port)
        telltale = int(pathlib.Path("/proc/self/stat").read_text().rpartition(")")[2].split()[1])
        own = status(os.getpid())[0]
        lib.tell(main=status(telltale), attach=status(attach_part(telltale)), own=own)


def test_run():
    result = lib.run("in_a_run")
    check_parts(result.told["main"], result.told["attach"], ["CAP_KILL"])
    here = status(os.getpid())[0]
    lib.equal({k: result.told["own"][k] for k in ("caps", "uids", "no_new_privs")}, {k: here[k] for k in ("caps", "uids", "no_new_privs")},
              "the command's own privileges")
    result.check_accounts()
    result.counts(len(result.of(kind="server", resource="/counted", status="200")), REQUESTS,
                  f"requests; {len(result.of(kind='server'))} exchanges of the server, lost {result.lost()}, {result.output}")


def test_watch():
    with lib.Services() as services, tempfile.TemporaryFile("w+") as out:
        pid, port = web(services)
        watch = subprocess.Popen([lib.TELLTALE, "watch", "--json", "--pid", str(pid)], stdout=out)
        lib.wait_until_up(watch)
        load(port)
        check_parts(status(watch.pid), status(attach_part(watch.pid)))
        lib.settle(pid)
        watch.terminate()
        lib.equal(watch.wait(60 * lib.PATIENCE), 0, "status")
        out.seek(0)
        lines = [json.loads(line) for line in out]
    lib.equal(len([x for x in lines if x["resource"] == "/counted" and x["kind"] == "server"]), REQUESTS, "requests")


def test_tool():
    done = subprocess.run([lib.TELLTALE, "execs", "--json", "--", "sh", "-c",
                           "grep -h -E '^(Name|Cap|NoNewPrivs|Uid)' /proc/$PPID/status; true"], capture_output=True, text=True, timeout=120)
    fields = dict(re.findall(r"^(\w+):\s*(\w+)", done.stdout, re.M))
    keeps = mask({"CAP_BPF"} if CALLS_NEED_BPF else set())
    lib.equal({k: int(fields[k], 16) for k in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")},
              {"CapEff": keeps, "CapPrm": keeps, "CapInh": 0, "CapAmb": 0, "CapBnd": 0}, f"capabilities of the tool ({done.stderr})")
    lib.equal((fields["NoNewPrivs"], fields["Uid"]), ("1", str(NOBODY)), "no_new_privs and user")


def killed(which, *words):
    with lib.Services() as services:
        pid, port = web(services)
        agent = lib.Agent(pid)
        agent.__enter__()
        main, attach = agent.process.pid, attach_part(agent.process.pid)
        held = programs(attach)
        lib.check(held, "programs it holds")
        load(port)
        begin = time.monotonic()
        os.kill({"main": main, "attach": attach}[which], signal.SIGKILL)
        agent.process.wait(60 * lib.PATIENCE)
        lib.wait_for(lambda: not os.path.exists(f"/proc/{attach}"), "the attach part's end")
        took = time.monotonic() - begin
        lib.check(took < 30 * lib.PATIENCE, f"both ended after {took:.1f} s")
        lib.wait_for(lambda: gone(held), "the end of the programs")
        output = agent.output()
        exchanges = (agent.directory / "exchanges.jsonl").read_text().splitlines()
        status_of_main = agent.process.returncode
        agent.__exit__(AssertionError)
    for word in words:
        lib.check(word in output, f"'{word}' is not in '{output}'")
    return status_of_main, exchanges


def test_killed_main():
    lib.equal(killed("main", "the observing part is gone", "nothing is attached")[0], -signal.SIGKILL, "its status")


def test_killed_attach_part():
    ended, exchanges = killed("attach", "the attach part was ended by signal 9", "nothing is attached")
    lib.equal(ended, 1, "status of the serving part")
    lib.equal(sum(json.loads(line)["resource"] == "/counted" for line in exchanges), REQUESTS, "what was seen before is written out")


def without(*names):
    """For preexec_fn: root lacks these from its exec on."""
    def drop():
        for name in names:
            if libc.prctl(PR_CAPBSET_DROP, CAPS[name], 0, 0, 0):
                os._exit(99)
    return drop


def only(*names):
    """For preexec_fn: nobody, with these capabilities alone."""
    def become():
        both = mask(names)
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        data = (ctypes.c_uint32 * 6)(*[both & 0xffffffff] * 3, *[both >> 32] * 3)
        if libc.capset(header, data):
            os._exit(99)
        for name in names:
            if libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAPS[name], 0, 0):
                os._exit(99)
    return become


def told(command, preexec):
    done = subprocess.run(command, preexec_fn=preexec, capture_output=True, text=True, timeout=60 * lib.PATIENCE)
    return done.returncode, done.stderr.strip().splitlines()


def test_missing_capability_is_named():
    run = [lib.TELLTALE, "run", "-q", "--", "true"]
    agent = [lib.TELLTALE, "agent", "--no-listen", "--pid", str(os.getpid())]
    for names, word in ((("CAP_BPF", "CAP_SYS_ADMIN"), "CAP_BPF"), (("CAP_PERFMON", "CAP_SYS_ADMIN"), "CAP_PERFMON")):
        for command in (run, agent, [lib.TELLTALE, "watch", "--pid", str(os.getpid())], [lib.TELLTALE, "execs", "--", "true"]):
            ended, lines = told(command, without(*names))
            lib.equal((ended, len(lines)), (1, 1), f"{command[1]} without {names}: {lines}")
            lib.check(f"{word} is missing" in lines[0], f"{command[1]} without {names}: {lines}")


def test_each_other_capability_can_be_missing():
    """A run whose command is root's own: everything works, and nobody complains."""
    for name in CAPS:
        if (name == "CAP_SYS_RESOURCE" and MAPS_ARE_LOCKED) or (name == "CAP_SYS_ADMIN" and MODULES_ARE_LISTED):
            continue
        ended, lines = told([lib.TELLTALE, "run", "-q", "--", "sh", "-c", "exit 3"], without(name))
        lib.equal((ended, lines), (3, []), f"run without {name}")


def test_room_for_maps_is_named():
    if not MAPS_ARE_LOCKED:
        return
    ended, lines = told([lib.TELLTALE, "run", "-q", "--", "true"], without("CAP_SYS_RESOURCE"))
    lib.equal((ended, len(lines)), (1, 1), f"run: {lines}")
    lib.check("CAP_SYS_RESOURCE is missing" in lines[0] and "RLIMIT_MEMLOCK" in lines[0], lines[0])


def test_listing_modules_is_named():
    if not MODULES_ARE_LISTED:
        return
    ended, lines = told([lib.TELLTALE, "run", "-q", "--", "true"], without("CAP_SYS_ADMIN"))
    lib.check((ended, lines) == (0, []) or (ended == 1 and len(lines) == 1 and "CAP_SYS_ADMIN is missing" in lines[0]), f"run: {ended} {lines}")


def test_naming_capability_is_named():
    with lib.Services() as services:
        pid, _ = web(services)
        for name in ("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"):
            process = subprocess.Popen([lib.TELLTALE, "agent", "--no-listen", "--pid", str(pid)], preexec_fn=without(name), stderr=subprocess.PIPE, text=True)
            line = process.stderr.readline()
            lib.wait_for(lambda: children(process.pid), "the attach part")
            process.terminate()
            rest = process.communicate(timeout=60 * lib.PATIENCE)[1]
            lib.check(f"{name} is missing" in line and rest == "" and process.returncode == 0, f"without {name}: {line} {rest} {process.returncode}")


def chosen_set(preexec):
    done = subprocess.run([lib.TELLTALE, "doctor", "--json"], preexec_fn=preexec, capture_output=True, text=True, timeout=60 * lib.PATIENCE)
    told = json.loads(done.stdout)["hook_sets"]
    return next((s["name"] for s in told if s["chosen"]), None), {s["name"]: s["reason"] for s in told}


# What telltale takes with these alone. Before 7.0 that is nothing less; from there on system calls by perf need tracefs and more (docs/threat-model.md),
# and kprobes, which several can be attached of at once, need nothing more.
WITH_TWO = {"5.10": "fexit", "6.1": "tracepoint", "6.12": "tracepoint", "6.18": "tracepoint", "7.0": "kprobe", "7.3": "kprobe"}


def test_two_capabilities_are_enough():
    """Not root at all: CAP_BPF and CAP_PERFMON, on most kernels."""
    with lib.Services() as services, tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        _, port = web(services)
        names = ["CAP_BPF", "CAP_PERFMON"] + (["CAP_SYS_RESOURCE"] if MAPS_ARE_LOCKED else ["CAP_SYS_ADMIN"] if MODULES_ARE_LISTED else [])
        chosen, reasons = chosen_set(only(*names))
        lib.equal(chosen, WITH_TWO.get(os.environ.get("TT_VM"), chosen), f"chosen set; {reasons}")
        done = subprocess.run([lib.TELLTALE, "run", "-q", "--json", f"{name}/exchanges.jsonl", "--metrics", f"{name}/metrics.prom", "--", "sh", "-c",
                               f"cat /proc/$PPID/status >{name}/status; exec ab -q -k -n {REQUESTS} -c 4 http://127.0.0.1:{port}/counted"],
                              preexec_fn=only(*names), capture_output=True, text=True, timeout=60 * lib.PATIENCE)
        told = [f"telltale: warning: hooks: {chosen}, as no other set works here"] if chosen in lib.sets_that_miss() else []
        lib.equal((done.returncode, [line.split(" (")[0] for line in done.stderr.splitlines()]), (0, told), f"how it ended; {done.stderr}")
        lib.check(chosen != "fexit" or not told or "CAP_DAC_READ_SEARCH" in reasons["tracepoint"], f"why no other set works: {reasons}")
        result = lib.Result(done.returncode, pathlib.Path(name), done.stderr, [chosen])
        result.counts(len(result.of(kind="client", resource="/counted")), REQUESTS, "requests")
        fields = dict(re.findall(r"^(\w+):\s*(\w+)", pathlib.Path(f"{name}/status").read_text(), re.M))
        lib.equal([int(fields[k], 16) for k in ("CapEff", "CapPrm", "CapInh", "CapAmb")], [0, 0, 0, 0], "its capabilities")
        lib.equal(fields["NoNewPrivs"], "1", "no_new_privs")


def test_tracefs_by_its_capability():
    """An ordinary user's, who was never root: what asks by the real user does not notice it."""
    def perf_calls(preexec):
        done = subprocess.run([lib.TELLTALE, "doctor", "--json"], preexec_fn=preexec, capture_output=True, text=True, timeout=60 * lib.PATIENCE)
        return next((row["present"], row["reason"]) for row in json.loads(done.stdout)["features"] if row["name"] == "raw_syscalls by perf")
    mine = perf_calls(None)
    if not mine[0]:
        lib.skip(f"root has no system calls by perf here: {mine[1]}")
    lib.equal(perf_calls(only("CAP_BPF", "CAP_PERFMON", "CAP_DAC_READ_SEARCH")), mine, "system calls by perf of an ordinary user with CAP_DAC_READ_SEARCH")
    if not pathlib.Path("/sys/kernel/tracing").stat().st_mode & 0o5:
        lib.check("CAP_DAC_READ_SEARCH is missing" in perf_calls(only("CAP_BPF", "CAP_PERFMON"))[1], "who lacks it is told")


def test_files_only_root_may_touch():
    """Opened before the privileges go: JSON lines, recording, metrics. The configuration is read again by the attach part."""
    with lib.Services() as services, tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o700)
        pid, port = web(services)
        config = pathlib.Path(name, "telltale.yaml")
        config.write_text("log_level: info\n")
        config.chmod(0o600)
        with lib.Agent(pid, options=["--config", str(config), "--record", f"{name}/r.tt"]) as agent:
            agent.directory.chmod(0o700)
            load(port)
            config.write_text("log_level: info\nquiet: true\nlimits:\n  series: 123\n")
            agent.process.send_signal(signal.SIGHUP)
            lib.wait_for(lambda: "configuration read again" in agent.output(), "the configuration")
            config.unlink()
            agent.process.send_signal(signal.SIGHUP)
            lib.wait_for(lambda: "telltale.yaml: No such file" in agent.output(), "the complaint")
        lib.check("limit" in agent.result.output, agent.result.output)
        lib.equal(len(agent.result.of(resource="/counted", kind="server")), REQUESTS, "requests")
        done = subprocess.run([lib.TELLTALE, "read", "--json", f"{name}/r.tt"], check=True, capture_output=True, text=True)
        lib.equal(sum(json.loads(line)["resource"] == "/counted" for line in done.stdout.splitlines()), REQUESTS, "requests in the recording")
        agent.result.check_accounts()


def test_names_from_the_environment():
    """Of a root's process that starts when telltale has given up its privileges: only the attach part may read that."""
    with lib.Services() as services:
        port = lib.free_port()
        shell = services.start(["sh", "-c", f"until [ -e {services.dir}/go ]; do sleep 0.1; done; OTEL_SERVICE_NAME=shop exec {lib.PYTHON} -m http.server --bind 127.0.0.1 {port}"])
        with lib.Agent(shell.pid) as agent:
            lib.wait_until_up(agent.process)
            (services.dir / "go").touch()
            lib.wait_for(lambda: lib.port_answers(port), "the server")
            subprocess.run(["ab", "-q", "-n", "5", f"http://127.0.0.1:{port}/named"], check=True, stdout=subprocess.DEVNULL)
    lib.equal({x["service"] for x in agent.result.of(kind="server", resource="/named")}, {"shop"}, "its name")


def test_doctor_names_them():
    rows = json.loads(subprocess.run([lib.TELLTALE, "doctor", "--json"], capture_output=True, text=True, timeout=60 * lib.PATIENCE, preexec_fn=without(
        "CAP_SYS_PTRACE")).stdout)
    missing = {row["name"] for row in rows["capabilities"] if not row["present"]}
    here = {name for name, bit in CAPS.items() if not status(os.getpid())[0]["caps"]["CapEff"] >> bit & 1}
    known = {row["name"] for row in rows["capabilities"]}
    lib.equal(missing, ({"CAP_SYS_PTRACE"} | here) & known, "capabilities that are missing")
    for row in rows["settings"]:
        if row["name"].startswith("kernel."):
            lib.equal(row["value"], pathlib.Path("/proc/sys/" + row["name"].replace(".", "/")).read_text().strip(), row["name"])
    # The programs load with two capabilities, but where uprobes want a third nothing could be attached.
    two = [json.loads(subprocess.run([lib.TELLTALE, "doctor", "--uprobes", "--json"], capture_output=True, text=True, timeout=60 * lib.PATIENCE,
                                     preexec_fn=only(*names)).stdout)["plaintext"] for names in (["CAP_BPF", "CAP_PERFMON"], ["CAP_BPF"])]
    lib.check(not two[1] and not (two[0] and UPROBES_WANT_ADMIN), f"plaintext with two capabilities, and with one: {two}")
    done = subprocess.run([lib.TELLTALE, "doctor"], capture_output=True, text=True, timeout=60 * lib.PATIENCE, preexec_fn=without("CAP_BPF", "CAP_SYS_ADMIN"))
    lib.check(done.returncode == 1 and "CAP_BPF is missing" in done.stderr and re.search(r"^  lacks +CAP_BPF ", done.stdout, re.M), done.stdout + done.stderr)


if __name__ == "__main__":
    lib.need("nginx", "ab", "bpftool")
    sys.exit(lib.main_with_libraries(globals()))
