#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make demo` unattended: the page shows nginx → shop → MariaDB and Redis with live figures. The screenshot is kept in the build directory."""
import os
import pathlib
import subprocess
import sys

import lib


def test_demo_page():
    lib.need("chromium", "nginx", "mariadbd", "redis-server")
    build = pathlib.Path(lib.TELLTALE).parent
    port = lib.free_port()
    environment = {**os.environ, "DEMO_SECONDS": "0", "DEMO_LISTEN": f"127.0.0.1:{port}"}
    demo = subprocess.Popen([str(lib.ROOT / "demo" / "run"), lib.TELLTALE], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        lib.wait_for(lambda: lib.port_answers(port) or demo.poll() is not None, "the demo", 120)
        page = subprocess.run([sys.executable, str(lib.ROOT / "tests" / "page" / "browse.py"), f"http://127.0.0.1:{port}/", "--expect-edge", "nginx", "app",
                               "--expect-edge", "app", "maria*", "--expect-edge", "app", "redis*", "--timeout", "120", "--screenshot", str(build / "demo-page.png")],
                              capture_output=True, text=True, timeout=180)
        demo.terminate()
        output, _ = demo.communicate(timeout=90)
    finally:
        if demo.poll() is None:
            demo.terminate()
            demo.communicate()
    lib.equal((page.returncode, page.stderr.strip()), (0, ""), f"the page: {page.stdout}\n{output}")
    lib.equal(demo.returncode, 0, f"the demo's status: {output}")
    lib.check("demo ended" in output and "mysql" in output and "redis" in output, output)


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
