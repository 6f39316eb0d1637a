#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the other tests rely on: processes of which one always works are not taken to be at rest."""
import os
import subprocess
import sys
import tempfile

import lib

TURNS = 10000
# Two processes pass a byte to and fro: whenever one is awake the other one sleeps. At the end a file says so, and both sleep for good.
PASSED = f"""
import os, signal, sys
there, back = os.pipe(), os.pipe()
if os.fork():
    for _ in range({TURNS}):
        sum(range(3000))
        os.write(there[1], b"x")
        os.read(back[0], 1)
    os.close(os.open(sys.argv[1], os.O_CREAT, 0o600))
else:
    for _ in range({TURNS}):
        os.read(there[0], 1)
        sum(range(3000))
        os.write(back[1], b"x")
signal.pause()
"""


def test_two_that_work_in_turn():
    with tempfile.TemporaryDirectory(prefix="telltale-e2e-") as directory:
        done = os.path.join(directory, "done")
        process = subprocess.Popen([lib.PYTHON, "-c", PASSED, done], start_new_session=True)
        try:
            lib.wait_for(lambda: len(lib.tree(process.pid)) == 2, "both")
            looks = 0
            while not os.path.exists(done):
                lib.check(not lib.at_rest(process.pid) or os.path.exists(done), f"taken to be at rest while they work, at look {looks}")
                looks += 1
            lib.check(looks > 10, f"{looks} looks")
            lib.settle(process.pid)
        finally:
            os.killpg(process.pid, 9)
            process.wait()


if __name__ == "__main__":
    sys.exit(lib.main(globals()))
