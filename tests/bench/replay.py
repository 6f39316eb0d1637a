# SPDX-License-Identifier: Apache-2.0
"""A capture said over and over: each time later, and between other addresses, so that it is other connections that say the same."""
import struct

FILE_HEAD, PACKET_HEAD, ETHERNET = 24, 16, 14
# Where the two addresses stand in a packet of this type, how long each is, and which of its bytes are changed.
ADDRESSES = {b"\x08\x00": ((12, 16), (1, 2)), b"\x86\xdd": ((8, 24), (13, 14))}


def packets(data):
    """Seconds, the rest of the head, the frame. Little-endian pcap of Ethernet, as all captures below tests/golden are."""
    if data[:4] != b"\xd4\xc3\xb2\xa1" or data[20:24] != b"\x01\0\0\0":
        raise ValueError("not a capture of Ethernet in the usual format")
    at = FILE_HEAD
    while at < len(data):
        seconds, _, captured, _ = struct.unpack_from("<IIII", data, at)
        yield seconds, data[at + 4:at + PACKET_HEAD], data[at + PACKET_HEAD:at + PACKET_HEAD + captured]
        at += PACKET_HEAD + captured


def moved(frame, number):
    """The frame between other addresses."""
    found = ADDRESSES.get(frame[12:14])
    if not found:
        return frame
    frame = bytearray(frame)
    for start in found[0]:
        for byte, part in zip(found[1], (number >> 8, number)):
            at = ETHERNET + start + byte
            frame[at] = (frame[at] + part) & 255
    return frame


def write(capture, path, times):
    """At most 65536 times."""
    data = capture.read_bytes()
    each = list(packets(data))
    step = each[-1][0] - each[0][0] + 1
    with open(path, "wb") as out:
        out.write(data[:FILE_HEAD])
        for number in range(times):
            for seconds, head, frame in each:
                out.write(struct.pack("<I", seconds + number * step) + head)
                out.write(moved(frame, number))
