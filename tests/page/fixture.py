#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Serves web/ and a scene of canned answers as the agent would, to work on the page and to test it: fixture.py [SCENE] [PORT]"""
import http.server
import json
import os
import sys
import threading
import urllib.parse

import scenes

WEB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "web")
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Fixture:
    """A server on a free port. `scene` may be changed at any time; "down" answers 503, "gone" closes the connection without an answer."""

    def __init__(self, scene="busy", port=0):
        self.scene, self.beat, self.asked = scene, 0, []
        fixture = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                fixture.answer(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # the browser left in the middle: it may

        self.server = Server(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d/" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        parts = urllib.parse.urlsplit(request.path)
        self.asked.append(request.path)
        if not parts.path.startswith("/api/v1/"):
            return self.send_file(request, parts.path)
        if self.scene == "gone":
            request.close_connection = True
            return None
        if self.scene == "down":
            return self.send(request, 503, "application/json", b'{"error":"busy; try again"}')
        status, body = self.render(parts.path[8:], dict(urllib.parse.parse_qsl(parts.query)))
        return self.send(request, status, "application/json", json.dumps(body).encode())

    def render(self, name, query):
        if name == "map":
            self.beat += 1
        scene = scenes.SCENES[self.scene](self.beat)
        general = dict(time_unix_ns=scene["map"]["time_unix_ns"], window_ns=scene["map"]["window_ns"], dropped=0)
        if name in ("map", "health"):
            return 200, scene[name]
        if name == "services":
            return 200, dict(general, **scene["services"])
        if name == "operations":
            wanted = query.get("service")
            if wanted is not None and wanted not in [s["service"] for s in scene["services"]["services"]]:
                return 404, dict(error="no such service")
            return 200, dict(general, operations=[o for o in scene["operations"] if wanted in (None, o["service"])])
        if name == "exchanges" and query.get("kind") in ("slowest", "failed"):
            return 200, dict(general, kind=query["kind"], exchanges=scene[query["kind"]])
        return 404, dict(error="no such path")

    def send_file(self, request, path):
        file = os.path.join(WEB, "index.html" if path == "/" else os.path.basename(path))
        kind = TYPES.get(os.path.splitext(file)[1])
        if not kind or not os.path.exists(file):
            return self.send(request, 404, "application/json", b'{"error":"no such path"}')
        with open(file, "rb") as f:
            return self.send(request, 200, kind, f.read())

    def send(self, request, status, kind, body):
        request.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Content-Security-Policy", POLICY), ("X-Content-Type-Options", "nosniff"),
                            ("Cache-Control", "no-store")):
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)


if __name__ == "__main__":
    shown = Fixture(sys.argv[1] if len(sys.argv) > 1 else "busy", int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    print(shown.url, flush=True)
    threading.Event().wait()
