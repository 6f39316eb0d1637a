# SPDX-License-Identifier: Apache-2.0
"""A Pulsar broker as far as a client needs one, written from the specification (PulsarApi.proto): topics in memory, answers in order, and
refusals for names that ask for them. It logs what it was asked."""
import socket
import struct
import threading
import time

TYPES = {name: number for number, name in enumerate(
    "CONNECT CONNECTED SUBSCRIBE PRODUCER SEND SEND_RECEIPT SEND_ERROR MESSAGE ACK FLOW UNSUBSCRIBE SUCCESS ERROR CLOSE_PRODUCER CLOSE_CONSUMER "
    "PRODUCER_SUCCESS PING PONG REDELIVER PARTITIONED_METADATA PARTITIONED_METADATA_RESPONSE LOOKUP LOOKUP_RESPONSE CONSUMER_STATS "
    "CONSUMER_STATS_RESPONSE REACHED_END_OF_TOPIC SEEK GET_LAST_MESSAGE_ID GET_LAST_MESSAGE_ID_RESPONSE ACTIVE_CONSUMER_CHANGE "
    "GET_TOPICS_OF_NAMESPACE GET_TOPICS_OF_NAMESPACE_RESPONSE GET_SCHEMA GET_SCHEMA_RESPONSE AUTH_CHALLENGE AUTH_RESPONSE ACK_RESPONSE".split(), 2)}
NAMES = {number: name for name, number in TYPES.items()}


def varint(v):
    out = b""
    while True:
        out += bytes([v & 0x7f | (0x80 if v > 0x7f else 0)])
        v >>= 7
        if not v:
            return out


def message(fields):
    """{number: int, str, bytes or dict}"""
    out = b""
    for number, v in fields.items():
        if isinstance(v, int):
            out += varint(number << 3) + varint(v)
        else:
            v = message(v) if isinstance(v, dict) else v.encode() if isinstance(v, str) else v
            out += varint(number << 3 | 2) + varint(len(v)) + v
    return out


def fields(data):
    found, at = {}, 0

    def number():
        nonlocal at
        v = shift = 0
        while True:
            byte = data[at]
            at += 1
            v |= (byte & 0x7f) << shift
            shift += 7
            if not byte & 0x80:
                return v
    while at < len(data):
        key = number()
        if key & 7 == 0:
            found[key >> 3] = number()
        elif key & 7 == 2:
            n = number()
            found[key >> 3] = data[at:at + n]
            at += n
        else:
            at += {1: 8, 5: 4}[key & 7]
    return found


class Broker:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.topics, self.log, self.lock = {}, [], threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            peer, _ = self.listener.accept()
            threading.Thread(target=Peer(self, peer).run, daemon=True).start()


class Peer:
    def __init__(self, broker, peer):
        self.broker, self.peer = broker, peer
        self.producers, self.consumers, self.permits, self.sent = {}, {}, {}, {}

    def say(self, name, body, payload=b""):
        number = TYPES[name]
        command = message({1: number, number: body})
        self.peer.sendall(struct.pack(">II", 4 + len(command) + len(payload), len(command)) + command + payload)

    def deliver(self):
        for consumer, topic in self.consumers.items():
            stored = self.broker.topics.get(topic, [])
            while self.permits.get(consumer, 0) and self.sent.get(consumer, 0) < len(stored):
                n = self.sent.get(consumer, 0)
                self.say("MESSAGE", {1: consumer, 2: {1: 1, 2: n}}, stored[n])
                self.sent[consumer] = n + 1
                self.permits[consumer] -= 1

    def run(self):
        data = b""
        try:
            while got := self.peer.recv(1 << 20):
                data += got
                while len(data) >= 4 and len(data) >= 4 + struct.unpack(">I", data[:4])[0]:
                    total, size = struct.unpack(">II", data[:8])
                    outer = fields(data[8:8 + size])
                    payload = data[8 + size:4 + total]
                    data = data[4 + total:]
                    self.take(NAMES.get(outer[1], str(outer[1])), fields(outer.get(outer[1], b"")), payload)
                    self.deliver()
        except OSError:
            pass
        self.peer.close()

    def take(self, name, f, payload):
        with self.broker.lock:
            self.broker.log.append(name)
        handler = getattr(self, name.lower(), None)
        if handler:
            handler(f, payload)

    def connect(self, f, _):
        self.say("CONNECTED", {1: "golden", 2: 19})
        self.say("PING", {})

    def ping(self, f, _):
        self.say("PONG", {})

    def partitioned_metadata(self, f, _):
        if b"missing" in f[1]:
            self.say("PARTITIONED_METADATA_RESPONSE", {2: f[2], 3: 1, 4: 11, 5: "no such topic"})
        else:
            self.say("PARTITIONED_METADATA_RESPONSE", {1: 0, 2: f[2], 3: 0})

    def lookup(self, f, _):
        self.say("LOOKUP_RESPONSE", {1: f"pulsar://127.0.0.1:{self.broker.port}", 3: 1, 4: f[2], 5: 1})

    def producer(self, f, _):
        if b"forbidden" in f[1]:
            self.say("ERROR", {1: f[3], 2: 4, 3: "not allowed to produce"})
            return
        self.producers[f[2]] = f[1]
        self.say("PRODUCER_SUCCESS", {1: f[3], 2: "golden-producer", 3: 1 << 63})

    def send(self, f, payload):
        topic = self.producers[f[1]]
        if b"full" in topic:
            self.say("SEND_ERROR", {1: f[1], 2: f[2], 3: 2, 4: "cannot be stored"})
            return
        self.broker.topics.setdefault(topic, []).append(payload)
        self.say("SEND_RECEIPT", {1: f[1], 2: f[2], 3: {1: 1, 2: len(self.broker.topics[topic]) - 1}})

    def subscribe(self, f, _):
        if b"busy" in f[1]:
            self.say("ERROR", {1: f[5], 2: 5, 3: "Exclusive consumer is already connected"})
            return
        self.consumers[f[4]] = f[1]
        self.say("SUCCESS", {1: f[5]})
        self.say("ACTIVE_CONSUMER_CHANGE", {1: f[4], 2: 1})

    def flow(self, f, _):
        self.permits[f[1]] = self.permits.get(f[1], 0) + f[2]

    def ack(self, f, _):
        if 8 in f:
            self.say("ACK_RESPONSE", {1: f[1], 6: f[8]})

    def succeed(self, f, _):
        self.say("SUCCESS", {1: f[2]})

    def seek(self, f, _):
        self.say("SUCCESS", {1: f[2]})
        self.say("CLOSE_CONSUMER", {1: f[1], 2: 0})  # as a broker does: the client subscribes anew
        self.consumers.pop(f[1], None)
        self.sent.pop(f[1], None)
        self.permits.pop(f[1], None)

    close_producer = unsubscribe = succeed

    def close_consumer(self, f, _):
        self.consumers.pop(f[1], None)
        self.say("SUCCESS", {1: f[2]})

    def get_last_message_id(self, f, _):
        self.say("GET_LAST_MESSAGE_ID_RESPONSE", {1: {1: 1, 2: 0}, 2: f[2]})

    def get_topics_of_namespace(self, f, _):
        self.say("GET_TOPICS_OF_NAMESPACE_RESPONSE", {1: f[1], 2: "persistent://public/default/news"})

    def get_schema(self, f, _):
        self.say("GET_SCHEMA_RESPONSE", {1: f[1], 2: 11, 3: "no schema"})
