#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every HTTP/2 request and every gRPC call counted once at each end, with what it was and its outcome: against what the client says it did.
And attached in the middle of connections: what is said then is right or not said."""
import collections
import pathlib
import re
import subprocess
import sys

import lib

PEER = lib.ROOT / "tests" / "golden" / "grpc" / "peer.py"
REQUESTS = lib.scaled(20000)
EACH = REQUESTS // 10  # a connection whose header table has a hole is not understood any more
CALLS = 10 * lib.scaled(100)


def h2load(target, requests, clients, *options):
    out = subprocess.run(["h2load", "-n", str(requests), "-c", str(clients), "-t", "1", *options, target], check=True, capture_output=True,
                         text=True).stdout
    lib.tell(succeeded=int(re.search(r"(\d+) succeeded", out).group(1)))


def nginx():
    with lib.Services() as services:
        port = lib.free_port()
        services.nginx("location / { return 200 hello; }", port=port, listen=f"127.0.0.1:{port} http2")
        lib.wait_for(lambda: lib.port_answers(port), "nginx")
        h2load(f"http://127.0.0.1:{port}/a/b?x=1", REQUESTS, 10, "-m", "32")


def nghttpd():
    with lib.Services() as services:
        port = lib.free_port()
        (services.dir / "index.html").write_text("<p>telltale</p>\n")
        services.start(["nghttpd", "--no-tls", "-d", services.dir, port])
        lib.wait_for(lambda: lib.port_answers(port), "nghttpd")
        h2load(f"http://127.0.0.1:{port}/index.html", REQUESTS // 4, 10, "-m", "32")


class GrpcServer:
    def __enter__(self):
        self.process = subprocess.Popen([lib.PYTHON, PEER, "server"], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def calls():
    with GrpcServer() as server:
        subprocess.run([lib.PYTHON, PEER, "client", f"127.0.0.1:{server.port}", "many", str(CALLS)], check=True, stdout=subprocess.DEVNULL)


def both_ends(result, protocol, want):
    for kind in ("server", "client"):
        found = collections.Counter((x["operation"], x["resource"], x["status"], x["complete"]) for x in result.of(kind=kind, protocol=protocol))
        result.counts(dict(found), want, f"{kind} exchanges; lost {result.lost()}", each=EACH)


def test_nginx():
    result = lib.run("nginx")
    lib.equal(result.told["succeeded"], REQUESTS, "h2load's own count")
    both_ends(result, "http2", {("GET", "/a/b?x=REDACTED", "200", True): REQUESTS})
    for end in ("server", "client"):
        result.counts(result.metric(f"http_{end}_request_duration_seconds_count"), REQUESTS, f"{end} histogram", each=EACH)
    result.counts(result.metric("traces_service_graph_request_total", client="h2load", server="nginx"), REQUESTS, "one count an exchange in the map", each=EACH)
    result.check_accounts()


def test_nghttpd():
    result = lib.run("nghttpd")
    both_ends(result, "http2", {("GET", "/index.html", "200", True): REQUESTS // 4})


def has_grpc():
    return subprocess.run([lib.PYTHON, "-c", "import grpc"], stderr=subprocess.DEVNULL).returncode == 0


def test_grpc():
    if not has_grpc():
        lib.skip("python3-grpcio is not installed")
    result = lib.run("calls")
    tenth = CALLS // 10
    both_ends(result, "grpc", {("Get", "shop.Items", "OK", True): CALLS, ("Chat", "shop.Items", "OK", True): tenth,
                               ("Missing", "shop.Items", "NOT_FOUND", True): tenth})
    lib.equal(result.of(protocol="http2"), [], "nothing of it is plain HTTP/2")
    for x in result.of(protocol="grpc", operation="Chat"):
        lib.equal((x["attributes"]["rpc.request.message.count"], x["attributes"]["rpc.response.message.count"]), (3, 3), "messages of a chat")
    lib.equal({x["error"] for x in result.of(protocol="grpc", operation="Missing", kind="server")}, {False}, "not the server's failure")
    lib.equal({x["error"] for x in result.of(protocol="grpc", operation="Missing", kind="client")}, {True}, "the client's")
    for end in ("server", "client"):
        lib.equal(result.metric(f"rpc_{end}_call_duration_seconds_count"), CALLS + 2 * tenth, f"{end} histogram")
    result.check_accounts()


def connections(port):
    """Of a port, established."""
    rows = [line.split() for line in open("/proc/net/tcp").readlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


def middle_http2():
    """h2load runs before telltale does: which requests there are is known, so is every value that may be shown."""
    with lib.Services() as services:
        port = lib.free_port()
        process, _ = services.nginx("location / { return 200 hello; } location /none { return 404; }", port=port, listen=f"127.0.0.1:{port} http2")
        lib.wait_for(lambda: lib.port_answers(port), "nginx")
        url = f"http://127.0.0.1:{port}"
        client = services.start(["h2load", "-c", "2", "-m", "4", "-D", "600", "--rps", "50", f"{url}/a", f"{url}/none", f"{url}/b?c=1"])
        lib.wait_for(lambda: connections(port) == 2, "its connections")
        with lib.Agent(client.pid, process.pid) as agent:
            lib.wait_for(lambda: agent.shown() > 300, "exchanges")
        return agent.result


def test_attached_in_the_middle_http2():
    found = middle_http2().of(protocol="http2")
    lib.check(len(found) > 50, f"{len(found)} exchanges")
    possible = {("/a", "200"), ("/none", "404"), ("/b?c=REDACTED", "200")}
    for x in found:
        lib.check(x["operation"] in (None, "GET"), x)
        lib.check(any(x["resource"] in (None, path) and x["status"] in (None, status) for path, status in possible), x)
    known = sum(x["resource"] is not None for x in found)
    print(f"attached in the middle: {known} of {len(found)} paths known")


def test_attached_in_the_middle_grpc():
    if not has_grpc():
        lib.skip("python3-grpcio is not installed")
    with GrpcServer() as server:
        client = subprocess.Popen([lib.PYTHON, PEER, "client", f"127.0.0.1:{server.port}", "middle"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True)
        client.stdout.readline()
        with lib.Agent(client.pid, server.process.pid) as agent:
            client.communicate("go\n")
    methods = {"Get": ("OK",), "List": ("OK",), "Put": ("OK",), "Chat": ("OK",), "Fail": ("INTERNAL",), "Missing": ("NOT_FOUND",),
               "None": ("UNIMPLEMENTED",), "Slow": ("DEADLINE_EXCEEDED", "CANCELLED")}
    found = [x for x in agent.result.exchanges if x["protocol"] in ("http2", "grpc")]
    lib.check(len(found) > 10, f"{len(found)} exchanges")
    for x in found:
        if x["protocol"] == "grpc":
            lib.check(x["resource"] in (None, "shop.Items") and x["operation"] in (None, *methods), x)
            lib.check(x["status"] is None or x["operation"] is None or x["status"] in methods[x["operation"]], x)
        else:
            lib.check(x["operation"] in (None, "POST") and x["status"] in (None, "200"), x)
            lib.check(x["resource"] is None or x["resource"].rsplit("/", 1)[1] in methods, x)
    known = sum(x["resource"] is not None for x in found)
    print(f"attached in the middle: {known} of {len(found)} methods known")


if __name__ == "__main__":
    lib.need("nginx", "h2load", "nghttpd")
    sys.exit(lib.main(globals()))
