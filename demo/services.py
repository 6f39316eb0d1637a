# SPDX-License-Identifier: Apache-2.0
"""Real servers from Debian's packages, each on a port of its own with its data in a temporary directory. Used by the demo and the tests."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


# The system's own python has the modules of Debian's packages; another one on the path may not.
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(ready, what, seconds=60):
    end = time.monotonic() + seconds * float(os.environ.get("TT_PATIENCE", "1"))
    while time.monotonic() < end:
        if ready():
            return
        time.sleep(0.05)
    raise RuntimeError(f"{what} did not come up in {seconds} s")


def port_answers(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 1).close()
        return True
    except OSError:
        return False


def copied(variable, data, **user):
    """Where initialising a database takes too long (emulated processors), the environment names one that is initialised. False: not here."""
    prepared = os.environ.get(variable)
    if prepared:
        subprocess.run(["cp", "-R", f"{prepared}/.", data], check=True, **user)
        data.chmod(0o700)
    return bool(prepared)


class Services:
    """Started processes and one temporary directory; `with` ends and removes them."""

    def __init__(self, prefix="telltale-"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        self.dir.chmod(0o755)
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, argv, name=None, **options):
        log = open(self.dir / f"{name or pathlib.Path(argv[0]).name}-{len(self.processes)}.log", "wb")
        process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=options.pop("stdout", log), stderr=log,
                                   start_new_session=True, **options)
        log.close()
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.processes.clear()
        shutil.rmtree(self.dir, ignore_errors=True)

    def logs(self):
        return "\n".join(f"--- {p.name}\n{p.read_text(errors='replace')[-2000:]}" for p in sorted(self.dir.glob("*.log")))

    # --- each returns (process, port) once it answers ---------------------------------------------------------------

    def nginx(self, locations, extra="", workers=1, port=None, listen=None, command=("nginx",)):
        """`locations`: the inside of the server block; `command`: which nginx."""
        port = port or free_port()
        conf = self.dir / f"nginx-{port}.conf"
        conf.write_text(f"""daemon off; worker_processes {workers}; pid {self.dir}/nginx-{port}.pid; error_log stderr; user root;
events {{ worker_connections 2048; }}
http {{ access_log off; keepalive_requests 1000000; client_body_temp_path {self.dir}; proxy_temp_path {self.dir};
fastcgi_temp_path {self.dir}; uwsgi_temp_path {self.dir}; scgi_temp_path {self.dir};
{extra}
server {{ listen {listen or f'127.0.0.1:{port}'}; {locations} }} }}
""")
        process = self.start([*command, "-p", self.dir, "-c", conf], name="nginx")
        if listen is None:
            wait_for(lambda: port_answers(port), "nginx")
        return process, port

    def redis(self, *options):
        port = free_port()
        process = self.start(["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", self.dir, *options], name="redis")
        wait_for(lambda: port_answers(port), "redis-server")
        return process, port

    def mariadb(self, init_sql="", *options):
        port = free_port()
        data = self.dir / f"mariadb-{port}"
        if not copied("TT_MARIADB_DATA", data):
            subprocess.run(["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root", "--skip-test-db",
                            "--auth-root-authentication-method=normal"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        init = self.dir / f"mariadb-{port}.sql"
        init.write_text("CREATE USER IF NOT EXISTS shop@'127.0.0.1' IDENTIFIED BY 'shop';\nGRANT ALL ON *.* TO shop@'127.0.0.1';\n" + init_sql)
        process = self.start(["mariadbd", "--no-defaults", f"--datadir={data}", "--user=root", f"--port={port}",
                              "--bind-address=127.0.0.1", f"--socket={self.dir}/mariadb-{port}.sock", f"--init-file={init}",
                              "--innodb-buffer-pool-size=32M", "--skip-name-resolve", "--local-infile=1", *options], name="mariadb")
        wait_for(lambda: port_answers(port), "mariadbd")
        return process, port

    def postgres(self, *options):
        """Refuses to run as root: runs as the package's user postgres then."""
        port = free_port()
        data = self.dir / f"postgres-{port}"
        binaries = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        user = {}
        if os.geteuid() == 0:
            data.mkdir()
            shutil.chown(data, "postgres", "postgres")
            user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        if not copied("TT_POSTGRES_DATA", data, **user):
            subprocess.run([binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **user)
        process = self.start([binaries / "postgres", "-D", data, "-p", port, "-h", "127.0.0.1", "-k", data, "-F", *options], name="postgres", cwd="/", **user)
        # It answers before it takes anybody in; its own file says when that is.
        wait_for(lambda: port_answers(port) and "ready" in (data / "postmaster.pid").read_text(), "postgres")
        return process, port
