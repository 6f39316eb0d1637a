#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the verifier had to do for each program, against the rows of verifier-cost.

    verifier_cost.py                       compares on this kernel (in a guest: tests/vm/e2e KERNEL verifier_cost.py)
    verifier_cost.py --write [--sets SET,...] [KERNEL...]
                                           boots these guests, or all, and writes their rows anew, of these sets of hooks or all (`auto`: the one
                                           chosen there); `host` is this machine's own kernel

More than a tenth above its row is a failure: either the program is made simpler, or its row is written anew with the change. So is a guest without
rows. Another kernel without rows is compared with the guest of its version, more than a quarter above which is one.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FILE = HERE / "verifier-cost"
ROOT = HERE.parent.parent
GROWTH = 1.1
BORROWED_GROWTH = 1.25
HEADER = """# SPDX-License-Identifier: Apache-2.0
# Instructions the verifier processed for each program: what the kernel says (it gives up at 1000000). Written by
# tests/vm/verifier_cost.py --write; compared by the suite in each guest, and on the host where its kernel is listed.
#
# kernel: a row of kernels, or what uname -r says
"""
COLUMNS = ("kernel", "hooks", "program", "instructions")


def telltale():
    return os.environ.get("TELLTALE", str(ROOT / "build" / "telltale"))


def rows():
    lines = [line.split() for line in FILE.read_text().splitlines() if line and not line.startswith("#")] if FILE.exists() else []
    return {(kernel, hooks, program): int(count) for kernel, hooks, program, count in lines}


def counts(kernel, doctor):
    """{(kernel, set, program): instructions} of a kernel that takes the programs."""
    chosen = [s["name"] for s in doctor["hook_sets"] if s["chosen"]]
    return {(kernel, chosen[0], p["name"]): p["verified_instructions"] for p in doctor["programs"]} if chosen else {}


def ask(hooks=None):
    done = subprocess.run([telltale(), "doctor", "--json", *(["--hooks", hooks] if hooks else [])], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"telltale doctor: {done.stderr}")
    return json.loads(done.stdout)


def compare():
    kernel = os.environ.get("TT_VM") or os.uname().release
    found = counts(kernel, ask(os.environ.get("TT_HOOKS")))
    hooks = next(iter(found))[1]
    known = {key: count for key, count in rows().items() if key[:2] == (kernel, hooks)}
    if not known and "TT_VM" in os.environ:
        print(f"verifier-cost has no rows for {kernel} with {hooks}: tests/vm/verifier_cost.py --write {kernel}")
        return 1
    if not known:
        return compare_borrowed(found, hooks)
    bad = []
    for key in sorted(known.keys() | found.keys()):
        before, now = known.get(key), found.get(key)
        if before is None or now is None:
            bad.append(f"{key[2]}: " + ("has no row" if before is None else "has a row and is not loaded"))
        elif now > before * GROWTH:
            bad.append(grown(key[2], now, before))
    again = f"tests/vm/verifier_cost.py --write {os.environ.get('TT_VM', 'host')}"
    print("\n".join(bad) + f"\non purpose: {again}" if bad else f"verifier: {len(found)} programs of {hooks} as expected on {kernel}")
    return 1 if bad else 0


def grown(program, now, before):
    return f"{program}: {now} instructions, {now * 100 // before - 100} % more than {before}"


def compare_borrowed(found, hooks):
    """By the rows of a guest with the same version, whose verifier is the same but for what this kernel's makers changed in it."""
    kernel = next(iter(found))[0]
    version = ".".join(kernel.split(".")[:2])
    known = {key[2]: count for key, count in rows().items() if key[:2] == (version, hooks)}
    if not known:
        print(f"verifier-cost has no rows for {kernel} with {hooks} (tests/vm/verifier_cost.py --write)")
        return 77
    both = [(name, count, known[name]) for (_, _, name), count in sorted(found.items()) if name in known]
    bad = [grown(*each) for each in both if each[1] > each[2] * BORROWED_GROWTH]
    print("\n".join(bad) if bad else f"verifier: {len(both)} programs of {hooks} on {kernel} as expected on {version}")
    return 1 if bad else 0


def ask_guest(kernel, sets):
    """(set, what doctor says) each; a kernel that does not take a set says so, which is no fault here."""
    command = [HERE / "run", kernel, "--timeout", "900", "--bring", f"{telltale()}:/usr/bin/telltale", "--", "sh", "-c",
               f"for set in {' '.join(sets)}; do printf '%s %s\\n' $set \"$(telltale doctor --json --hooks $set)\"; done"]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [(line.split(" ", 1)[0], json.loads(line.split(" ", 1)[1])) for line in out.splitlines()]


def tell(kernel, told):
    """The page of kernels lives of it, too."""
    cache = pathlib.Path(os.environ.get("TT_VM_CACHE") or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "telltale/vm")
    with tempfile.NamedTemporaryFile("w") as lines:
        lines.writelines(f"{name} {json.dumps(doctor)}\n" for name, doctor in told)
        lines.flush()
        subprocess.run([HERE / "kernel-support", "--doctor", kernel, (cache / "kernels" / kernel / "package").read_text().strip(), lines.name], check=True)


def save(known):
    place = {k: i for i, k in enumerate(all_kernels())}
    lines = [COLUMNS, *((*key, str(known[key])) for key in sorted(known, key=lambda k: (place.get(k[0], len(place)), k)))]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    text = ["  ".join(cell.rjust(w) if i == 3 else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths))) for line in lines]
    FILE.write_text(HEADER + "# " + text[0] + "\n" + "\n".join("  " + line for line in text[1:]) + "\n")


def write(kernels, sets):
    sets = sets or ["auto", *(s["name"] for s in ask()["hook_sets"])]
    for kernel in kernels:
        name = os.uname().release if kernel == "host" else kernel
        told = [(None, ask())] if kernel == "host" else ask_guest(kernel, sets)
        found = {key: count for _, doctor in told for key, count in counts(name, doctor).items()}
        if not found:
            sys.exit(f"{kernel}: no set of hooks works there")
        measured = {key[:2] for key in found}
        save({key: count for key, count in rows().items() if key[:2] not in measured} | found)
        if kernel != "host":
            tell(kernel, told)


def all_kernels():
    return [line.split()[0] for line in (HERE / "kernels").read_text().splitlines() if line and not line.startswith("#")]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        sets = sys.argv[3].split(",") if sys.argv[2:3] == ["--sets"] else []
        sys.exit(write(sys.argv[4 if sets else 2:] or [*all_kernels(), "host"], sets))
    sys.exit(compare())
