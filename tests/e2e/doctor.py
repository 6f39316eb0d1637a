#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What doctor says is missing and why: true causes, every set of hooks with its reason, and no success where nobody was told."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import lib

lib.HOOKS.clear()
TRACEFS = ("/sys/kernel/tracing", "/sys/kernel/debug")
SECURITY = "/sys/kernel/security"


def doctor(*options, mounts=(), **how):
    """(JSON, how it ended); `mounts` are done before in a mount namespace of its own."""
    command = [lib.TELLTALE, "doctor", "--json", *options]
    if mounts:
        command = ["unshare", "--mount", "sh", "-ec", f"{'; '.join(f'umount -l {m.split()[-1]} 2>/dev/null || true; mount -t {m}' for m in mounts)}; exec \"$@\"", "sh", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 * lib.PATIENCE, **how)
    return json.loads(done.stdout), done


def named(rows, name):
    return next(row for row in rows if row["name"] == name)


def error_of(done):
    return done.stderr.strip().removeprefix("telltale: error: ") or None


def test_what_is_not_mounted():
    """Its absence is no property of the kernel."""
    hidden, _ = doctor(mounts=[f"tmpfs none {place}" for place in (*TRACEFS, SECURITY)])
    event = named(hidden["features"], "raw_syscalls by perf")
    lib.check(not event["present"] and "tracefs is not mounted (mount -t tracefs" in event["reason"], event)
    lib.equal(named(hidden["settings"], "lockdown")["value"], "unknown", "lockdown")
    seen, _ = doctor(mounts=[f"tracefs tracefs {TRACEFS[0]}", f"securityfs securityfs {SECURITY}"])
    event = named(seen["features"], "raw_syscalls by perf")
    lib.check(event["present"] or "not mounted" not in event["reason"], event)
    lib.check(named(seen["settings"], "lockdown")["value"] in ("none", "integrity", "confidentiality", "absent"), seen["settings"])


def test_reasons_of_features():
    told, _ = doctor()
    for row in told["features"]:
        lib.equal(row["reason"] is None, row["present"], f"{row}: a reason where it is missing, and only there")
    kernel = tuple(map(int, told["kernel"].split(".")[:2]))
    for row in told["features"]:
        since = re.match(r"in Linux since (\d+)\.(\d+)", row["reason"] or "")
        lib.check(not since or tuple(map(int, since.groups())) > kernel, f"its age is not why: {row}")


def test_every_set_has_its_reason():
    told, _ = doctor()
    sets = told["hook_sets"]
    lib.equal(len({(s["name"], s["form"]) for s in sets}), len(sets), "sets are told apart")
    lib.equal([s["state"] for s in sets if s["chosen"]], ["chosen"], "the chosen one")
    for s in sets:
        lib.equal((s["reason"] is None, s["tried"]), (s["chosen"], s["state"] in ("chosen", "refused")), s)
    chosen = next(s for s in sets if s["chosen"])
    forced, done = doctor("--hooks", chosen["name"])
    for s in forced["hook_sets"]:
        if s["name"] != chosen["name"]:
            lib.equal((s["state"], s["tried"], s["reason"]), ("not asked for", False, f"{chosen['name']} was asked for"), s["name"])
    lib.equal((done.returncode, forced["error"], error_of(done)), (0, None, None), "no error")
    text = subprocess.run([lib.TELLTALE, "doctor"], capture_output=True, text=True, check=True).stdout
    for s in sets:
        name = f"{s['name']} ({s['form']})" if s["form"] else s["name"]
        lib.check(re.search(rf"^  {s['state']} +{re.escape(name)} +{re.escape(s['cost'])}$", text, re.M), f"{name} in {text}")
        lib.check(s["chosen"] or f" why: {s['reason']}\n" in text, f"{s['reason']} in {text}")


def test_a_forced_set_that_does_not_work():
    """It says so of that set, not of all."""
    refused = [s["name"] for s in ("fexit", "kprobe") for s in doctor("--hooks", s)[0]["hook_sets"] if s["state"] == "refused"]
    if not refused:
        lib.skip("every set works on this kernel")
    told, done = doctor("--hooks", refused[0])
    lib.equal((done.returncode, told["ready"], told["error"]), (1, False, error_of(done)), "how it ended")
    lib.check(told["error"].startswith(f"the set of hooks that was asked for does not work here (auto tries the others, too); {refused[0]}: "), told["error"])
    text = subprocess.run([lib.TELLTALE, "doctor", "--hooks", refused[0]], capture_output=True, text=True)
    lib.check(text.returncode == 1 and "; without it: " not in text.stdout, f"hooks that were not tried are not missing: {text.stdout}")


def test_without_rights():
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        program = shutil.copy(lib.TELLTALE, directory)
        done = subprocess.run([program, "doctor", "--json"], capture_output=True, text=True, timeout=60 * lib.PATIENCE, user="nobody", group="nogroup",
                              extra_groups=[])
    told = json.loads(done.stdout)
    lib.equal((done.returncode, told["ready"], told["error"]), (1, False, error_of(done)), "how it ended")
    lib.check("CAP_BPF is missing" in told["error"], told["error"])
    lib.check(named(told["features"], "BPF ring buffer")["reason"].startswith("may not be asked (CAP_BPF"), "the ring buffer")
    for s in told["hook_sets"]:
        lib.check(s["state"] in ("refused", "may miss") and re.search(r"([.)]|\w{3}|\.\.\.)$", s["reason"]) and not s["reason"].endswith("Make sure yo"), s)


def test_probes_in_libraries():
    told = [subprocess.run([lib.TELLTALE, "doctor", *options], capture_output=True, text=True).stdout for options in ([], ["--uprobes"])]
    lines = [re.search(r"^TLS libraries \(--uprobes\)\n  (.*)$", text, re.M).group(1) for text in told]
    if lines[0].startswith("missing"):
        lib.skip("this kernel has no uprobes")
    lines = [" ".join(line.split()) for line in lines]
    lib.check(lines[0] == "not tried doctor --uprobes does" and lines[1].startswith(("ready ", "refused ")), lines)
    costs = [re.findall(r"takes ([\d.]+) us more, ([\d.]+) us where", text) for text in told]
    lib.equal([len(found) for found in costs], [0, int(lines[1].startswith("ready"))], "how often what a call costs is said")
    for options, wanted in ([], False), (["--uprobes"], bool(costs[1])):
        found = doctor(*options)[0]
        lib.equal([found[key] is not None for key in ("plaintext_call_ns", "plaintext_stepped_call_ns")], [wanted] * 2, f"{options}: {found['plaintext']}")


def test_an_answer_that_does_not_arrive():
    with open("/dev/full", "w") as full:
        for options, place in ((["--json=/no/such/directory/x"], "/no/such/directory/x"), (["--json=/dev/full"], "/dev/full"), (["--json"], "standard output"),
                               ([], "standard output")):
            done = subprocess.run([lib.TELLTALE, "doctor", *options], stdout=full, stderr=subprocess.PIPE, text=True)
            lib.equal((done.returncode, done.stderr.count("\n")), (1, 1), f"{options}: {done.stderr}")
            lib.check(f"doctor: {place}: " in done.stderr, f"{options}: {done.stderr}")


def test_file_as_a_word_of_its_own():
    with tempfile.TemporaryDirectory() as name:
        for options in (["--json", f"{name}/a"], [f"--json={name}/b"]):
            done = subprocess.run([lib.TELLTALE, "doctor", *options], capture_output=True, text=True)
            lib.equal((done.returncode, done.stdout), (0, ""), f"{options}: {done.stderr}")
        lib.equal([json.loads(pathlib.Path(name, x).read_text())["ready"] for x in "ab"], [True, True], "what stands in the files")


def test_the_threat_model_has_its_capabilities():
    """docs/threat-model.md says that doctor prints its table: with --uprobes and without."""
    page = (lib.ROOT / "docs" / "threat-model.md").read_text()
    rows = {name for line in page.splitlines() if line.startswith("| CAP_") for name in re.findall(r"CAP_\w+", line.split("|")[1])}
    rows -= {"CAP_SYS_ADMIN"}  # named in other rows, too, as what does as well
    for options in ([], ["--uprobes"]):
        names = {row["name"] for row in doctor(*options)[0]["capabilities"]}
        lib.equal(names - {"CAP_SYS_ADMIN"}, rows, "capabilities")


if __name__ == "__main__":
    lib.need("unshare", "mount")
    sys.exit(lib.main(globals()))
