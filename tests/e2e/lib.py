# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: `telltale run` around a scenario, its JSON lines and metrics afterwards, and checks.

A test file defines scenarios (functions that start real servers and clients) and checks. `lib.run("name")` runs this same file again, below
`telltale run`, with the scenario's name; everything the scenario starts is in scope, nothing else is.
"""
import collections
import contextlib
import ctypes
import functools
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "demo"))
from services import PYTHON, Services, free_port, port_answers, wait_for  # noqa: E402,F401

TELLTALE = os.environ.get("TELLTALE", str(ROOT / "build" / "telltale"))
# By tests/cases: the build that ends at a fault of memory or a leak.
if "--asan" in sys.argv[1:]:
    sys.argv.remove("--asan")
    TELLTALE = os.environ["TELLTALE_ASAN"]
SKIPPED = 77
tests_run = False
# On an emulated processor (tests/vm/e2e): loads are this part of their size, and times to wait so much longer.
SCALE = float(os.environ.get("TT_SCALE", "1"))
PATIENCE = float(os.environ.get("TT_PATIENCE", "1"))
# Only tests whose point it is lose anything: on a machine that is busy with other things telltale may not drain its rings for long.
ROOM = ["--limit", "ring_bytes=32M"]
# The set of hooks to be used, where one is forced.
HOOKS = ["--hooks", os.environ["TT_HOOKS"]] if os.environ.get("TT_HOOKS") else []


def scaled(count):
    """How many requests stand for `count` here."""
    return max(1, round(count * SCALE))


class CannotBeAsked(Exception):
    """A single test has nothing to ask here; the others of its file go on."""


def skip(reason):
    """In a test, skips that one; before, the file."""
    if tests_run:
        raise CannotBeAsked(reason)
    print(reason)
    sys.exit(SKIPPED)


TEXT_MOST = 4000  # of a failure's line


def check(condition, text):
    if not condition:
        raise AssertionError(text if len(text) <= TEXT_MOST else f"{text[:TEXT_MOST]} … ({len(text)} characters)")


def equal(got, want, what):
    check(got == want, f"{what}: got {got!r}, want {want!r}")


@functools.cache
def doctor():
    """What telltale says of this machine."""
    return json.loads(subprocess.run([TELLTALE, "doctor", "--json"], capture_output=True, text=True, check=True).stdout)


@functools.cache
def sets_that_miss():
    """Sets of hooks this kernel may make miss calls, so that telltale takes them only if forced (docs/kernel-support.md)."""
    told = doctor()["hook_sets"]
    chosen = {s["name"] for s in told if s["chosen"]}
    return {s["name"] for s in told if s["reason"] and "miss them meanwhile" in s["reason"]} - chosen


# Programs at events of connections and processes.
EVENTS = {"tt_set_state", "tt_destroy", "tt_retransmit", "tt_reset_sent", "tt_reset_received", "tt_fork", "tt_exec", "tt_exit"}


def events_may_miss():
    """docs/kernel-support.md: BTF-typed tracepoints do not hold off preemption."""
    return tuple(map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups())) >= (7, 0)


def part_of(got, want):
    """Whether an exchange may be what is left of another of which something was not seen: that is unknown, and it is not complete."""
    if not isinstance(got, tuple):
        got, want = (got,), (want,)
    other = [x for x, y in zip(got, want, strict=True) if x != y]
    return not other or (all(x is None or isinstance(x, bool) for x in other) and any(x is None or x is False for x in other))


SEVERAL = 64  # holes next to each other are one: how many answers were in it is not known, nor what is asked until the client is silent for a while


class Result:
    """What a run left behind."""

    def __init__(self, status, directory, output, hooks=()):
        self.status = status
        self.hooks = hooks[-1] if hooks else None
        self.output = output
        lines = directory / "exchanges.jsonl"
        self.exchanges = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
        metrics = directory / "metrics.prom"
        self.metrics_text = metrics.read_text() if metrics.exists() else ""
        told = directory / "told.json"
        self.told = json.loads(told.read_text()) if told.exists() else {}

    def of(self, **wanted):
        return [x for x in self.exchanges if all(x.get(k) == v for k, v in wanted.items())]

    def metric(self, name, **labels):
        """Sum of the samples of that name whose labels match."""
        total = 0
        for line in self.metrics_text.splitlines():
            match = re.match(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$", line)
            if not match or match.group(1) != name:
                continue
            found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match.group(2) or ""))
            if all(found.get(k) == v for k, v in labels.items()):
                total += float(match.group(3))
        return total

    def lost(self):
        return {cause: n for cause in re.findall(r'telltale_records_lost_total\{[^}]*cause="(\w+)"', self.metrics_text)
                if (n := self.metric("telltale_records_lost_total", cause=cause))}

    @functools.cached_property
    def missed(self):
        """Runs of programs that were missed and counted, where a set was forced that may; the kernel's own choice is excused nothing."""
        missed = int(self.lost().get("missed_run", 0))
        return missed if missed and self.hooks in sets_that_miss() else 0

    def missed_by_program(self):
        return {program: n for program in re.findall(r'telltale_bpf_missed_runs_total\{program="(\w+)"', self.metrics_text)
                if (n := self.metric("telltale_bpf_missed_runs_total", program=program))}

    def check_lost(self, want, what="lost"):
        lost = self.lost()
        by_program = self.missed_by_program()
        # From Linux 7.0 on also where the kernel had the choice: of events of connections and processes, which are told otherwise, too.
        excused = self.missed or (events_may_miss() and set(by_program) <= EVENTS and lost.get("missed_run") == sum(by_program.values()))
        equal({cause: n for cause, n in lost.items() if cause != "missed_run" or not excused}, want, f"{what} (missed runs: {by_program})")

    def counts(self, got, want, what, each=2):
        """Numbers of exchanges, or exchanges themselves: all that are due. A missed run may cost `each` (the one it belongs to, and the next, whose
        start is doubted), and several may be next to each other; no more than that lack, and what is there beside them is what is left of one."""
        if not self.missed:
            return equal(got, want, what)
        each += SEVERAL if self.missed > 1 else 0
        if isinstance(want, (int, float)):
            return check(max(want - each * self.missed, want / 5) <= got <= want, f"{what}: got {got}, want {want}, {self.missed} runs were missed")
        got, want = collections.Counter(got), collections.Counter(want)
        lack, more = want - got, got - want
        check(all(any(part_of(x, y) for y in want) for x in more), f"{what}: got {more}, of which {want} has no such thing")
        return check(lack.total() <= min(each * self.missed, want.total() * 4 / 5), f"{what}: {lack} lack, {self.missed} runs were missed")

    def check_accounts(self):
        """produced = delivered + lost + queued, and nothing is queued at the end."""
        produced = self.metric("telltale_records_produced_total")
        delivered = self.metric("telltale_records_delivered_total")
        lost = self.metric("telltale_records_lost_total")
        queued = self.metric("telltale_records_queued")
        check(produced > 0, "no records at all")
        equal(queued, 0, "queued at the end")
        equal(delivered + lost + queued, produced, "delivered + lost + queued = produced")


def tell(**facts):
    """In a scenario: facts for the checks (what the client counted)."""
    path = pathlib.Path(os.environ["TT_TOLD"])
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, **facts}))


def tree(pid):
    """A process and its descendants; one that is ending is left out."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            for child in (task / "children").read_text().split():
                found += tree(int(child))
    return found


SWITCHES = re.compile(r"^State:\t(\w)|^(?:non)?voluntary_ctxt_switches:\t(\d+)$", re.MULTILINE)


def asleep(pids):
    """How often each thread of these processes, and of their descendants, was put to sleep so far; None: one of them is not asleep."""
    threads = {}
    for stat in [path for pid in pids for p in tree(pid) for path in pathlib.Path(f"/proc/{p}/task").glob("*/status")]:
        with contextlib.suppress(OSError):
            found = SWITCHES.findall(stat.read_text())
            if any(state in "RD" for state, _ in found if state):
                return None
            threads[stat] = [count for _, count in found]
    return threads


def at_rest(*pids):
    """Whether every thread of these processes, and of their descendants, waits itself.

    One look at many takes time: who slept when it was looked at may be awake when the next is, and that one sleep by then. So they are looked
    at twice, and who was not put to sleep again in between slept all the while."""
    before = asleep(pids)
    return before is not None and asleep(pids) == before


def settle(*pids):
    """Waits until they are at rest: what they did before has returned, and only then is told."""
    wait_for(lambda: at_rest(*pids), f"rest of {pids}")


def wait_until_up(process):
    """Until a telltale that was started has attached everything: it gives up its privileges then."""
    def up():
        with contextlib.suppress(OSError):
            return "\nNoNewPrivs:\t1\n" in pathlib.Path(f"/proc/{process.pid}/status").read_text()
        return False

    wait_for(lambda: up() or process.poll() is not None, "telltale")


def said(pattern):
    """In a scenario: how often telltale's log, which is on with --uprobes, has this."""
    return len(re.findall(pattern, pathlib.Path(os.environ["TT_LOG"]).read_text(errors="replace"), re.MULTILINE))


def observed(file, count=1):
    """In a scenario: waits until probes are in so many files of this name (or it was said why they are not), as sessions from then on are seen whole."""
    wait_for(lambda: said(rf"^telltale: (debug|warning): {re.escape(file)}[.\d]* \(\w+\): ") >= count, f"probes in {file}")


def run(scenario, *options, want_status=0, limit=240, args=(), command=None, said=None):
    """`command`: it is observed instead, and given the text `said` to read."""
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        if "--uprobes" in options:
            options = ("--log-level", "debug", *options)
        command = [TELLTALE, "run", "--json", str(directory / "exchanges.jsonl"), "--metrics", str(directory / "metrics.prom"), *HOOKS, *ROOM, *options,
                   "--", *(command or [PYTHON, os.path.abspath(sys.argv[0]), "--scenario", scenario, *args])]
        command = list(map(str, command))
        environment = {**os.environ, "TT_TOLD": str(directory / "told.json"), "TT_LOG": str(directory / "log")}
        with open(directory / "log", "a+", errors="replace") as log:
            done = subprocess.run(command, env=environment, stdout=log, stderr=subprocess.STDOUT, timeout=limit * PATIENCE,
                                  input=said, text=True)
            log.seek(0)
            output = log.read()
        result = Result(done.returncode, directory, output, [b for a, b in zip(command, command[1:]) if a == "--hooks"])
        check(done.returncode == want_status, f"telltale run ended with {done.returncode}:\n{output}")
        return result


class Agent:
    """`telltale agent` on the processes named, in a `with`; `result` is there afterwards."""

    def __init__(self, *pids, options=()):
        self.pids = pids
        self.options = options

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="telltale-e2e-")
        self.directory = pathlib.Path(self.temporary.name)
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = open(self.directory / "log", "w+")
        self.process = subprocess.Popen([TELLTALE, "agent", "--listen", f"127.0.0.1:{self.port}", "--json", str(self.directory / "exchanges.jsonl"),
                                         "--metrics", str(self.directory / "metrics.prom"), *[f"--pid={p}" for p in self.pids], *HOOKS, *ROOM, *self.options],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: port_answers(self.port) or self.process.poll() is not None, "telltale agent")
            check(self.process.poll() is None, f"telltale agent ended at once: {self.output()}")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def output(self):
        return (self.directory / "log").read_text()

    def shown(self):
        """How many exchanges were written so far."""
        return (self.directory / "exchanges.jsonl").read_bytes().count(b"\n")

    def get(self, path):
        with urllib.request.urlopen(self.base + path, timeout=60) as answer:
            return answer.read().decode()

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                settle(*(pid for pid in self.pids if pid != os.getpid()))
        finally:
            if self.process.poll() is None:
                self.process.terminate()
        try:
            status = self.process.wait(120 * PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.log.close()
        self.result = Result(status, self.directory, self.output(), HOOKS[1:])
        self.temporary.cleanup()
        if kind is None:
            equal(status, 0, f"status of the agent ({self.result.output})")


def need(*programs):
    for program in programs:
        if subprocess.run(["which", program], stdout=subprocess.DEVNULL).returncode:
            skip(f"{program} is not installed")


def need_root():
    if os.geteuid() != 0:
        skip("needs root")


CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000
TLS_LIBRARIES = ("libssl.so.*", "libcrypto.so.*", "libgnutls.so.*", "libssl3.so", "libnspr4.so", "libgrpc.so.*")


@contextlib.contextmanager
def libraries_of_our_own():
    """Copies stand in the place of the system's TLS libraries, for this process and its children: probes in them touch nobody else."""
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-libraries-") as directory:
        libraries_copy(directory)
        yield


def libraries_copy(directory):
    libc = ctypes.CDLL(None, use_errno=True)

    def call(r):
        if r < 0:
            raise OSError(ctypes.get_errno(), "a mount namespace of our own")

    call(libc.unshare(CLONE_NEWNS))
    call(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    for library in {path.resolve() for pattern in TLS_LIBRARIES for path in pathlib.Path("/usr/lib").glob(f"*-linux-gnu/{pattern}")}:
        copy = pathlib.Path(directory) / library.name
        shutil.copyfile(library, copy)
        copy.chmod(0o755)
        call(libc.mount(bytes(copy), bytes(library), None, MS_BIND, None))


def main(module):
    """Runs a scenario, or every function named test_*; each prints its own line."""
    functions = vars(module) if not isinstance(module, dict) else module
    if functions["__name__"] != "__main__":  # who imports it wants its functions, not its end
        raise RuntimeError(f"{functions['__name__']}: its tests are run where it is imported")
    if len(sys.argv) > 2 and sys.argv[1] == "--scenario":
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
        functions[sys.argv[2]](*sys.argv[3:])
        return 0
    need_root()
    # A shell's background job ignores it, and so would all that is started here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    global tests_run
    tests_run = True
    failures = passed = 0
    chosen = sys.argv[1:] or [name for name in functions if name.startswith("test_")]
    for name in chosen:
        begin = time.monotonic()
        try:
            functions[name]()
            passed += 1
            print(f"ok {name} ({time.monotonic() - begin:.1f} s)", flush=True)
        except CannotBeAsked as reason:
            print(f"skipped {name}: {reason}", flush=True)
        except AssertionError as error:
            failures += 1
            print(f"not ok {name}: {error}", flush=True)
        except Exception:
            failures += 1
            print(f"not ok {name}:\n{traceback.format_exc()}", flush=True)
    return 1 if failures else 0 if passed or not chosen else SKIPPED


def main_with_libraries(tests):
    """main() for tests with --uprobes: a scenario is told of by a second argument and has its libraries from the test that runs it."""
    if len(sys.argv) > 2:
        return main(tests)
    need_root()
    with libraries_of_our_own():
        return main(tests)
