#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Connections that began before telltale, bodies that are not copied, descriptors that are reused, roles, scope and exit status."""
import http.client
import os
import pathlib
import platform
import queue
import signal
import socket
import subprocess
import sys
import threading
import time

import lib

CHURN = lib.scaled(10000)


def test_open_before_the_start():
    with lib.Services() as services:
        nginx, port = services.nginx("location / { return 200 hello; }")
        clients = [http.client.HTTPConnection("127.0.0.1", port) for _ in range(3)]
        names = {}
        for number, client in enumerate(clients):
            client.request("GET", f"/before/{number}")
            client.getresponse().read()
            names[number] = "%s:%d" % client.sock.getsockname()
        with lib.Agent(nginx.pid) as agent:
            for turn in range(2):
                for number, client in enumerate(clients):
                    client.request("GET", f"/after/{number}/{turn}")
                    client.getresponse().read()
    found = agent.result.of(protocol="http")
    agent.result.counts(sorted(x["resource"] for x in found), sorted(f"/after/{n}/{t}" for n in range(3) for t in range(2)), "requests seen")
    for x in found:
        lib.equal((x["kind"], x["server"], x["client"], x["status"], x["complete"]),
                  ("server", f"127.0.0.1:{port}", names[int(x["resource"].split("/")[2])], "200", True), x["resource"])


REQUEST, ANSWER = b"GET /h HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FINS = 50  # connections of each kind
# Kinds of connections whose FIN comes before their server's end is known: what their client sends, whether it shuts down only, whether it is read.
EARLY = ((b"", False, True), (b"", False, False), (b"", True, True), (b"hello", False, True), (REQUEST, True, True))


def fin_first(sent, shut, read, listener):
    """Bytes that a connection moved, counted at both ends."""
    with socket.create_connection(listener.getsockname()) as client:
        client.sendall(sent)
        if shut:
            client.shutdown(socket.SHUT_WR)
        else:
            client.close()
        with listener.accept()[0] as server:
            if not read:
                return 0
            while server.recv(100):
                pass
            if sent != REQUEST:
                return 2 * len(sent)
            server.sendall(ANSWER)
        while client.recv(1000):
            pass
        return 2 * len(REQUEST + ANSWER)


def fins():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        lib.tell(moved=sum(fin_first(*kind, listener) for kind in EARLY for _ in range(FINS)))


def check_no_byte_more(result, moved):
    """A FIN is no byte, and nothing lacks where it was one."""
    result.check_lost({})
    # A connection whose end was not seen as it ended may have one byte more, for each run that was missed.
    got = result.metric("network_io_bytes_total")
    lib.check(moved - result.missed * len(REQUEST + ANSWER) <= got <= moved + result.missed, f"bytes: got {got}, want {moved}")
    for name in ("telltale_stream_holes_total", "telltale_stream_missing_bytes_total"):
        lib.check(result.metric(name) <= result.missed, f"{name}: {result.metric(name)}")


def test_fin_before_accept():
    result = lib.run("fins")
    check_no_byte_more(result, result.told["moved"])
    result.counts(len(result.of(protocol="http", operation="GET", status="200", complete=True)), 2 * FINS, "requests")


def test_half_closed_before_the_start():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pairs = []
        for _ in range(FINS):
            client = socket.create_connection(listener.getsockname())
            pairs.append((client, listener.accept()[0]))
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
        with lib.Agent(os.getpid()) as agent:
            for client, server in pairs:
                while server.recv(100):
                    pass
                server.sendall(b"world")
                server.close()
                while client.recv(100):
                    pass
                client.close()
    # "hello" was sent before, and read afterwards.
    check_no_byte_more(agent.result, FINS * (len("hello") + 2 * len("world")))


def paced_get(port, path, seconds):
    """Reads slowly; returns (bytes of the response, seconds from the request to its last byte)."""
    with socket.create_connection(("127.0.0.1", port)) as s:
        begin = last = time.monotonic()
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        total = 0
        while True:
            data = s.recv(1 << 18)
            if not data:
                return total, last - begin
            last = time.monotonic()
            total += len(data)
            due = begin + seconds * total / (20 << 20)
            time.sleep(max(0, due - time.monotonic()))


def sendfile():
    with lib.Services() as services:
        (services.dir / "big").write_bytes(os.urandom(1 << 20) * 20)
        _, port = services.nginx(f"root {services.dir}; sendfile on; sendfile_max_chunk 512k;")
        total, took = paced_get(port, "/big", 2)
        lib.tell(total=total, took=took)


def test_sendfile_is_counted():
    result = lib.run("sendfile")
    served = result.of(protocol="http", kind="server", resource="/big")
    asked = result.of(protocol="http", kind="client", resource="/big")
    lib.equal([(x["status"], x["response_bytes"], x["complete"]) for x in served], [("200", result.told["total"], True)], "served")
    lib.equal([(x["status"], x["response_bytes"], x["complete"]) for x in asked], [("200", result.told["total"], True)], "asked")
    lib.check(result.told["took"] >= 1.9, "the download was not paced")


def churn():
    """Threads of one process that open, use and close connections, so that descriptors are handed from one to another all the time."""
    with lib.Services() as services:
        _, port = services.nginx("location / { return 200 $request_uri; }", workers=2)
        wanted = queue.Queue()
        for number in range(CHURN):
            wanted.put(number)
        sent, lock = {}, threading.Lock()

        def work():
            while True:
                try:
                    number = wanted.get_nowait()
                except queue.Empty:
                    return
                with socket.create_connection(("127.0.0.1", port)) as s:
                    name = "%s:%d" % s.getsockname()
                    s.sendall(f"GET /n{number}/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                    while s.recv(4096):
                        pass
                with lock:
                    sent[number] = name

        threads = [threading.Thread(target=work) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        lib.tell(done=len(sent))


def test_descriptors_reused_across_threads():
    result = lib.run("churn")
    lib.equal(result.told["done"], CHURN, "connections")
    refused = sum(result.lost().get(cause, 0) for cause in ("fd_race", "fd_gone")) + result.missed
    for kind in ("server", "client"):
        found = result.of(protocol="http", kind=kind)
        for x in found:
            # The path says whose connection it was sent on.
            if x["resource"] and (x["client"] or not result.missed):
                lib.equal(x["resource"].split("/")[2], x["client"], f"{kind}: address of {x['resource']}")
        whole = {x["resource"].split("/")[1] for x in found if x["complete"] and x["status"] == "200"}
        lib.check(len(whole) >= CHURN - refused and len(whole) <= CHURN, f"{kind}: {len(whole)} whole exchanges, {refused} refused, lost {result.lost()}")
    result.check_accounts()


RECVFROM = {"x86_64": "45", "aarch64": "207"}[platform.machine()]


def receives(thread):
    """It is within the system call."""
    return pathlib.Path(f"/proc/self/task/{thread.native_id}/syscall").read_text().split()[0] == RECVFROM


def across_dup2():
    """A receive is blocked on connection a while another thread puts connection b under its descriptor; then both are answered."""
    replaced = threading.Event()
    at_once = threading.Event()
    at_once.set()

    def serve(listener, may_answer):
        connection, _ = listener.accept()
        while request := connection.recv(4096):
            may_answer.wait()
            path = request.split()[1]
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path))
        connection.close()

    a_listener, b_listener = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    servers = [threading.Thread(target=serve, args=(a_listener, replaced)), threading.Thread(target=serve, args=(b_listener, at_once))]
    for server in servers:
        server.start()
    ports = a_listener.getsockname()[1], b_listener.getsockname()[1]
    lib.tell(ports=ports)
    a = socket.create_connection(("127.0.0.1", ports[0]))
    b = socket.create_connection(("127.0.0.1", ports[1]))
    a.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
    answers = []
    reader = threading.Thread(target=lambda: answers.append(a.recv(4096)))
    reader.start()
    lib.wait_for(lambda: receives(reader), "a receive that is blocked")
    os.dup2(b.fileno(), a.fileno())
    replaced.set()
    reader.join()
    a.sendall(b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
    answers.append(a.recv(4096))
    lib.tell(answers=[x[-2:].decode() for x in answers])
    a.close()
    b.close()
    for server in servers:
        server.join()


def test_receive_blocked_across_dup2():
    for _ in range(max(2, lib.scaled(5))):
        result = lib.run("across_dup2")
        lib.equal(result.told["answers"], ["/a", "/b"], "what the program got")
        for kind in ("client", "server"):
            found = {x["resource"]: x for x in result.of(protocol="http", kind=kind)}
            for path, port in zip(("/a", "/b"), result.told["ports"]):
                x = found.get(path)
                lib.check(x or result.lost().get("fd_race") or result.missed, f"{kind} {path}: neither seen nor refused, lost {result.lost()}")
                if x:
                    lib.equal(x["server"], f"127.0.0.1:{port}", f"{kind}: server of {path}")
                if x and x["complete"]:
                    lib.equal((x["status"], x["attributes"].get("http.response.body.size")), ("200", 2), f"{kind}: answer of {path}")


def test_exit_status_is_passed_on():
    for script, status in (("exit 7", 7), ("kill -TERM $$", 143), ("true", 0)):
        done = subprocess.run([lib.TELLTALE, "run", "--quiet", "--", "sh", "-c", script])
        lib.equal(done.returncode, status, script)


def test_the_command_outlives_a_killed_telltale():
    with lib.Services() as services:
        mark = services.dir / "mark"
        process = subprocess.Popen([lib.TELLTALE, "run", "--quiet", "--", "sh", "-c", f"echo $$ >{mark}.pid; sleep 2; echo done >{mark}"])
        lib.wait_for(lambda: pathlib.Path(f"{mark}.pid").exists(), "the command")
        process.send_signal(signal.SIGKILL)
        process.wait()
        lib.wait_for(mark.exists, "the command's end")


def test_signals_reach_the_command():
    process = subprocess.Popen([lib.TELLTALE, "run", "--quiet", "--", "sh", "-c", "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done"],
                               stdout=subprocess.PIPE, text=True)
    lib.equal(process.stdout.readline(), "up\n", "the command's output")
    process.terminate()
    lib.equal(process.wait(60), 3, "status")


def test_run_as_another_user():
    done = subprocess.run([lib.TELLTALE, "run", "--quiet", "--user", "nobody", "--", "id", "-un"], capture_output=True, text=True)
    lib.equal((done.returncode, done.stdout.strip()), (0, "nobody"), "user")


def short_lived():
    with lib.Services() as services:
        _, port = services.nginx("location / { return 200 hello; }")
        for _ in range(20):
            subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}/short"], check=True)


def test_names_of_short_lived_processes():
    result = lib.run("short_lived")
    found = result.of(protocol="http", kind="client", resource="/short")
    result.counts([(x["comm"], x["service"]) for x in found], [("curl", "curl")] * 20, "who asked")


def test_scope_leaves_others_alone():
    with lib.Services() as services:
        watched, port = services.nginx("location / { return 200 watched; }")
        _, other = services.nginx("location / { return 200 other; }")
        with lib.Agent(watched.pid) as agent:
            for target in (port, other):
                for _ in range(5):
                    subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{target}/x"], check=True)
    agent.result.counts([(x["kind"], x["server"]) for x in agent.result.of(protocol="http")], [("server", f"127.0.0.1:{port}")] * 5, "exchanges")


def with_many_listeners():
    pass


def test_listeners_beyond_the_limit():
    """Listening sockets there is no room for are counted."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(20)]
    result = lib.run("with_many_listeners", "--limit", "listeners=16")
    for s in listeners:
        s.close()
    lib.check(result.metric("telltale_listeners_refused_total") >= 4, "listeners refused: " + str(result.metric("telltale_listeners_refused_total")))
    lib.equal(lib.run("with_many_listeners", "--limit", "listeners=65536").metric("telltale_listeners_refused_total"), 0, "with room for all")


if __name__ == "__main__":
    lib.need("nginx", "curl")
    sys.exit(lib.main(globals()))
