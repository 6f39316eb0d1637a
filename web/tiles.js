// SPDX-License-Identifier: Apache-2.0
// The row of summary figures, two of them with their course since the page was opened.

import {h, setAttr, setChildren, setText, svg} from "./dom.js";
import * as f from "./format.js";

const SAMPLES = 90;

class Tile {
	constructor(name, withCourse) {
		this.value = h("p", {class: "value"});
		this.under = h("p", {class: "under"});
		this.element = h("div", {class: "tile", "data-tile": name}, h("h2", {text: name}), this.value, this.under);
		this.samples = [];
		if (withCourse) {
			this.line = svg("polyline", {fill: "none", "vector-effect": "non-scaling-stroke"});
			this.element.append(svg("svg", {class: "course", viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true"}, this.line));
		}
	}

	show(value, under, cls, tip) {
		setText(this.value, value);
		setText(this.under, under);
		setAttr(this.element, "title", tip || null);
		setAttr(this.element, "class", ["tile", cls].filter(Boolean).join(" "));
	}

	add(sample) {
		this.samples = [...this.samples, sample || 0].slice(-SAMPLES);
		const top = Math.max(...this.samples) || 1, n = this.samples.length;
		const points = this.samples.map((v, i) => `${(100 - ((n - 1 - i) * 100) / (SAMPLES - 1)).toFixed(1)},${(28 - (v / top) * 25).toFixed(1)}`);
		setAttr(this.line, "points", n > 1 ? points.join(" ") : "");
	}
}

export class Tiles {
	constructor(container) {
		this.requests = new Tile("Requests", true);
		this.errors = new Tile("Errors", true);
		this.connections = new Tile("Connections");
		this.lost = new Tile("Records lost");
		setChildren(container, [this.requests, this.errors, this.connections, this.lost].map((t) => t.element));
	}

	update(map, health) {
		const rate = map.edges.reduce((sum, e) => sum + e.rate, 0);
		const failing = map.edges.reduce((sum, e) => sum + e.error_rate, 0);
		const unknown = map.edges.reduce((sum, e) => sum + e.unknown_rate, 0);
		const share = f.errorShare({rate, error_rate: failing, unknown_rate: unknown});
		const refused = map.edges.reduce((sum, e) => sum + e.connects_failed_rate, 0);
		const {records: r, connections: c} = health, all = map.total;
		this.requests.show(f.rate(rate), `${f.compact(all.count)} since the agent began`, null, "Each request once, also where both its ends are seen");
		this.requests.add(rate);
		this.errors.show(f.percent(share), `${failing ? f.rate(failing) : "none"} now, ${unknown ? `${f.rate(unknown)} not known` : `${f.compact(all.failed)} since the agent began`}`, f.errorClass(share), f.WHAT_FAILED);
		this.errors.add(share);
		this.connections.show(f.count(c.now), all.connects_failed ? `${f.compact(all.connects_failed)} could not be opened${refused ? `, ${f.rate(refused)} now` : ""}`
			: `${f.compact(c.opened)} opened, ${f.compact(c.closed)} closed`, refused ? "bad" : all.connects_failed ? "warn" : null,
			`${f.count(c.opened)} opened, ${f.count(c.closed)} closed, ${f.count(all.connects_failed)} could not be opened (refused, unreachable, timed out)`);
		this.lost.show(f.count(r.lost), r.lost ? `${f.percent(r.lost / r.produced)} of ${f.compact(r.produced)}` : `of ${f.compact(r.produced)} records`,
			health.status === "losing" ? "bad" : r.lost ? "warn" : "good");
	}
}
