# SPDX-License-Identifier: Apache-2.0
"""Canned answers of the API (docs/api.md), one scene each. `beat` counts the rounds, so that figures move."""
import math

NOW = 1732222222000000000
MS = 1000000
EVIL = '<img src=x onerror="document.title=1">"\'><script>alert(1)</script>'


def figures(rate, share=0.0, p50=None, seconds=600, unseen=0.0):
    """Figures of `rate` requests a second: of the part `unseen` it is not known whether they failed, of the others `share` do; p50 in ms."""
    count, unknown = int(rate * seconds), rate * unseen
    times = [None] * 3 if p50 is None or not rate else [int(p50 * MS * f) for f in (1, 3.1, 7.4)]
    return dict(count=count, failed=int(count * (1 - unseen) * share), unknown=int(count * unseen), rate=rate, error_rate=(rate - unknown) * share,
                unknown_rate=unknown, p50_ns=times[0], p95_ns=times[1], p99_ns=times[2])


def edge(client, server, protocol, rate, share=0.0, p50=1.0, bytes_per_s=0.0, idle=120, refused=0, unseen=0.0):
    f = figures(rate, share, p50, unseen=unseen)
    return dict(client=client, server=server, protocol=protocol, **f, client_p95_ns=f["p95_ns"] and int(f["p95_ns"] * 1.13), server_p95_ns=f["p95_ns"],
                connects=int(rate / 10) + 1, connects_failed=refused, request_bytes=int(rate * 90000), response_bytes=int(rate * 2e6),
                connects_failed_rate=refused / 30, bytes_per_s=bytes_per_s or rate * 2600.0, idle_ns=idle * MS)


def total(edges):
    return {k: sum(e[k] for e in edges) for k in ("count", "failed", "unknown", "connects", "connects_failed")}


def node(name, served=None, address=False):
    kind = "address" if address else "service"
    return dict(id="%s:%s" % (kind, name), name=name, type=kind, container_id=None, served=served or figures(0))


def exchange(i, service, protocol, operation, resource, ms, status="200", error=None, **more):
    x = dict(time_unix_ns=NOW - i * 1370 * MS, kind="server", protocol=protocol, operation=operation, resource=resource, status=status,
             error=error is not None, error_type=error, duration_ns=int(ms * MS), ttfb_ns=int(ms * MS * 0.8) if status else None, request_bytes=312 + i,
             response_bytes=18432 if status else None, complete=True, source="socket", client="127.0.0.1:%d" % (51200 + i), server="127.0.0.1:8080",
             pid=4200 + i, tid=4200 + i, comm=service, service=service, container_id=None,
             attributes={"http.request.method": operation, "url.path": resource, "network.protocol.version": "1.1"} if protocol == "http"
             else {"db.system.name": protocol, "db.query.text": resource})
    x.update(more)
    return x


def health(produced, lost=None, status="ok", beat=0, **more):
    lost = lost or {}
    n = sum(lost.values())
    x = dict(time_unix_ns=NOW + beat * 2000 * MS, version="0.1.0", uptime_ns=(3723 + 2 * beat) * 1000 * MS, status=status, scope="host", hooks="tracepoint", source="kernel",
             records=dict(produced=produced, delivered=produced - n - 12, queued=12, lost=n, lost_by_cause=lost),
             bytes=dict(produced=produced * 740, delivered=(produced - n) * 740, lost=n * 740, lost_by_cause={k: v * 740 for k, v in lost.items()}),
             exchanges=dict(total=184220, incomplete=3 if n else 0, unpaired=0, late=1), connections=dict(now=148, opened=9120, closed=8972, evicted=0),
             series=dict(now=812, limit=20000, overflowed=0), cpu_ns=(41000 + 36 * beat) * MS, resident_bytes=27400000, bpf=dict(runs=9400000, run_ns=2100000000, missed=0))
    x.update(more)
    return x


def operation(service, kind, protocol, op, route, rate, share=0.0, p50=1.0):
    return dict(service=service, kind=kind, protocol=protocol, operation=op, route=route, **figures(rate, share, p50), idle_ns=MS)


def service(name, server, client, protocols, operations=3):
    return dict(service=name, container_id=None, server=server, client=client, protocols=protocols, operations=operations, idle_ns=MS)


def busy(beat):
    w = 1 + 0.2 * math.sin(beat)
    s = lambda n: "service:" + n
    edges = [
        edge("address:10.0.0.9", s("nginx"), "http", 212 * w, 0.012, 4.2),
        edge("address:10.0.0.23", s("nginx"), "http", 37 * w, 0, 3.9),
        edge(s("nginx"), s("shop"), "http", 236 * w, 0.013, 3.7, unseen=0.25),
        edge(s("shop"), s("mariadbd"), "mysql", 540 * w, 0.0008, 0.42),
        edge(s("shop"), s("redis-server"), "redis", 1310 * w, 0, 0.061),
        edge(s("shop"), s("payments"), "http", 11.4 * w, 0.094, 61),
        edge(s("shop"), s("systemd-resolved"), "dns", 1.2, 0, 0.31),
        edge(s("payments"), "address:203.0.113.7:443", "tcp", 0, 0, None, bytes_per_s=48211.0, refused=3),
        edge(s("payments"), s("postgres"), "postgresql", 34 * w, 0, 0.9),
        edge(s("worker"), s("redis-server"), "redis", 88, 0, 0.05),
        edge(s("worker"), s("mariadbd"), "mysql", 12, 0, 1.9),
        edge(s("backup-of-the-orders-database"), s("postgres"), "postgresql", 0, 0, None, idle=312000),
        edge(s("shop"), s("shop"), "http", 0.4, 0, 2.0),
    ]
    served = {}
    for e in edges:
        served.setdefault(e["server"], []).append(e)
    nodes = []
    for name in ("nginx", "shop", "mariadbd", "redis-server", "payments", "systemd-resolved", "postgres", "worker", "backup-of-the-orders-database"):
        f = max(served.get(s(name), []), key=lambda e: e["rate"], default=None)
        nodes.append(node(name, {k: f[k] for k in figures(0)} if f else None))
    nodes += [node("10.0.0.9", address=True), node("10.0.0.23", address=True), node("203.0.113.7:443", address=True)]
    return dict(
        map=dict(time_unix_ns=NOW + beat * 2000 * MS, window_ns=30000 * MS, nodes=nodes, edges=edges, total=total(edges), dropped=0, waiting=2, waiting_dropped=0),
        services=dict(services=[
            service("backup-of-the-orders-database", None, figures(0), ["postgresql"], 2),
            service("mariadbd", figures(552 * w, 0.0008, 0.42), None, ["mysql"], 9),
            service("nginx", figures(249 * w, 0.012, 4.1), figures(236 * w, 0.013, 3.7), ["http"], 12),
            service("payments", figures(11.4 * w, 0.094, 61), figures(34 * w, 0, 0.9), ["http", "postgresql"], 4),
            service("postgres", figures(34 * w, 0, 0.9), None, ["postgresql"], 5),
            service("redis-server", figures(1398 * w, 0, 0.06), None, ["redis"], 6),
            service("shop", figures(236 * w, 0.013, 3.7), figures(1862 * w, 0.001, 0.3), ["http", "mysql", "redis", "dns"], 21),
            service("systemd-resolved", figures(1.2, 0, 0.31), None, ["dns"], 2),
            service("worker", None, figures(100, 0, 0.1), ["redis", "mysql"], 3)]),
        operations=[
            operation("redis-server", "server", "redis", "GET", "cart:{}", 980 * w, 0, 0.05), operation("shop", "client", "redis", "GET", "cart:{}", 970 * w, 0, 0.06),
            operation("redis-server", "server", "redis", "SETEX", "session:{}", 330 * w, 0, 0.07),
            operation("mariadbd", "server", "mysql", "SELECT", "SELECT id, name, price FROM products WHERE category = ? ORDER BY rank LIMIT ?", 402 * w, 0, 0.44),
            operation("mariadbd", "server", "mysql", "INSERT", "INSERT INTO orders (customer, total) VALUES (?, ?)", 41 * w, 0.011, 1.8),
            operation("nginx", "server", "http", "GET", "/cart/{id}", 140 * w, 0, 3.4), operation("nginx", "server", "http", "GET", "/products/{id}", 88 * w, 0.004, 4.9),
            operation("nginx", "server", "http", "POST", "/checkout", 11.4 * w, 0.09, 74), operation("shop", "server", "http", "POST", "/checkout", 11.4 * w, 0.09, 72),
            operation("payments", "server", "http", "POST", "/charge", 11.4 * w, 0.094, 61), operation("postgres", "server", "postgresql", "CONNECT", "payments", 0, 0, None),
            operation("systemd-resolved", "server", "dns", "AAAA", None, 0.6, 0, 0.3)],
        slowest=[exchange(3, "nginx", "http", "POST", "/checkout", 1841.2), exchange(9, "shop", "http", "POST", "/checkout", 1836.9),
                 exchange(4, "payments", "http", "POST", "/charge", 1790.44, kind="server"),
                 exchange(31, "mariadbd", "mysql", "SELECT", "SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer WHERE o.state = ? ORDER BY o.created DESC", 812.7, "OK"),
                 exchange(17, "nginx", "http", "GET", "/products/4711?ref=[redacted]", 96.1), exchange(12, "redis-server", "redis", "KEYS", "*", 41.0, "OK"),
                 exchange(1, "systemd-resolved", "dns", "AAAA", "api.payments.example", 30.4, "NOERROR")],
        failed=[exchange(2, "payments", "http", "POST", "/charge", 60000, None, "timeout", duration_ns=None),
                exchange(6, "nginx", "http", "POST", "/checkout", 74.1, "502", "502"), exchange(7, "shop", "http", "POST", "/checkout", 71.0, "500", "500"),
                exchange(8, "mariadbd", "mysql", "INSERT", "INSERT INTO orders (customer, total) VALUES (?, ?)", 1.9, "1062", "1062"),
                exchange(15, "nginx", "http", "GET", "/products/9", 12.2, None, "closed_by_client", complete=False)],
        health=health(2841190 + beat * 4100, beat=beat))


def empty(beat):
    return dict(map=dict(time_unix_ns=NOW, window_ns=3000 * MS, nodes=[], edges=[], total=total([]), dropped=0, waiting=0, waiting_dropped=0), services=dict(services=[]),
                operations=[], slowest=[], failed=[],
                health=health(20, beat=beat, exchanges=dict(total=0, incomplete=0, unpaired=0, late=0), connections=dict(now=0, opened=0, closed=0, evicted=0),
                              uptime_ns=4000 * MS, cpu_ns=31 * MS, resident_bytes=14200000, bpf=None))


def losing(beat):
    scene = busy(beat)
    scene["health"] = health(2841190, {"ring_full": 48211, "fd_gone": 12, "fault": 1}, "losing", beat)
    return scene


def evil(beat):
    """Every name an attacker may choose holds markup."""
    scene = busy(beat)
    scene["map"]["nodes"] = [node(EVIL, figures(3, 0.5, 1)), node(EVIL + "2", figures(3)), node("x" * 300, address=True)]
    scene["map"]["edges"] = [edge("service:" + EVIL, "service:" + EVIL + "2", EVIL, 3, 0.5), edge("address:" + "x" * 300, "service:" + EVIL, "http", 2)]
    scene["services"] = dict(services=[service(EVIL, figures(3, 0.5, 1), None, [EVIL])])
    scene["operations"] = [operation(EVIL, "server", EVIL, EVIL, "/" + "y" * 400 + EVIL, 3)]
    scene["slowest"] = [exchange(1, EVIL, EVIL, EVIL, EVIL + "z" * 500, 5, EVIL, EVIL, attributes={EVIL: EVIL, "long": "w" * 700}, client=EVIL, comm=EVIL)]
    scene["failed"] = scene["slowest"]
    scene["health"] = health(1000, {EVIL: 2}, beat=beat, scope=EVIL, hooks=EVIL, version=EVIL)
    return scene


def crowd(beat):
    """Many clients from outside, and more services than are drawn."""
    scene = busy(beat)
    nodes, edges = scene["map"]["nodes"], scene["map"]["edges"]
    for i in range(200):
        nodes.append(node("198.51.100.%d" % i, address=True))
        edges.append(edge("address:198.51.100.%d" % i, "service:nginx", "http", 0.5, 0, 2 + i / 100))
    for i in range(70):
        nodes.append(node("job-%02d" % i, figures(0)))
        edges.append(edge("service:job-%02d" % i, "service:job-%02d" % ((i * 7 + 1) % 70), "http", i / 10, 0, 1))
    for i in range(150):
        scene["operations"].append(operation("job-%02d" % (i % 70), "client", "http", "GET", "/step/%d" % i, i / 10, 0, 1))
    return scene


def own_caller(beat):
    """A service that calls itself stands right below another node."""
    scene = busy(beat)
    scene["map"]["nodes"] = [node("10.0.0.9", address=True), node("127.0.0.1:2", address=True), node("nginx", figures(6.2, 0.02, 3))]
    scene["map"]["edges"] = [edge("address:10.0.0.9", "service:nginx", "http", 3.1, 0.02, 3), edge("service:nginx", "service:nginx", "http", 3.1, 0, 2),
                             edge("address:10.0.0.9", "address:127.0.0.1:2", "tcp", 0, 0, None, refused=2)]
    return scene


SCENES = dict(own_caller=own_caller, busy=busy, empty=empty, losing=losing, evil=evil, crowd=crowd)
