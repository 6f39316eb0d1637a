#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Redis, MariaDB and PostgreSQL against the servers' own statistics and against known statements."""
import collections
import re
import subprocess
import sys

import lib

GETS = lib.scaled(100000)
PIPELINED = 16
CONNECTIONS = 50
EACH = GETS // CONNECTIONS  # after a hole a pipelined connection may not be understood again before it is quiet
TRANSACTIONS = lib.scaled(250)  # of each of four clients


def redis_pipeline():
    with lib.Services() as services:
        _, port = services.redis()
        subprocess.run(["redis-benchmark", "-p", str(port), "-t", "get", "-n", str(GETS), "-c", str(CONNECTIONS), "-P", str(PIPELINED), "-q"], check=True, stdout=subprocess.DEVNULL)
        stats = subprocess.run(["redis-cli", "-p", str(port), "info", "commandstats"], check=True, capture_output=True, text=True).stdout
        lib.tell(get=int(re.search(r"cmdstat_get:calls=(\d+)", stats).group(1)),
                 all=sum(int(n) for n in re.findall(r":calls=(\d+)", stats)))


def test_redis_pipeline():
    lib.need("redis-server", "redis-benchmark")
    # Room for all of it: whether what does not fit is counted is for loss.py to ask.
    result = lib.run("redis_pipeline", "--limit", "ring_bytes=32M")
    lib.equal(result.told["get"], GETS, "redis' own count")
    for kind in ("server", "client"):
        gets = result.of(protocol="redis", kind=kind, operation="GET")
        result.counts(len(gets), GETS, f"{kind} GETs; lost {result.lost()}", each=EACH)
        result.counts([(x["status"], x["complete"]) for x in gets], [("OK", True)] * GETS, f"{kind} statuses", each=EACH)
    # redis counts a command when it has run, so its INFO does not count itself.
    others = [x for x in result.of(protocol="redis", kind="server") if x["operation"] != "INFO"]
    result.counts(len(others), result.told["all"], "commands in all", each=EACH)
    result.check_accounts()


STATEMENTS = [
    ("SELECT 1", "SELECT", "OK"),
    ("INSERT INTO shop.t (id, note) VALUES (1, 'secret')", "INSERT", "OK"),
    ("SELECT note FROM shop.t WHERE id = 1", "SELECT", "OK"),
    ("UPDATE shop.t SET note = 'other' WHERE id = 1", "UPDATE", "OK"),
    ("SELECT * FROM shop.missing", "SELECT", "1146"),
    ("THIS IS NOT SQL", "QUERY", "1064"),
    ("DELETE FROM shop.t", "DELETE", "OK"),
]


def mariadb_statements():
    import pymysql
    with lib.Services() as services:
        _, port = services.mariadb("CREATE DATABASE shop;\nCREATE TABLE shop.t (id INT PRIMARY KEY, note TEXT);")
        connection = pymysql.connect(host="127.0.0.1", port=port, user="shop", password="shop", autocommit=True)
        for sql, _, _ in STATEMENTS:
            try:
                with connection.cursor() as cursor:
                    cursor.execute(sql)
            except pymysql.Error:
                pass
        connection.close()
        # Prepared in text is text; the client library prepares by protocol with --binary-mode off: use mysqlslap-like bulk through SQL.
        subprocess.run(["mariadb", "--no-defaults", "-h", "127.0.0.1", f"-P{port}", "-ushop", "-pshop", "-e",
                        "PREPARE p FROM 'SELECT ? + 1'; SET @a = 1; EXECUTE p USING @a"], check=True, stdout=subprocess.DEVNULL)


def test_mariadb_statements():
    lib.need("mariadbd")
    result = lib.run("mariadb_statements", "--show-values")
    for kind in ("server", "client"):
        found = [(x["resource"], x["operation"], x["status"]) for x in result.of(protocol="mysql", kind=kind)]
        for row in STATEMENTS:
            result.counts(found.count(row), 1, f"{kind}: {row} in {found}")
        result.counts(sum(x[0] == "EXECUTE p USING @a" for x in found), 1, f"{kind}: the executed statement")
        lib.check(any(x[1] == "CONNECT" and x[2] == "OK" for x in found), f"{kind}: log-in")


def test_mariadb_redacts():
    result = lib.run("mariadb_statements")
    text = " ".join(str(x) for x in result.of(protocol="mysql"))
    lib.check("secret" not in text, "a literal was shown")
    found = collections.Counter(x["resource"] for x in result.of(protocol="mysql", kind="server"))
    lib.equal(found["SELECT note FROM shop.t WHERE id = ?"], 1, f"normalised statement in {found}")


def pgbench(mode):
    with lib.Services() as services:
        _, port = services.postgres()
        common = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
        subprocess.run(["pgbench", *common, "-i", "-q", "postgres"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(["psql", *common, "-qc", "CREATE EXTENSION pg_stat_statements", "postgres"], stderr=subprocess.DEVNULL)
        subprocess.run(["psql", *common, "-qc", "SELECT 1/0", "postgres"], stderr=subprocess.DEVNULL)
        out = subprocess.run(["pgbench", *common, "-M", mode, "-n", "-S", "-c", "4", "-t", str(TRANSACTIONS), "postgres"], check=True, capture_output=True,
                             text=True).stdout
        lib.tell(transactions=int(re.search(r"actually processed: (\d+)", out).group(1)))


def pgbench_mode(mode):
    result = lib.run("pgbench", args=(mode,))
    lib.equal(result.told["transactions"], 4 * TRANSACTIONS, "pgbench's own count")
    for kind in ("server", "client"):
        selects = [x for x in result.of(protocol="postgresql", kind=kind, operation="SELECT") if "pgbench_accounts" in (x["resource"] or "")
                   and "abalance" in x["resource"] and "aid" in x["resource"]]
        # Whoever did not see a statement prepared does not know what is executed on its connection.
        result.counts(len(selects), 4 * TRANSACTIONS, f"{mode} {kind} selects; lost {result.lost()}", each=TRANSACTIONS)
        result.counts([(x["status"], x["complete"]) for x in selects], [("OK", True)] * 4 * TRANSACTIONS, f"{mode} {kind} statuses", each=TRANSACTIONS)
        errors = [x for x in result.of(protocol="postgresql", kind=kind) if x["status"] == "22012"]
        result.counts(len(errors), 1, f"{kind}: division by zero")
    result.check_accounts()


def test_pgbench_simple():
    pgbench_mode("simple")


def test_pgbench_extended():
    pgbench_mode("extended")


def test_pgbench_prepared():
    pgbench_mode("prepared")


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
