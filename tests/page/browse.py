#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Opens a telltale page in headless Chromium and checks what it shows.

    browse.py http://127.0.0.1:9464/ --expect-edge nginx shop --expect-edge shop 'maria*' --screenshot page.png

Names are shell patterns. Waits until every expected edge has live figures (a rate, and a p95), then checks that there were no console
errors, no requests to anywhere else and no sideways scrolling. Prints the edges and services it saw. Status 0, or 1 with a line each
of what is wrong.
"""
import argparse
import fnmatch
import json
import sys
import time

import chrome

EDGES = """[...document.querySelectorAll("#map .link")].map((g) => ({client: g.dataset.client, server: g.dataset.server,
    protocols: g.dataset.protocols, rate: Number(g.dataset.rate), errors: Number(g.dataset.errors), p95_ns: g.dataset.p95Ns === "" ? null : Number(g.dataset.p95Ns),
    known: g.dataset.known === "true", text: g.dataset.label}))"""
SERVICES = """[...document.querySelectorAll("#services tbody tr")].map((r) => [...r.children].map((c) => c.textContent))"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def live(edges, client, server):
    """The first edge of these names that has live figures."""
    for e in edges:
        if fnmatch.fnmatchcase(e["client"], client) and fnmatch.fnmatchcase(e["server"], server) and e["known"] and e["rate"] > 0 and e["p95_ns"] is not None:
            return e
    return None


def faults(browser, url):
    """What must not happen on any page, as lines."""
    base = "/".join(url.split("/")[:3]) + "/"
    wrong = ["console: " + e for e in browser.errors]
    wrong += ["request to elsewhere: " + u for u in browser.requests if not u.startswith((base, "data:", "about:"))]
    wide = browser.js(OVERFLOW)
    if wide > 0:
        wrong.append("the page is %d px wider than the screen" % wide)
    return wrong


def look(browser, options):
    browser.screen(options.width, options.height, dark=options.dark, phone=options.width <= 480)
    browser.goto(options.url)
    deadline = time.monotonic() + options.timeout
    missing = list(options.expect_edge)
    edges = []
    while True:
        if browser.js('document.body && document.body.dataset.rounds'):
            edges = browser.js(EDGES)
            missing = [pair for pair in options.expect_edge if not live(edges, *pair)]
            if not missing:
                break
        if time.monotonic() > deadline:
            break
        time.sleep(0.3)
    wrong = ["no live edge %s -> %s" % tuple(pair) for pair in missing]
    if not browser.js('Boolean(document.body.dataset.rounds)'):
        wrong.append("the page never got an answer: " + browser.js('document.querySelector("#banner")?.textContent || ""'))
    services = browser.js(SERVICES)
    for pattern in options.expect_service:
        if not any(fnmatch.fnmatchcase(row[0], pattern) for row in services):
            wrong.append("no service " + pattern)
    if options.screenshot:
        browser.screenshot(options.screenshot)
    return edges, services, wrong + faults(browser, options.url)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--expect-edge", nargs=2, metavar=("CLIENT", "SERVER"), action="append", default=[])
    parser.add_argument("--expect-service", metavar="NAME", action="append", default=[])
    parser.add_argument("--screenshot", metavar="FILE")
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--timeout", type=float, default=30, metavar="SECONDS")
    parser.add_argument("--json", action="store_true", help="print what was seen as JSON")
    options = parser.parse_args()
    try:
        with chrome.Chrome() as browser:
            edges, services, wrong = look(browser, options)
    except chrome.Failure as e:
        edges, services, wrong = [], [], [str(e)]
    if options.json:
        print(json.dumps({"edges": edges, "services": services, "wrong": wrong}, indent=1, ensure_ascii=False))
    else:
        for e in edges:
            print("%s -> %s: %s" % (e["client"], e["server"], e["text"]))
    for line in wrong:
        print("browse.py: " + line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
