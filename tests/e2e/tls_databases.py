#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Databases over TLS, which PostgreSQL and MariaDB begin in the middle of a connection: plaintext against what the clients did."""
import collections
import os
import re
import shutil
import subprocess
import sys

import lib
import tls_lib

GETS = lib.scaled(5000)
TRANSACTIONS = lib.scaled(100)  # of each of four clients

STATEMENTS = [
    ("SELECT 1", "SELECT", "OK"),
    ("INSERT INTO shop.t (id, note) VALUES (1, 'secret')", "INSERT", "OK"),
    ("SELECT note FROM shop.t WHERE id = 1", "SELECT", "OK"),
    ("SELECT * FROM shop.missing", "SELECT", "1146"),
    ("THIS IS NOT SQL", "QUERY", "1064"),
    ("DELETE FROM shop.t", "DELETE", "OK"),
]


def redis():
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services)
        port = lib.free_port()
        services.start(["redis-server", "--port", "0", "--tls-port", port, "--bind", "127.0.0.1", "--save", "", "--dir", services.dir, "--tls-cert-file", chain,
                        "--tls-key-file", key, "--tls-ca-cert-file", chain, "--tls-auth-clients", "no"], name="redis")
        lib.wait_for(lambda: lib.port_answers(port), "redis-server")
        common = ["-p", str(port), "--tls", "--insecure"]
        subprocess.run(["redis-benchmark", *common, "-t", "get", "-n", str(GETS), "-c", "10", "-q"], check=True, stdout=subprocess.DEVNULL)
        stats = subprocess.run(["redis-cli", *common, "info", "commandstats"], check=True, capture_output=True, text=True).stdout
        lib.tell(get=int(re.search(r"cmdstat_get:calls=(\d+)", stats).group(1)))


def mariadb():
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services)
        _, port = services.mariadb("CREATE DATABASE shop;\nCREATE TABLE shop.t (id INT PRIMARY KEY, note TEXT);", f"--ssl-cert={chain}", f"--ssl-key={key}")
        for _ in range(2):
            subprocess.run(["mariadb", "--no-defaults", "-h", "127.0.0.1", f"-P{port}", "-ushop", "-pshop", "--ssl", "--force"],
                           input="".join(f"{sql};\n" for sql, _, _ in STATEMENTS), text=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def postgres():
    with lib.Services() as services:
        key, chain = tls_lib.certificate(services)
        for file in (key, chain):
            shutil.chown(file, "postgres")
        _, port = services.postgres("-c", "ssl=on", "-c", f"ssl_cert_file={chain}", "-c", f"ssl_key_file={key}")
        common = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
        environment = {**os.environ, "PGSSLMODE": "require"}
        subprocess.run(["pgbench", *common, "-i", "-q", "postgres"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        subprocess.run(["psql", *common, "-qc", "SELECT 1/0", "postgres"], stderr=subprocess.DEVNULL, env=environment)
        out = subprocess.run(["pgbench", *common, "-M", "prepared", "-n", "-S", "-c", "4", "-t", str(TRANSACTIONS), "postgres"], check=True, capture_output=True,
                             text=True, env=environment).stdout
        lib.tell(transactions=int(re.search(r"actually processed: (\d+)", out).group(1)))


def check_handshakes(result):
    """Each connection's handshake stands beside what was said on it."""
    for kind in ("server", "client"):
        spoken = {(x["client"], x["server"]) for x in result.exchanges if x["kind"] == kind and x["source"] == "openssl"}
        secured = {(x["client"], x["server"]) for x in result.of(kind=kind, protocol="tls", status="OK")}
        lib.check(spoken and spoken <= secured, f"{kind} connections without a handshake: {spoken - secured}")


def test_redis():
    lib.need("redis-server", "redis-benchmark")
    result = lib.run("redis", "--uprobes")
    lib.equal(result.told["get"], GETS, "redis' own count")
    for kind in ("server", "client"):
        gets = result.of(protocol="redis", kind=kind, operation="GET")
        result.counts([(x["status"], x["complete"], x["source"]) for x in gets], [("OK", True, "openssl")] * GETS, f"{kind} GETs; lost {result.lost()}")
    check_handshakes(result)
    result.check_accounts()


def test_mariadb():
    lib.need("mariadbd")
    result = lib.run("mariadb", "--uprobes", "--show-values")
    for kind in ("server", "client"):
        found = [(x["resource"], x["operation"], x["status"]) for x in result.of(protocol="mysql", kind=kind, source="openssl", complete=True)]
        for row in STATEMENTS:
            result.counts(found.count(row), 2, f"{kind}: {row} in {found}")
        result.counts([x[2] for x in found if x[1] == "CONNECT"], ["OK"] * 2, f"{kind}: log-ins in {found}")
    check_handshakes(result)
    result.check_accounts()


def test_postgres():
    lib.need("pgbench")
    result = lib.run("postgres", "--uprobes")
    lib.equal(result.told["transactions"], 4 * TRANSACTIONS, "pgbench's own count")
    for kind in ("server", "client"):
        all_of_it = result.of(protocol="postgresql", kind=kind, source="openssl")
        selects = [(x["status"], x["complete"]) for x in all_of_it if x["operation"] == "SELECT" and "abalance" in (x["resource"] or "")]
        result.counts(selects, [("OK", True)] * 4 * TRANSACTIONS, f"{kind} selects; lost {result.lost()}")
        result.counts(sum(x["status"] == "22012" for x in all_of_it), 1, f"{kind}: division by zero")
        log_ins = collections.Counter(x["status"] for x in all_of_it if x["operation"] == "CONNECT")
        lib.check(log_ins["OK"] >= 7, f"{kind} log-ins: {log_ins}")
    check_handshakes(result)
    result.check_accounts()


if __name__ == "__main__":
    sys.exit(lib.main_with_libraries(globals()))
