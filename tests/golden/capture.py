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


def packets_of(data):
    """The packets of a capture (microseconds, this machine's byte order), each with its header."""
    at, packets = 24, []
    while at + 16 <= len(data):
        end = at + 16 + int.from_bytes(data[at + 8:at + 12], sys.byteorder)
        packets.append(data[at:end])
        at = end
    return packets


def cut(source, target, packets):
    """The capture without its first packets: telltale began in the middle."""
    data = pathlib.Path(source).read_bytes()
    pathlib.Path(target).write_bytes(data[:24] + b"".join(packets_of(data)[packets:]))


def shorten(source, target, most, kept):
    """Of packets that hold more than `most` bytes only the first `kept`, as a capture with a snap length has them."""
    data = pathlib.Path(source).read_bytes()
    with open(target, "wb") as out:
        out.write(data[:24])
        for p in packets_of(data):
            out.write(p if len(p) - 16 <= most else p[:8] + kept.to_bytes(4, sys.byteorder) + p[12:16 + kept])


NETWORK_AT = {1: 14, 101: 0, 113: 16, 276: 20}  # in a frame, by link type


def without_first(packet, link_type, count):
    """The TCP segment without so many first bytes of its data; None where it has no more, or is none."""
    at = 16 + NETWORK_AT[link_type]
    old = packet[at] >> 4 == 4
    tcp = at + (4 * (packet[at] & 15) if old else 40)
    data = tcp + (packet[tcp + 12] >> 4) * 4
    if packet[at + (9 if old else 6)] != 6 or len(packet) <= data + count:
        return None
    packet = bytearray(packet[:data] + packet[data + count:])
    for where, size, order, change in ((8, 4, sys.byteorder, -count), (12, 4, sys.byteorder, -count), (tcp + 4, 4, "big", count),
                                       (at + (2 if old else 4), 2, "big", -count)):
        number = int.from_bytes(packet[where:where + size], order) + change
        packet[where:where + size] = (number & (1 << 8 * size) - 1).to_bytes(size, order)
    return bytes(packet)


def elsewhere(packet, link_type, number, seconds):
    """The packet that much later, between two hosts that no other number has."""
    packet = bytearray(packet)
    packet[0:4] = (int.from_bytes(packet[0:4], sys.byteorder) + seconds).to_bytes(4, sys.byteorder)
    at = 16 + NETWORK_AT[link_type]
    hosts = (at + 12, at + 16) if packet[at] >> 4 == 4 else (at + 8, at + 24)
    for host in hosts if packet[at] >> 4 in (4, 6) else ():
        packet[host + 1] ^= number >> 8
        packet[host + 2] ^= number & 255
    return bytes(packet)


def begun_everywhere(source, target, most, step=1, within=(0,)):
    """From every step-th packet on the next `most`, one after the other as connections of hosts of their own; from so many bytes `within`
    its segment, too, where it has them. How many times."""
    data = pathlib.Path(source).read_bytes()
    packets, link_type = packets_of(data), int.from_bytes(data[20:24], sys.byteorder)
    times = [int.from_bytes(p[0:4], sys.byteorder) for p in packets]
    firsts = [(start, without_first(packets[start], link_type, n) if n else packets[start]) for start in range(0, len(packets), step) for n in within]
    starts = [(start, first) for start, first in firsts if first]
    long = max(times) - min(times) + 1
    with open(target, "wb") as out:
        out.write(data[:24])
        for n, (start, first) in enumerate(starts):
            out.writelines(elsewhere(p, link_type, n, n * long) for p in [first, *packets[start + 1:start + most]])
    return len(starts)


class Capture:
    """`with Capture(path, "tcp port 1234"):` what happens inside is written to the path."""

    def __init__(self, path, expression, snap=262144, most=MOST_BYTES):
        self.path, self.most = pathlib.Path(path), most
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
        if self.path.stat().st_size > self.most:
            raise RuntimeError(f"{self.path} is larger than {self.most} bytes")
        print(f"{self.path.name}: {self.path.stat().st_size} bytes")

