#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page against canned answers, in headless Chromium: page_test.py SCREENSHOT_DIRECTORY"""
import os
import re
import subprocess
import sys
import unittest

import browse
import chrome
import fixture
import scenes

SHOTS = "."
LINK = '#map .link[data-client=%s][data-server=%s]'

# The least contrast of any visible text with what is behind it (WCAG 2, 1.4.3), and that text.
CONTRAST = """(() => {
	const parse = (c) => { const m = c.match(/[\\d.]+/g).map(Number); return {rgb: m.slice(0, 3), a: m.length > 3 ? m[3] : 1}; };
	const light = (rgb) => { const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	let worst = {ratio: 99};
	for (const e of document.querySelectorAll("body *")) {
		if (e.closest("svg, .hidden, .skip, [hidden], noscript") || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
		if (!e.getClientRects().length) continue;
		let back = null;
		for (let at = e; at && !back; at = at.parentElement) { const c = parse(getComputedStyle(at).backgroundColor); if (c.a > 0) back = c.rgb; }
		const a = light(parse(getComputedStyle(e).color).rgb), b = light(back);
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < worst.ratio) worst = {ratio, text: e.textContent.slice(0, 40), cls: e.className};
	}
	return worst; })()"""

FORMATS = [
    ("duration", [0], "0 s"), ("duration", [999], "999 ns"), ("duration", [1000], "1 µs"), ("duration", [2149000], "2.1 ms"), ("duration", [812345, 3], "812 µs"),
    ("duration", [999960], "1 ms"), ("duration", [59.9e9], "60 s"), ("duration", [61e9], "1 min 1 s"), ("duration", [None], "–"),
    ("rate", [0], "0/s"), ("rate", [0.004], "<0.01/s"), ("rate", [4], "4/s"), ("rate", [12345], "12/s".replace("12", "12k")), ("rate", [151.2], "151/s"),
    ("bytes", [0], "0 B"), ("bytes", [1500], "1.5 kB"), ("bytes", [2e9], "2 GB"), ("percent", [0], "0 %"), ("percent", [0.0004], "<0.1 %"),
    ("percent", [0.0123], "1.2 %"), ("percent", [0.9999], ">99.9 %"), ("percent", [1], "100 %"), ("percent", [None], "–"),
    ("count", [2841190], "2,841,190"), ("compact", [2841190], "2.84M"), ("span", [93784e9], "1 d 2 h"), ("span", [0], "0 s"),
    ("operation", ["GET", "/cart"], "GET /cart"), ("operation", ["SELECT", "select 1"], "select 1"), ("operation", ["BEGIN", "BEGIN"], "BEGIN"),
    ("operation", ["GET", "get/x"], "GET get/x"), ("operation", [None, None], "–"),
]


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = chrome.Chrome()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def setUp(self):
        self.fixture = fixture.Fixture()
        self.expected_errors = False

    def tearDown(self):
        wrong = browse.faults(self.browser, self.fixture.url)
        if self.expected_errors:
            wrong = [w for w in wrong if not w.startswith("console: Failed to load resource")]
        self.browser.goto("about:blank")
        self.fixture.close()
        self.assertEqual(wrong, [])

    def show(self, scene="busy", width=1440, height=900, dark=False, rest=""):
        self.fixture.scene = scene
        self.browser.goto("about:blank")
        self.browser.errors.clear()
        self.browser.requests.clear()
        self.browser.screen(width, height, dark=dark, phone=width <= 480)
        self.browser.goto(self.fixture.url + rest)
        self.browser.wait("document.body && Number(document.body.dataset.rounds) >= 1")

    def rounds(self, n):
        now = self.browser.js("Number(document.body.dataset.rounds)")
        self.browser.wait("Number(document.body.dataset.rounds) >= %d" % (now + n))

    def texts(self, selector):
        return self.browser.js("[...document.querySelectorAll(%s)].map((e) => e.textContent)" % repr(selector))

    def shot(self, name):
        self.browser.screenshot(os.path.join(SHOTS, name + ".png"))

    # ---- the map ----

    def test_map_shows_who_calls_whom(self):
        self.show()
        edges = self.browser.js(browse.EDGES)
        names = self.browser.js('[...document.querySelectorAll("#map .node")].map((g) => g.dataset.name)')
        wanted = scenes.busy(1)["map"]
        self.assertEqual(sorted(names), sorted(n["name"] for n in wanted["nodes"]))
        self.assertEqual(len(edges), len(wanted["edges"]))
        edge = browse.live(edges, "nginx", "shop")
        self.assertRegex(edge["text"], r"^http \d+/s \| 1\.3 % err · p95 ≈ 11 ms$")
        self.assertEqual(edge["text"].split()[1], "276/s")
        self.assertIn('class="node service bad busy"', self.browser.js('document.querySelector("#map .node[data-name=payments]").outerHTML'))
        self.shot("desktop")

    def test_refused_connections_are_seen(self):
        self.show()
        edge = next(e for e in self.browser.js(browse.EDGES) if (e["client"], e["server"]) == ("payments", "203.0.113.7:443"))
        self.assertEqual(edge["text"], "tcp | 48 kB/s · 3 refused")
        self.assertIn("bad", self.browser.js("document.querySelector(%r).getAttribute('class')" % (LINK % ("payments", "'203.0.113.7:443'"))))
        self.assertEqual(self.texts("[data-tile=Connections] .under"), ["3 could not be opened, 0.1/s now"])
        self.assertIn("bad", self.browser.js('document.querySelector("[data-tile=Connections]").className'))

    def test_tiles_count_what_the_map_shows(self):
        self.show()
        wanted = scenes.busy(1)["map"]
        self.assertEqual(self.texts("[data-tile=Requests] .under"), ["%.2fM since the agent began" % (sum(e["count"] for e in wanted["edges"]) / 1e6)])
        self.assertRegex(self.texts("[data-tile=Errors] .under")[0], r"^\d+(\.\d)?/s now, \d+/s not known$")
        for said in (self.texts("#errors-note")[0], self.browser.js('document.querySelector("[data-tile=Errors]").title')):
            self.assertRegex(said, "not answered, or .*5xx.*4xx")

    def test_map_runs_from_left_to_right(self):
        self.show()
        x = self.browser.js("""Object.fromEntries([...document.querySelectorAll("#map .node")].map((g) => [g.dataset.name, g.getBoundingClientRect().x]))""")
        for before, after in (("10.0.0.9", "nginx"), ("nginx", "shop"), ("shop", "mariadbd"), ("shop", "redis-server"), ("payments", "203.0.113.7:443")):
            self.assertLess(x[before], x[after])

    def test_unknown_protocols_are_dashed_and_outside_nodes_differ(self):
        self.show()
        dash = lambda c, s: self.browser.js('getComputedStyle(document.querySelector(%r + " .path")).strokeDasharray' % (LINK % (repr(c), repr(s))))
        self.assertEqual(dash("nginx", "shop"), "none")
        self.assertNotEqual(dash("payments", "203.0.113.7:443"), "none")
        shape = lambda n: self.browser.js('document.querySelector(\'#map .node[data-name="%s"] rect\').getAttribute("rx")' % n)
        self.assertNotEqual(shape("nginx"), shape("10.0.0.9"))
        self.assertEqual(self.browser.js('document.querySelector(\'#map .node[data-name="10.0.0.9"] .line\').textContent'), "outside")

    def test_map_stays_where_it_is(self):
        self.show()
        where = '[...document.querySelectorAll("#map .node")].map((g) => g.dataset.name + g.getAttribute("transform"))'
        figures = '[...document.querySelectorAll("#map .label")].map((g) => g.textContent)'
        before, told = self.browser.js(where), self.browser.js(figures)
        self.rounds(2)
        self.assertEqual(self.browser.js(where), before)
        self.assertNotEqual(self.browser.js(figures), told)

    def test_labels_and_nodes_do_not_cover_each_other(self):
        for width, scene in ((1440, "busy"), (390, "busy"), (1440, "own_caller"), (390, "own_caller")):
            self.show(scene, width=width)
            covered = self.browser.js("""(() => {
                const boxes = [...document.querySelectorAll("#map .node > rect:first-of-type, #map .label text")].map((e) => ({r: e.getBoundingClientRect(), g: e.parentNode, t: e.parentNode.textContent}));
                const hits = [];
                boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
                    const w = Math.min(a.r.right, b.r.right) - Math.max(a.r.left, b.r.left), h = Math.min(a.r.bottom, b.r.bottom) - Math.max(a.r.top, b.r.top);
                    if (a.g !== b.g && w > 3 && h > 4) hits.push(a.t + " / " + b.t);
                }));
                return hits; })()""")
            self.assertEqual(covered, [], "%s at %d px" % (scene, width))
            self.shot("%s-%d" % (scene, width))

    def test_legend_explains_every_colour(self):
        self.show()
        colours = lambda selector: set(self.browser.js('[...document.querySelectorAll("%s")].map((e) => getComputedStyle(e).stroke)' % selector))
        self.assertEqual(colours("#map .link:not(.selected) .path") - colours(".legend line"), set())

    def test_crowds_are_folded_and_bounded(self):
        self.show("crowd")
        self.assertLessEqual(self.browser.js('document.querySelectorAll("#map .node").length'), 60)
        self.assertRegex(self.texts("#map-note")[0], r"quieter ones not drawn")
        self.assertIn("202 addresses", self.texts("#map .node .name"))
        label = self.browser.js("document.querySelector(%r).dataset.label" % (LINK % ("'202 addresses'", "nginx")))
        self.assertRegex(label, r"^http 391/s \| 0\.76 % err · p95 ≤ 13 ms$")
        self.assertEqual(self.browser.js('document.querySelectorAll("#operations tbody tr").length'), 60)
        self.browser.click("#operations .more")
        self.assertEqual(self.browser.js('document.querySelectorAll("#operations tbody tr").length'), 162)
        self.shot("crowd")

    # ---- tables ----

    def test_tables_show_services_and_operations(self):
        self.show()
        services = self.browser.js(browse.SERVICES)
        self.assertEqual(len(services), 9)
        self.assertEqual(next(r for r in services if r[0] == "payments")[2:6], ["9.4 %", "61 ms", "189 ms", "451 ms"])
        self.assertRegex(next(r for r in services if r[0] == "payments")[1], r"^(9\.\d|1[0-4])/s$")
        rows = self.texts("#operations tbody tr")
        self.assertEqual(len(rows), 12)
        self.assertTrue(any(r.startswith("SELECT id, name, price FROM products") for r in rows))

    def test_tables_sort(self):
        self.show()
        column = lambda: [r[0] for r in self.browser.js(browse.SERVICES)]
        self.assertEqual(column(), sorted(column()))
        head = '#services thead th:nth-child(2)'
        self.browser.click(head + " button")
        self.assertEqual(column()[:3], ["redis-server", "mariadbd", "nginx"])
        self.assertEqual(column()[-2:], ["backup-of-the-orders-database", "worker"])
        self.assertEqual(self.browser.js('document.querySelector("%s").getAttribute("aria-sort")' % head), "descending")
        self.browser.click(head + " button")
        self.assertEqual(column()[:2], ["systemd-resolved", "payments"])
        self.assertEqual(column()[-2:], ["backup-of-the-orders-database", "worker"], "unknown comes last either way")
        self.rounds(1)
        self.assertEqual(column()[:2], ["systemd-resolved", "payments"], "the order stays")

    def test_selection_by_mouse_and_keyboard(self):
        self.show()
        self.browser.click('#map .node[data-name="shop"]')
        self.browser.wait('document.querySelector("#services tr.selected .pick").textContent === "shop"')
        self.assertEqual({r[1] for r in self.browser.js('[...document.querySelectorAll("#operations tbody tr")].map((r) => [...r.children].map((c) => c.textContent))')}, {"shop"})
        self.assertIn("nginx → shop", self.texts("#detail tbody th"))
        self.assertFalse(self.browser.js('document.querySelector("#map .node[data-name=nginx]").classList.contains("dim")'))
        self.assertTrue(self.browser.js('document.querySelector("#map .node[data-name=postgres]").classList.contains("dim")'))
        self.rounds(1)
        self.shot("selected")

        self.browser.press("Escape", 27)
        self.browser.wait('document.querySelectorAll("#operations tbody tr").length === 12 && document.querySelector("#detail").hidden')
        self.browser.js('document.querySelector("#map .node[data-name=payments]").focus()')
        self.browser.press("Enter", 13, "\r")
        self.browser.wait('document.querySelector("#services tr.selected .pick").textContent === "payments"')
        self.browser.click("#selected-chip")
        self.browser.click(LINK % ("nginx", "shop") + " .head")
        self.browser.wait('document.querySelector("#detail h3").textContent === "nginx → shop"')
        self.browser.click("#services tbody tr:nth-child(2)")
        self.browser.wait('location.hash === "#select=service%3Amariadbd"')

    def test_address_keeps_the_selection(self):
        self.show(rest="#select=service%3Aredis-server&kind=failed")
        self.assertEqual(self.texts("#services tr.selected .pick"), ["redis-server"])
        self.assertEqual(self.texts('#exchange-tabs [aria-pressed="true"]'), ["Failed"])

    # ---- exchanges ----

    def test_exchanges_open(self):
        self.show()
        self.assertEqual(len(self.texts("#exchanges tbody tr")), 7)
        self.assertIn("1.84 s", self.texts("#exchanges tbody tr")[0])
        self.browser.click("#exchanges .opener")
        facts = dict(zip(self.texts(".facts dt"), self.texts(".facts dd")))
        self.assertEqual(facts["url.path"], "/checkout")
        self.assertEqual(facts["client"], "127.0.0.1:51203")
        self.assertEqual(facts["process"], "nginx (pid 4203)")
        self.assertRegex(self.texts(".timeline p")[0], "1.47 s waiting for the first byte")
        self.rounds(1)
        self.assertEqual(len(self.texts(".facts")), 1, "what is open stays open")

        self.browser.click('#exchange-tabs [data-kind="failed"]')
        self.browser.wait('document.querySelectorAll("#exchanges .status.bad").length === 5')
        self.assertEqual(self.texts("#exchanges .status")[0], "timeout")
        self.assertIn("incomplete", self.texts("#exchanges tbody tr")[-1])

    # ---- health ----

    def test_health_without_and_with_loss(self):
        self.show()
        self.assertEqual(self.browser.js('document.querySelector("#health [data-lost]").dataset.lost'), "0")
        self.assertEqual(self.browser.js('document.querySelector(".ledger").dataset.holds'), "true")
        self.assertEqual(self.texts("[data-tile='Records lost'] .value"), ["0"])
        self.rounds(1)
        # The share follows the clock between two polls, which a busy machine stretches.
        self.assertTrue(any(re.fullmatch(r"CPU\d+(\.\d)? %", text) for text in self.texts("#health .pairs div")), self.texts("#health .pairs div"))
        self.fixture.scene = "losing"
        self.rounds(1)
        self.assertEqual(self.texts(".causes tbody th"), ["ring full", "fd gone", "fault"])
        self.assertEqual(self.browser.js('document.querySelector(".ledger").dataset.holds'), "true")
        self.assertEqual(self.texts("#live-text"), ["losing records"])
        self.shot("losing")

    def test_nothing_seen_yet(self):
        self.show("empty")
        self.assertEqual(self.texts("#map .empty-title"), ["No traffic seen yet"])
        self.assertIn("telltale doctor", self.texts("#map .empty")[0])
        self.assertEqual(len(self.texts(".empty-title")), 4)
        self.shot("empty")
        self.fixture.scene = "busy"
        self.rounds(1)
        self.assertEqual(self.texts(".empty-title"), [])

    def test_agent_gone_and_back(self):
        self.expected_errors = True
        self.show()
        self.fixture.scene = "gone"
        self.browser.wait('!document.querySelector("#banner").hidden')
        self.assertIn("does not answer", self.texts("#banner")[0])
        self.assertEqual(len(self.browser.js(browse.EDGES)), 13, "what was known stays")
        self.shot("gone")
        self.fixture.scene = "down"
        self.browser.wait('document.querySelector("#banner").textContent.includes("busy; try again")')
        self.fixture.scene = "busy"
        self.browser.wait('document.querySelector("#banner").hidden')

    def test_it_rests_while_nobody_looks(self):
        self.show()
        hide = 'Object.defineProperty(document, "hidden", {value: %s, configurable: true}); document.dispatchEvent(new Event("visibilitychange"))'
        self.browser.js(hide % "true")
        self.browser.js("new Promise((done) => setTimeout(done, 500))")
        before = len(self.fixture.asked)
        self.browser.js("new Promise((done) => setTimeout(done, 3000))")
        self.assertEqual(len(self.fixture.asked), before)
        self.browser.js(hide % "false")
        self.rounds(1)

    # ---- looks ----

    def test_phone(self):
        for width in (390, 320):
            for scene in scenes.SCENES:
                with self.subTest(width=width, scene=scene):
                    self.show(scene, width=width, height=844)
                    self.assertLessEqual(self.browser.js(browse.OVERFLOW), 0)
        self.show(width=390, height=844)
        self.browser.click("#exchanges .opener")
        self.assertLessEqual(self.browser.js(browse.OVERFLOW), 0)
        self.assertEqual(self.browser.js('document.querySelector("#map").scrollWidth - document.querySelector("#map").clientWidth'), 0, "the whole map is there")
        self.shot("phone")

    def test_dark(self):
        light = []
        for dark in (False, True):
            self.show("losing", dark=dark)
            light.append(self.browser.js('getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((a, b) => a + Number(b), 0)'))
            worst = self.browser.js(CONTRAST)
            self.assertGreaterEqual(worst["ratio"], 4.5, worst)
        self.assertGreater(light[0], 600)
        self.assertLess(light[1], 120)
        self.shot("dark")
        self.show("busy", width=390, height=844, dark=True)
        self.shot("phone-dark")

    def test_names_are_text(self):
        for kind in ("slowest", "failed"):
            self.show("evil", rest="#kind=" + kind)
            self.browser.click("#exchanges .opener")
            self.browser.click("#map .node.service")
            self.rounds(1)
            self.assertEqual(self.browser.js("document.title"), "telltale")
            self.assertEqual(self.browser.js('document.querySelectorAll("main img, main script, main [onerror]").length'), 0)
            self.assertIn(scenes.EVIL, self.texts("#services .pick"))
            self.assertIn(scenes.EVIL, self.texts(".facts dt"))
            self.assertIn(scenes.EVIL, self.browser.js('[...document.querySelectorAll("#map .node")].map((g) => g.dataset.name)'))
        self.shot("evil")

    def test_numbers_read_well(self):
        self.show()
        for name, args, expect in FORMATS:
            got = self.browser.js('import("/format.js").then((f) => f.%s(...%s))' % (name, str(args).replace("None", "null")))
            self.assertEqual(got, expect, "%s%r" % (name, args))


class Browse(unittest.TestCase):
    """The script the live tests use finds what is there and says what is not."""

    def run_browse(self, *args):
        shown = fixture.Fixture()
        try:
            return subprocess.run([sys.executable, browse.__file__, shown.url, "--timeout", "5", *args], capture_output=True, text=True, timeout=120)
        finally:
            shown.close()

    def test_finds(self):
        shot = os.path.join(SHOTS, "browse.png")
        done = self.run_browse("--expect-edge", "nginx", "shop", "--expect-edge", "shop", "maria*", "--expect-service", "redis*", "--screenshot", shot)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("nginx -> shop: http ", done.stdout)
        self.assertGreater(os.path.getsize(shot), 10000)

    def test_misses(self):
        done = self.run_browse("--expect-edge", "shop", "nginx", "--expect-edge", "payments", "203.0.113.7:443", "--expect-service", "apache2")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no live edge shop -> nginx", done.stderr)
        self.assertIn("no live edge payments -> 203.0.113.7:443", done.stderr)
        self.assertIn("no service apache2", done.stderr)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        SHOTS = sys.argv.pop(1)
        os.makedirs(SHOTS, exist_ok=True)
    unittest.main(verbosity=2)
