# SPDX-License-Identifier: Apache-2.0
"""Captures of real servers for the golden tests: tcpdump on loopback, filtered to the server's own port."""
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "demo"))
from services import Services, free_port, port_answers, wait_for  # noqa: E402,F401

MOST_BYTES = 100_000


def cut(source, target, packets):
    """The capture without its first packets: telltale began in the middle."""
    data = pathlib.Path(source).read_bytes()
    at = 24
    for _ in range(packets):
        at += 16 + int.from_bytes(data[at + 8 : at + 12], "little")
    pathlib.Path(target).write_bytes(data[:24] + data[at:])


class Capture:
    """`with Capture(path, "tcp port 1234"):` what happens inside is written to the path."""

    def __init__(self, path, expression, snap=262144):
        self.path = pathlib.Path(path)
        self.argv = ["tcpdump", "-i", "lo", "-U", "--immediate-mode", "-B", "8192", "-s", str(snap), "-Z", "root", "-w", str(path), expression]

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stderr=subprocess.PIPE)
        line = self.process.stderr.readline()
        if b"listening on" not in line:
            raise RuntimeError(f"tcpdump: {line.decode().strip()}")
        return self

    def __exit__(self, *_):
        time.sleep(0.5)
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate()
        if b"\n0 packets dropped by kernel" not in err:
            raise RuntimeError(f"tcpdump: {err.decode()}")
        if self.path.stat().st_size > MOST_BYTES:
            raise RuntimeError(f"{self.path} is larger than {MOST_BYTES} bytes")
        print(f"{self.path.name}: {self.path.stat().st_size} bytes")


def cut(source, target, packets):
    """A capture (microseconds, this machine's byte order) without its first packets: as if one had come late."""
    data = pathlib.Path(source).read_bytes()
    at = 24
    for _ in range(packets):
        at += 16 + int.from_bytes(data[at + 8:at + 12], sys.byteorder)
    pathlib.Path(target).write_bytes(data[:24] + data[at:])
