# SPDX-License-Identifier: Apache-2.0
"""The conversations of the golden captures: what each end said, in the order it was said, to be said again over sockets of our own."""
import ipaddress
import pathlib
import struct

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden"
FIN, SYN, RST = 1, 2, 4


class Conversation:
    """`steps`: (who, bytes), who being "client" or "server"; an end of the stream is (who, None), a reset (who, "reset")."""

    def __init__(self, capture, transport, client, server):
        self.capture, self.transport, self.client, self.server = capture, transport, client, server
        self.steps = []
        self.whole = transport == "udp"

    @property
    def bytes(self):
        return sum(len(data) for _, data in self.steps if isinstance(data, bytes))


def packets(path):
    """IP packets of a capture of Ethernet, little-endian: what the golden captures are. None in place of one that is not whole."""
    data = path.read_bytes()
    at = 24
    while at < len(data):
        captured, length = struct.unpack_from("<8xII", data, at)
        frame = data[at + 16:at + 16 + captured]
        at += 16 + captured
        yield frame[14:] if captured == length else None


def segments(path):
    """(protocol, source, target, payload of IP)"""
    for packet in packets(path):
        if packet is None:
            yield None
        elif packet[0] >> 4 == 4:
            head = (packet[0] & 15) * 4
            total = struct.unpack_from(">H", packet, 2)[0]
            yield packet[9], ipaddress.ip_address(packet[12:16]), ipaddress.ip_address(packet[16:20]), packet[head:total]
        elif packet[0] >> 4 == 6:
            total = 40 + struct.unpack_from(">H", packet, 4)[0]
            yield packet[6], ipaddress.ip_address(packet[8:24]), ipaddress.ip_address(packet[24:40]), packet[40:total]


def name(address, port):
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


class Stream:
    """Puts the segments of a connection's two directions in order; what came again is left out."""

    def __init__(self, conversation):
        self.conversation, self.next, self.over = conversation, {}, False
        self.said = {"client": b"", "server": b""}
        self.closed = None  # who closed first

    def take(self, who, seq, flags, data):
        if flags & SYN:
            self.next[who] = (seq + 1) & 0xffffffff
            self.conversation.whole |= len(self.next) == 2
            return
        if who not in self.next or self.over:
            return
        again = (self.next[who] - seq) & 0xffffffff
        if again >= 1 << 31:  # something is missing in between
            self.conversation.whole = False
            return
        if data and again and data[:again] != self.said[who][-again:][:len(data)]:  # no socket says it in two ways
            self.conversation.whole = False
        data = data[again:]
        self.said[who] += data
        if data:
            self.conversation.steps.append((who, data))
            self.next[who] = (self.next[who] + len(data)) & 0xffffffff
        if flags & FIN and (who, None) not in self.conversation.steps:
            self.conversation.steps.append((who, None))
            self.closed = self.closed or who
            self.next[who] = (self.next[who] + 1) & 0xffffffff
        if flags & RST:
            self.conversation.whole &= self.closed != who  # who has closed and resets what comes then: a shutdown would not say that
            self.conversation.steps.append((who, "reset"))
            self.over = True


def of_capture(path):
    """Every conversation of a capture, or None where packets are not whole."""
    found, streams = {}, {}
    for segment in segments(path):
        if segment is None:
            return None
        protocol, source, target, data = segment
        if protocol not in (6, 17):
            continue
        ports = struct.unpack_from(">HH", data)
        ends = name(source, ports[0]), name(target, ports[1])
        key = protocol, frozenset(ends)
        if protocol == 17:
            c = found.setdefault(key, Conversation(path, "udp", *ends))
            c.steps.append(("client" if ends[0] == c.client else "server", data[8:]))
            continue
        seq, flags, payload = struct.unpack_from(">I", data, 4)[0], data[13], data[(data[12] >> 4) * 4:]
        if flags & SYN and not flags & 16 and key in found:
            return None  # ports used twice: told apart by nothing in the expected lines
        if key not in found:
            found[key] = Conversation(path, "tcp", *(ends if not (flags & SYN and flags & 16) else ends[::-1]))
            streams[key] = Stream(found[key])
        streams[key].take("client" if ends[0] == found[key].client else "server", seq, flags, payload)
    return list(found.values())


def all_whole():
    """(conversations that can be said again, how many captures have one that cannot)"""
    whole, others = [], 0
    for path in sorted(GOLDEN.glob("*/*.pcap")):
        found = of_capture(path)
        whole += [c for c in found or () if c.whole and c.bytes]
        others += found is None or any(not c.whole for c in found)
    return whole, others
