#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Metrics as Prometheus takes them, the series cap, the API, watching, and reloading."""
import contextlib
import json
import os
import pathlib
import subprocess
import re
import signal
import sys
import tempfile
import threading
import urllib.request

import lib


def test_promtool_and_a_real_prometheus():
    lib.need("promtool", "prometheus")
    with lib.Services() as services:
        nginx, port = services.nginx("location / { return 200 hello; }")
        redis, redis_port = services.redis()
        with lib.Agent(nginx.pid, redis.pid) as agent:
            for _ in range(50):
                subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}/a"], check=True)
            subprocess.run(["redis-benchmark", "-p", str(redis_port), "-t", "set,get", "-n", "200", "-q"], check=True, stdout=subprocess.DEVNULL)
            checked = subprocess.run(["promtool", "check", "metrics"], input=agent.get("/metrics"), capture_output=True, text=True)
            lib.equal((checked.returncode, checked.stderr.strip()), (0, ""), "promtool check metrics")

            web = lib.free_port()
            (services.dir / "prometheus.yml").write_text(
                f"global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: telltale, static_configs: [{{targets: ['127.0.0.1:{agent.port}']}}]}}]\n")
            services.start(["prometheus", f"--config.file={services.dir}/prometheus.yml", f"--storage.tsdb.path={services.dir}/tsdb",
                            f"--web.listen-address=127.0.0.1:{web}"], "prometheus")

            def scraped():
                try:
                    query = f"http://127.0.0.1:{web}/api/v1/query?query=http_server_request_duration_seconds_count"
                    with urllib.request.urlopen(query, timeout=10) as answer:
                        return sum(float(r["value"][1]) for r in json.load(answer)["data"]["result"])
                except OSError:
                    return 0

            lib.wait_for(lambda: scraped() >= 50, "the requests in a scrape")
            lib.equal(scraped(), 50, "requests as Prometheus counts them")


PATHS = 20000


def many_paths():
    with lib.Services() as services:
        _, port = services.nginx("location / { return 200 hello; }")
        words = ["ab", "cd", "ef", "gh", "ij", "kl", "mn", "op", "qr", "st"]
        uris = services.dir / "uris"
        with open(uris, "w") as f:
            for n in range(PATHS):
                f.write(f"http://127.0.0.1:{port}/" + "/".join(words[n // 10**i % 10] + words[(n // 10**i + i) % 10] for i in range(5)) + "\n")
        subprocess.run(["h2load", "--h1", "-n", str(PATHS), "-c", "8", "-t", "1", "-i", str(uris)], check=True, stdout=subprocess.DEVNULL)


def test_series_are_bounded():
    lib.need("h2load")
    result = lib.run("many_paths", "--limit", "series=100", limit=240)
    lib.check(result.metric("telltale_series") <= 100, f"{result.metric('telltale_series')} series")
    server = result.metric("http_server_request_duration_seconds_count")
    lib.equal(server, PATHS, f"requests counted, whatever their path; lost {result.lost()}")
    lib.check('otel_metric_overflow="true"' in result.metrics_text or result.metric("telltale_series") < 100, "the overflow series says so")


def test_watching():
    with lib.Services() as services:
        nginx, port = services.nginx("location / { return 200 hello; }")
        with lib.Agent(nginx.pid) as agent:
            watch = subprocess.Popen([lib.TELLTALE, "watch", "--connect", f"127.0.0.1:{agent.port}", "--json"], stdout=subprocess.PIPE, text=True)
            lib.wait_for(lambda: re.search(r"^telltale_watch_clients 1$", agent.get("/metrics"), re.M), "the watcher")
            subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}/watched"], check=True)
            line = json.loads(watch.stdout.readline())
            watch.terminate()
            watch.wait()
    lib.equal((line["resource"], line["status"]), ("/watched", "200"), "the line")


def test_watching_what_is_chosen():
    """An agent elsewhere sends all; what --where does not choose is not shown, as lines for people and as JSON."""
    with lib.Services() as services:
        nginx, port = services.nginx("location / { return 200 hello; } location /bad { return 500; }")
        with lib.Agent(nginx.pid) as agent:
            watches = [subprocess.Popen([lib.TELLTALE, "watch", "--connect", f"127.0.0.1:{agent.port}", "--where", "error=true && status>=500", "--where", "http.request.method=GET",
                                         *options], stdout=subprocess.PIPE, text=True) for options in (["--json"], [])]
            lib.wait_for(lambda: re.search(r"^telltale_watch_clients 2$", agent.get("/metrics"), re.M), "the watchers")
            for path in ("/good", "/bad"):
                subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}{path}"], check=True)
            lines = [watch.stdout.readline() for watch in watches]
            for watch in watches:
                watch.terminate()
                watch.wait()
    lib.equal((json.loads(lines[0])["resource"], " GET /bad 500 " in lines[1]), ("/bad", True), f"the first lines: {lines}")


def test_metrics_of_a_capture_are_alone():
    """On standard output beside nothing else: the summary is on the other."""
    done = subprocess.run([lib.TELLTALE, "read", "--metrics", "-", str(lib.ROOT / "tests/golden/http/nginx-curl.pcap")], capture_output=True, text=True, check=True)
    wrong = [line for line in done.stdout.splitlines() if not re.match(r"# (HELP|TYPE) \w+ |\w+(\{.*\})? [-+.\w]+$", line)]
    lib.equal((wrong, "http_server_request_duration_seconds_count" in done.stdout), ([], True), "standard output")
    lib.check("exchanges, " in done.stderr, f"the summary: {done.stderr}")


def recorded():
    with lib.Services() as services:
        _, port = services.nginx("location / { return 200 hello; } location /bad { return 500; }")
        redis, redis_port = services.redis()
        for path in ("/a", "/b?x=1", "/bad"):
            subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}{path}"], check=True)
        subprocess.run(["redis-cli", "-p", str(redis_port), "set", "k", "v"], check=True, stdout=subprocess.DEVNULL)


def test_a_recording_reads_as_it_was_seen():
    with tempfile.NamedTemporaryFile() as f:
        result = lib.run("recorded", "--record", f.name)
        lib.equal(os.stat(f.name).st_mode & 0o777, 0o600, "mode of the recording")
        done = subprocess.run([lib.TELLTALE, "read", "--json", f.name], capture_output=True, text=True, check=True)
    again = [json.loads(line) for line in done.stdout.splitlines()]
    lib.check(len(again) >= 8, f"{len(again)} exchanges")
    for live, replayed in zip(result.exchanges, again):
        lib.equal(replayed, live, "an exchange of the recording")
    lib.equal(len(again), len(result.exchanges), "exchanges")


def test_api_documents():
    with lib.Services() as services:
        nginx, port = services.nginx("location / { return 200 hello; } location /bad { return 500; }")
        with lib.Agent(nginx.pid) as agent:
            for path in ("/a", "/a", "/bad"):
                subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}{path}"], check=True)
            # An exchange waits a while for its other end before it is drawn.
            lib.wait_for(lambda: sum(e["count"] for e in json.loads(agent.get("/api/v1/map"))["edges"]) == 3, "three exchanges on the map")
            graph = json.loads(agent.get("/api/v1/map"))
            lib.check(any(e["server"] == "service:nginx" and e["protocol"] == "http" and e["count"] == 3 and e["failed"] == 1 for e in graph["edges"]),
                      f"edges: {graph['edges']}")
            rows = json.loads(agent.get("/api/v1/operations?service=nginx"))["operations"]
            lib.equal({(r["operation"], r["route"]): r["count"] for r in rows if r["kind"] == "server"}, {("GET", "/a"): 2, ("GET", "/bad"): 1}, "operations")
            failed = json.loads(agent.get("/api/v1/exchanges?kind=failed"))["exchanges"]
            lib.equal([x["resource"] for x in failed], ["/bad"], "failed exchanges")
            health = json.loads(agent.get("/api/v1/health"))
            lib.equal(health["exchanges"]["total"], 3, "exchanges in the health document")
            lib.equal(health["records"]["produced"], health["records"]["delivered"] + health["records"]["queued"] + health["records"]["lost"], "accounts")
            lib.check("telltale" in agent.get("/"), "the page")


def test_a_slow_watcher_is_told():
    """What a client did not read in time is counted, told to it on standard error, and nowhere else."""
    with lib.Services() as services, tempfile.NamedTemporaryFile("w+") as told, tempfile.TemporaryFile("w+") as out:
        process, port = services.nginx("location / { return 200 hello; }")
        with lib.Agent(process.pid, options=["--limit", "watch_bytes=65536"]) as agent:
            watch = subprocess.Popen([lib.TELLTALE, "watch", "--json", "--connect", f"127.0.0.1:{agent.port}"], stdout=out, stderr=told)

            def losses():
                return sum(int(n) for n in re.findall(r"(\d+) exchanges not shown", pathlib.Path(told.name).read_text()))

            def counted():
                return int(re.search(r"^telltale_watch_dropped_total (\d+)$", agent.get("/metrics"), re.M).group(1))

            lib.wait_for(lambda: re.search(r"^telltale_watch_clients 1$", agent.get("/metrics"), re.M), "the watcher")
            count = lib.scaled(20000)
            subprocess.run(["ab", "-q", "-k", "-n", str(count), "-c", "4", f"http://127.0.0.1:{port}/slow"], check=True, stdout=subprocess.DEVNULL)
            lib.wait_for(lambda: losses() == counted(), "what is lost is told")
        watch.wait()
        out.seek(0)
        shown = [json.loads(line) for line in out]
    counted = agent.result.metric("telltale_watch_dropped_total")
    lib.check(counted > 0, "nothing was lost: no test")
    lib.equal(sum(x["resource"] == "/slow" for x in shown), len(shown), "lines that are exchanges")
    lib.check(len(shown) + counted <= len(agent.result.exchanges), f"{len(shown)} shown, {counted} lost, {len(agent.result.exchanges)} in all")


@contextlib.contextmanager
def asking(url, first):
    """So many requests at once, and then one after the other until the end; the list has one element for each that was begun."""
    asked, done = [], threading.Event()

    def ask():
        while not done.is_set():
            for _ in range(1 if asked else first):
                asked.append(url)
                urllib.request.urlopen(url, timeout=60).close()
            done.wait(0.2)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield asked
    finally:
        done.set()
        thread.join()


def test_what_is_idle_goes():
    """Series, edges and operations; what comes back begins at 0."""
    with lib.Services() as services:
        process, port = services.nginx("location / { return 200 hello; }")
        with lib.Agent(process.pid, options=["--limit", "idle_expiry_s=4"]) as agent:
            def served():
                return re.findall(r"^http_server_request_duration_seconds_count\{.*\} (\d+)$", agent.get("/metrics"), re.M)

            def expired():
                return {table: int(n) for table, n in re.findall(r'^telltale_expired_total\{table="(\w+)"\} (\d+)$', agent.get("/metrics"), re.M)}

            for turn in (1, 2):
                # Asked again and again until all was seen: while that goes on nothing is idle, however slow this machine is.
                with asking(f"http://127.0.0.1:{port}/rare", 40 if turn == 1 else 1) as asked:
                    lib.wait_for(served, "the series")
                    lib.wait_for(lambda: "/rare" in agent.get("/api/v1/operations?service=nginx"), "the operation")
                    counts = served()
                    lib.check(len(counts) == 1 and 0 < int(counts[0]) <= len(asked), f"turn {turn}: {counts} of {len(asked)} requests are counted")
                lib.wait_for(lambda: not served(), "the end of the series")
                lib.wait_for(lambda: not json.loads(agent.get("/api/v1/services"))["services"], "the end of the service")
                lib.wait_for(lambda: not json.loads(agent.get("/api/v1/map"))["edges"], "the end of the edge")
            told = expired()
            lib.check(told["operations"] >= 2 and told["map_edges"] >= 2 and told["series"] >= 4, f"what is counted: {told}")


if __name__ == "__main__":
    lib.need("nginx", "curl")
    sys.exit(lib.main(globals()))
