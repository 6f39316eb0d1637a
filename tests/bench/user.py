# SPDX-License-Identifier: Apache-2.0
"""The user side's cost, in instructions as callgrind counts them and in resident bytes: rows of (section, what, figure, unit, aim)."""
import pathlib
import re
import subprocess

# Two seconds of record time in: what the map learns of a connection at first is not what an exchange costs.
FEW, MANY = 3000, 5000
CONNECTIONS = 8
PROTOCOLS = ("http", "http2", "grpc", "redis", "mysql", "postgresql", "dns")
SHOWN = ("metrics", "map", "services", "recent", "summary")
MISSING = 77


def collected(bench, options, *args):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *options, bench, *map(str, args)],
                          capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise RuntimeError(f"{bench} {args}: {done.stderr}")
    return int(found.group(1))


def each(bench, proto, sinks, *more, options=()):
    few, many = (collected(bench, options, proto, sinks, n, CONNECTIONS, *more) for n in (FEW, MANY))
    return (many - few) / (MANY - FEW)


def way(bench, proto, sinks, *more):
    """Without what making the records up costs."""
    return each(bench, proto, sinks, *more) - each(bench, proto, "source", *more)


def parse(bench):
    return [("Parsing", f"HTTP {what} head of {size} bytes", each(bench, "http", "none", options=[f"--toggle-collect=tt_bench_parse_{what}s"]),
             "instructions", aim) for what, size, aim in (("request", 81, 1368), ("response", 238, 3487))]


def hpack(bench):
    """Against libnghttp2's own inflater, on blocks its deflater wrote; not there without libnghttp2-dev."""
    reader = str(pathlib.Path(bench).parent / "hpack_bench")
    if not pathlib.Path(reader).exists():
        return []
    count = lambda who, n: collected(reader, (), who, n)  # noqa: E731
    ours, theirs = (((count(who, MANY) - count(who, FEW)) - (count("none", MANY) - count("none", FEW))) / (MANY - FEW) for who in ("ours", "theirs"))
    return [("Parsing", "warm HPACK block of 9 headers (two new ones)", ours, "instructions", round(1.3 * theirs))]


def sealed(bench):
    """HTTP over TLS at one end: the plaintext from the library, and beside it the socket's ciphertext."""
    rows = [("http from OpenSSL: streams, parser, pairing, names, shape", "none"), ("http from OpenSSL: and the agent's sinks", ",".join(SHOWN))]
    return [("TLS", what, each(bench, "http", sinks, "tls") - each(bench, "http", "source", "tls"), "instructions", "") for what, sinks in rows]


def has(bench, proto):
    return subprocess.run([bench, proto, "none", "0", "1"], capture_output=True).returncode != MISSING


def ways(bench):
    rows = []
    for proto in filter(lambda p: has(bench, p), PROTOCOLS):
        rows.append(("Whole way", f"{proto}: streams, parser, pairing, names, shape", way(bench, proto, "none"), "instructions", ""))
        rows.append(("Whole way", f"{proto}: and the agent's sinks", way(bench, proto, ",".join(SHOWN)), "instructions", 10000))
        rows.append(("Whole way", f"{proto}: and JSON lines too", way(bench, proto, ",".join((*SHOWN, "jsonl"))), "instructions", ""))
    both = way(bench, "http", ",".join(SHOWN), "both")
    return rows + [("Whole way", "http, client and server observed: the agent's sinks", both, "instructions", "")]


def sinks(bench):
    base = each(bench, "http", "none")
    return [("Sinks", f"{sink} (http)", each(bench, "http", sink) - base, "instructions", "") for sink in (*SHOWN, "jsonl")]


def connections(bench):
    out = subprocess.run([bench, "http", ",".join(SHOWN), "10000", "10000"], capture_output=True, text=True, check=True).stdout
    before, after = (int(re.search(rf"resident_{w} (\d+)", out).group(1)) for w in ("before", "after"))
    return [("Memory", "resident per idle connection, of 10 000 after one exchange each", (after - before) / 10000, "bytes", "")]
