# SPDX-License-Identifier: Apache-2.0
"""Runs dump_records and reads what it prints."""
import os
import subprocess
import tempfile

DUMP = os.environ.get("DUMP_RECORDS", "build/tests/dump_records")
HOOKS = ["--hooks", os.environ["TT_HOOKS"]] if os.environ.get("TT_HOOKS") else []  # the set of hooks to test; else the program chooses
PATIENCE = float(os.environ.get("TT_PATIENCE", "1"))  # times to wait are so much longer on an emulated processor
FROM_UNKNOWN = 1 << 32
EOF_FLAG, ERROR_FLAG, DATAGRAM, NO_PAYLOAD, FIRST_SEEN, FROM_START = (1 << i for i in range(6))


class Record(dict):
    """One line: its kind, and its fields by name; numbers where they are numbers."""

    def __init__(self, line):
        kind, *fields = line.split()
        super().__init__()
        self.kind = kind
        for field in fields:
            name, _, value = field.partition("=")
            if name == "flags":
                self[name] = int(value, 16)
            elif name in ("data", "args"):
                self[name] = bytes.fromhex(value)
            else:
                self[name] = int(value) if value.lstrip("-").isdigit() else value
        if "conn" in self:
            self["ino"] = int(self["conn"].split("/")[1])


class Dump:
    """Records of a run: `records` in order, `stats`, `output` (the command's own lines), `status`."""

    def __init__(self, text, output, status):
        self.records, self.stats, self.programs = [], None, {}
        self.output = output.splitlines()
        self.status = status
        for line in text.splitlines():
            word = line.split(" ", 1)[0]
            if word in ("chunk", "open", "close", "l4", "fork", "exec", "exit"):
                self.records.append(Record(line))
            elif word == "stats":
                self.stats = Record(line)
            elif word == "program":
                r = Record(line)
                self.programs[r["name"]] = r

    def of(self, kind, **want):
        return [r for r in self.records if r.kind == kind and all(r.get(k) == v for k, v in want.items())]

    def check_sums(self):
        """produced = delivered + lost + queued, in records and in bytes; nothing is left queued."""
        s = self.stats
        lost = sum(v for k, v in s.items() if k.startswith("lost_") and not k.startswith("lost_bytes_"))
        lost_bytes = sum(v for k, v in s.items() if k.startswith("lost_bytes_"))
        assert s["queued"] == 0, s
        assert s["produced"] == s["delivered"] + lost, s
        assert s["produced_bytes"] == s["delivered_bytes"] + lost_bytes, s


def dump(*args, command=(), timeout=120):
    """The command finds what is printed meanwhile in the file $TT_DUMP."""
    with tempfile.NamedTemporaryFile("r") as out:
        line = [DUMP, "--out", out.name, *HOOKS, *map(str, args), *(["--", *map(str, command)] if command else [])]
        r = subprocess.run(line, env={**os.environ, "TT_DUMP": out.name}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout * PATIENCE, check=False)
        if "ready" not in r.stderr:
            raise SystemExit(f"{' '.join(line)}: {r.stderr}")
        return Dump(out.read(), r.stdout, r.returncode)
