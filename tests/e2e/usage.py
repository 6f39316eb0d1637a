#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad use: one clear line that names the place, and a status that is not zero."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

import lib


def refused(arguments, *words, status=None, program=None, **options):
    done = subprocess.run([program or lib.TELLTALE, *arguments], capture_output=True, text=True, timeout=30, **options)
    lines = done.stderr.strip().splitlines()
    lib.check(done.returncode != 0 and (status is None or done.returncode == status), f"{arguments}: status {done.returncode}")
    lib.equal(len(lines), 1, f"{arguments}: lines {lines}")
    for word in words:
        lib.check(word in lines[0], f"{arguments}: '{word}' is not in '{lines[0]}'")


def test_unknown_things():
    refused(["agent", "--no-such-option"], "--no-such-option", status=2)
    refused(["no-such-command"], "no-such-command", status=2)
    refused(["agent", "--limit", "no_such=1"], "no_such", status=2)
    refused(["agent", "--limit", "ring_bytes=1"], "ring_bytes", status=2)
    refused(["agent", "--protocol", "no-such"], "no-such")
    refused(["agent", "--pid", "x"], "--pid", status=2)
    refused(["agent", "--pid", "2147483600"], "2147483600")
    refused(["run"], "command", status=2)
    refused(["run", "--", "no-such-program-anywhere"], "no-such-program-anywhere", status=127)
    refused(["run", "--", "/etc/passwd"], "/etc/passwd", status=126)
    refused(["run", "--user", "no-such-user", "--", "true"], "no-such-user", "no user", status=2)
    refused(["read"], "file", status=2)


def test_port_taken():
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
        refused(["agent", "--listen", f"127.0.0.1:{port}", "--pid", str(os.getpid())], str(port), "in use")


def test_unreadable_files():
    refused(["read", "/no/such/file.pcap"], "/no/such/file.pcap")
    with tempfile.NamedTemporaryFile() as f:
        f.write(b"this is no capture at all, whatever its name may say")
        f.flush()
        refused(["read", f.name], f.name)


def test_bad_configuration():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write("listen: 127.0.0.1:0\nno_such_key: 1\n")
        f.flush()
        refused(["agent", "--config", f.name], f.name, ":2", "no_such_key", status=2)
    refused(["agent", "--config", "/no/such/telltale.yaml"], "/no/such/telltale.yaml")


def test_no_privilege():
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        program = shutil.copy(lib.TELLTALE, directory)
        refused(["agent", "--pid", str(os.getpid())], "root", "CAP_BPF", program=program, user="nobody", group="nogroup", extra_groups=[])


def test_no_btf():
    """The kernel's BTF is hidden in a mount namespace of ours."""
    done = subprocess.run(["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none /sys/kernel/btf && exec {lib.TELLTALE} agent --pid $$"],
                          capture_output=True, text=True, timeout=30)
    lines = done.stderr.strip().splitlines()
    lib.check(done.returncode != 0 and len(lines) == 1 and "BTF" in lines[0], f"status {done.returncode}: {lines}")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
