#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the verifier had to do for each program, against the rows of verifier-cost.

    verifier_cost.py                       compares on this kernel (in a guest: tests/vm/e2e KERNEL verifier_cost.py)
    verifier_cost.py --write [KERNEL...]   boots these guests, or all, and writes their rows anew; `host` is this machine's own kernel

More than a tenth above its row is a failure: either the program is made simpler, or its row is written anew with the change.
"""
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
FILE = HERE / "verifier-cost"
ROOT = HERE.parent.parent
GROWTH = 1.1
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
    if not known and "TT_VM" not in os.environ:
        print(f"verifier-cost has no rows for {kernel} with {hooks}")
        return 77
    bad = []
    for key in sorted(known.keys() | found.keys()):
        before, now = known.get(key), found.get(key)
        if before is None or now is None:
            bad.append(f"{key[2]}: " + ("has no row" if before is None else "has a row and is not loaded"))
        elif now > before * GROWTH:
            bad.append(f"{key[2]}: {now} instructions, {now * 100 // before - 100} % more than {before}")
    again = f"tests/vm/verifier_cost.py --write {os.environ.get('TT_VM', 'host')}"
    print("\n".join(bad) + f"\non purpose: {again}" if bad else f"verifier: {len(found)} programs of {hooks} as expected on {kernel}")
    return 1 if bad else 0


def ask_guest(kernel, sets):
    """A kernel that does not take a set says so, which is no fault here."""
    command = [HERE / "run", kernel, "--bring", f"{telltale()}:/usr/bin/telltale", "--", "sh", "-c",
               f"for set in {' '.join(sets)}; do telltale doctor --json --hooks $set; done; true"]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def write(kernels):
    known = rows()
    sets = [s["name"] for s in ask()["hook_sets"]]
    for kernel in kernels:
        name = os.uname().release if kernel == "host" else kernel
        found = {}
        for doctor in [ask(s) for s in sets] if kernel == "host" else ask_guest(kernel, sets):
            found |= counts(name, doctor)
        if not found:
            sys.exit(f"{kernel}: no set of hooks works there")
        known = {key: count for key, count in known.items() if key[0] != name} | found
    order = {k: i for i, k in enumerate(all_kernels())}
    lines = [COLUMNS, *((*key, str(known[key])) for key in sorted(known, key=lambda k: (order.get(k[0], len(order)), k)))]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    text = ["  ".join(cell.rjust(w) if i == 3 else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths))) for line in lines]
    FILE.write_text(HEADER + "# " + text[0] + "\n" + "\n".join("  " + line for line in text[1:]) + "\n")


def all_kernels():
    return [line.split()[0] for line in (HERE / "kernels").read_text().splitlines() if line and not line.startswith("#")]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        sys.exit(write(sys.argv[2:] or [*all_kernels(), "host"]))
    sys.exit(compare())
