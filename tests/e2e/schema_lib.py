# SPDX-License-Identifier: Apache-2.0
"""JSON lines of a tool held against docs/tools.md, as the program has it."""
import re
import subprocess

import lib

TYPES = {"integer": int, "number": (int, float), "string": str}


def documented(tool):
    """Members of each kind of line, in their order, with their type."""
    kinds, kind = {}, None
    whole = subprocess.run([lib.TELLTALE, "help", "tools", "--markdown"], capture_output=True, text=True, check=True).stdout
    text = whole.split(f"\n## {tool}\n")[1].split("\n## ")[0]
    for line in text.splitlines():
        if found := re.match(r'`"kind": "(\w+)"`', line):
            kind = kinds[found[1]] = []
        elif found := re.match(r"\| [^|]* \| `(\w+)` \| (\w+) or null \|", line):
            kind.append((found[1], found[2]))
    return kinds


def check(row, kinds):
    want = kinds[row["kind"]]
    lib.equal(list(row), ["kind", *(name for name, _ in want)], "members of a line")
    for name, kind in want:
        lib.check(row[name] is None or (isinstance(row[name], TYPES[kind]) and not isinstance(row[name], bool)), f"{name} is no {kind}: {row}")
