# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium driven over the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/) on two pipes."""
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--remote-debugging-pipe", "--disable-dev-shm-usage",
]


class Failure(Exception):
    pass


class Chrome:
    """One browser with one page. Use as a context manager; it leaves no process and no file behind."""

    def __init__(self, binary="chromium"):
        path = shutil.which(binary)
        if not path:
            raise Failure("%s is not installed: apt-get install chromium" % binary)
        self.home = tempfile.mkdtemp(prefix="telltale-page-")
        command_read, self.command = os.pipe()
        self.answers, answer_write = os.pipe()
        # Out of the way of 3 and 4, where Chromium expects its ends.
        ends = [os.dup2(command_read, 103), os.dup2(answer_write, 104)]

        def place():
            os.setsid()
            os.dup2(103, 3)
            os.dup2(104, 4)

        env = dict(os.environ, HOME=self.home, XDG_CONFIG_HOME=self.home, XDG_CACHE_HOME=self.home)
        self.log = open(os.path.join(self.home, "log"), "wb+")
        self.process = subprocess.Popen(
            [path] + FLAGS + ["--user-data-dir=" + os.path.join(self.home, "profile"), "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, pass_fds=(3, 4, 103, 104), preexec_fn=place, env=env)
        for fd in (command_read, answer_write, *ends):
            os.close(fd)
        self.pending, self.number, self.session = b"", 0, None
        self.errors, self.requests = [], []
        try:
            self._open_page()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGTERM)
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        for fd in (self.command, self.answers):
            os.close(fd)
        self.log.close()
        for _ in range(20):
            shutil.rmtree(self.home, ignore_errors=True)
            if not os.path.exists(self.home):
                break
            time.sleep(0.1)

    # ---- the protocol ----

    def _read(self, deadline):
        while b"\0" not in self.pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.answers], [], [], left)[0]:
                raise Failure("the browser does not answer")
            data = os.read(self.answers, 1 << 20)
            if not data:
                self.log.seek(0)
                raise Failure("the browser ended: " + self.log.read()[-2000:].decode(errors="replace"))
            self.pending += data
        text, self.pending = self.pending.split(b"\0", 1)
        message = json.loads(text)
        if "method" in message:
            self._note(message["method"], message["params"])
        return message

    def _note(self, method, params):
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            detail = params["exceptionDetails"]
            self.errors.append(detail.get("exception", {}).get("description") or detail["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.errors.append(" ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append("%s %s" % (params["entry"]["text"], params["entry"].get("url", "")))

    def call(self, method, timeout=60, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.command, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise Failure("%s: %s" % (method, answer["error"]["message"]))
                return answer["result"]

    def _open_page(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")

    # ---- what tests use ----

    def screen(self, width, height, dark=False, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1, mobile=phone)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def goto(self, url):
        self.call("Page.navigate", url=url)

    def js(self, expression):
        """The value of a JavaScript expression; a promise is waited for."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            detail = result["exceptionDetails"]
            raise Failure("%s: %s" % (expression, detail.get("exception", {}).get("description", detail["text"])))
        return result["result"].get("value")

    def wait(self, expression, timeout=20):
        """Waits until the expression is true."""
        deadline = time.monotonic() + timeout
        while True:
            value = self.js(expression)
            if value:
                return value
            if time.monotonic() > deadline:
                raise Failure("waited %g s in vain for: %s" % (timeout, expression))
            time.sleep(0.1)

    def click(self, selector):
        """A real click in the middle of the element, which is scrolled into view first."""
        spot = self.js("""(() => { const e = document.querySelector(%s); if (!e) return null;
            e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect();
            return [r.x + r.width / 2, r.y + r.height / 2]; })()""" % json.dumps(selector))
        if not spot:
            raise Failure("nothing to click: " + selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="left", clickCount=1)

    def press(self, key, code=0, text=""):
        """A key press: press("Enter", 13, "\\r")."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                      **({"text": text} if text and kind == "keyDown" else {}))

    def screenshot(self, path, whole=True):
        params = {"format": "png"}
        self.js("scrollTo(0, 0)")
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            params.update(captureBeyondViewport=True, clip=dict(x=0, y=0, width=size["width"], height=size["height"], scale=1))
        data = self.call("Page.captureScreenshot", **params)["data"]
        with open(path, "wb") as f:
            f.write(base64.b64decode(data))
