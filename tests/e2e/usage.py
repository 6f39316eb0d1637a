#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad use: one clear line that names the place, and a status that is not zero."""
import http.server
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

import lib


def refused(arguments, *words, status=None, program=None, **options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    done = subprocess.run([program or lib.TELLTALE, *arguments], text=True, timeout=120, **pipes)
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


def test_without_effect():
    """One line says so of an option that does nothing as it is given."""
    for options, want in ((["--tools", "io"], ["telltale: warning: --tools: what they find is told by --metrics FILE or --listen ADDRESS, and neither is given"]),
                          (["--tools", "io", "--metrics=/dev/null"], []),
                          (["--uprobes-without", "go"], ["telltale: warning: --uprobes-without is without effect: there is no --uprobes"])):
        done = subprocess.run([lib.TELLTALE, "run", "--quiet", *options, "--", "true"], capture_output=True, text=True, timeout=120)
        lib.equal((done.returncode, done.stderr.splitlines()), (0, want), f"{options}")


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


def test_nothing_read_is_overwritten():
    """Whatever name it is given; and no two outputs into one file. All stays as it was."""
    with tempfile.TemporaryDirectory() as directory:
        def place(name):
            return os.path.join(directory, name)
        contents = b"a capture, or what one is taken for"
        for name in ("x", "other"):
            with open(place(name), "wb") as f:
                f.write(contents)
        os.symlink("x", place("soft"))
        os.link(place("x"), place("hard"))
        with open(place("agent.yaml"), "w") as f:
            f.write("listen: none\n\nmetrics: soft\n")
        x, soft, hard = (place(n) for n in ("x", "soft", "hard"))
        for option in ("--record=", "--json=", "--metrics="):
            for name in (x, soft, hard, "x", "./x"):
                refused(["read", option + name, x], option[:-1], name, "read", status=2, cwd=directory)
        refused(["read", "--json=x", "other", "x"], "--json", status=2, cwd=directory)
        refused(["read", "--json=new", "--metrics=./new", "x"], "--json", "--metrics", "new", status=2, cwd=directory)
        refused(["run", "--json=soft", "--record=hard", "--", "true"], "--json", "--record", "hard", status=2, cwd=directory)
        refused(["agent", "--pid", str(os.getpid()), "--record=x", "--config=agent.yaml"], "agent.yaml:3: metrics: soft: --record", status=2, cwd=directory)
        refused(["agent", "--pid", str(os.getpid()), "--json=agent.yaml", "--config=agent.yaml"], "--json agent.yaml", "read", status=2, cwd=directory)
        refused(["profile", "--json=x", "--folded=hard", "-d", "1"], "--folded", "--json", status=2, cwd=directory)
        with open(x, "ab") as f:
            refused(["read", "x"], "standard output", "read", status=2, cwd=directory, stdout=f)
        for name in ("x", "other"):
            with open(place(name), "rb") as f:
                lib.equal(f.read(), contents, name)
        lib.equal(sorted(os.listdir(directory)), ["agent.yaml", "hard", "other", "soft", "x"], "files")


def test_bad_configuration():
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write("listen: 127.0.0.1:0\nno_such_key: 1\n")
        f.flush()
        refused(["agent", "--config", f.name], f.name, ":2", "no_such_key", status=2)
    refused(["agent", "--config", "/no/such/telltale.yaml"], "/no/such/telltale.yaml")


def test_configuration_is_named_by_its_line():
    """Also what is found wrong only once it is used."""
    for key, *words in (("cgroup: /no/such/cgroup", "/no/such/cgroup"), ("netns: no-such-netns", "no-such-netns"), ("pids: [2147483600]", "2147483600"),
                        ("json: /no/such/directory/x",), ("record: /no/such/directory/x",), ("metrics: /no/such/directory/x",), ("drop_to: no-such-user", "no-such-user")):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            scope = "" if key.startswith(("cgroup", "netns", "pids")) else f"pids: [{os.getpid()}]\n"
            f.write(f"listen: none\n{scope}{key}\n")
            f.flush()
            refused(["agent", "--config", f.name], f"{f.name}:{3 if scope else 2}: {key.split(':')[0]}: ", *words)
    with socket.create_server(("127.0.0.1", 0)) as s, tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        port = s.getsockname()[1]
        f.write(f"pids: [{os.getpid()}]\n\nlisten: 127.0.0.1:{port}\n")
        f.flush()
        refused(["agent", "--config", f.name], f"{f.name}:3: listen: 127.0.0.1:{port}: the address is in use")


class Other(http.server.BaseHTTPRequestHandler):
    """No telltale: knows no path, or answers all with its own JSON."""
    status = 404

    def do_GET(self):
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b'{"status": "ok", "version": "9"}')

    def log_message(self, *_):
        pass


def test_connect_wants_an_agent():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"127.0.0.1:{server.server_address[1]}"
        for Other.status in (404, 200):
            refused(["watch", "--connect", place], place, "something else than telltale", status=1)
        server.shutdown()
    refused(["watch", "--connect", place], place, status=1)
    refused(["watch", "--connect", place, "--protocol", "http"], "--protocol", "--connect", status=2)


def test_a_port_alone():
    """The address that is told can be opened."""
    port = lib.free_port()
    with tempfile.TemporaryFile("w+") as log:
        agent = subprocess.Popen([lib.TELLTALE, "agent", "--listen", str(port), "--pid", str(os.getpid()), *lib.HOOKS], stderr=log)
        try:
            lib.wait_for(lambda: lib.port_answers(port), "the agent")
        finally:
            agent.terminate()
            agent.wait()
        log.seek(0)
        lib.check(f" http://127.0.0.1:{port}/\n" in log.read(), "the address")


def test_no_privilege():
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        program = shutil.copy(lib.TELLTALE, directory)
        refused(["agent", "--pid", str(os.getpid())], "root", "CAP_BPF", program=program, user="nobody", group="nogroup", extra_groups=[])


def test_no_btf():
    """The kernel's BTF is hidden in a mount namespace of ours."""
    done = subprocess.run(["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none /sys/kernel/btf && exec {lib.TELLTALE} agent --pid $$"],
                          capture_output=True, text=True, timeout=120)
    lines = done.stderr.strip().splitlines()
    lib.check(done.returncode != 0 and len(lines) == 1 and "BTF" in lines[0], f"status {done.returncode}: {lines}")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
