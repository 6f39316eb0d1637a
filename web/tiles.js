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

	show(value, under, cls) {
		setText(this.value, value);
		setText(this.under, under);
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
		const share = rate ? Math.min(1, failing / rate) : null;
		const {records: r, connections: c} = health;
		this.requests.show(f.rate(rate), `${f.compact(health.exchanges.total)} since the agent began`);
		this.requests.add(rate);
		this.errors.show(f.percent(share), failing ? `${f.rate(failing)} fail` : "none failing now", f.errorClass(share));
		this.errors.add(share);
		this.connections.show(f.count(c.now), `${f.compact(c.opened)} opened, ${f.compact(c.closed)} closed`);
		this.lost.show(f.count(r.lost), r.lost ? `${f.percent(r.lost / r.produced)} of ${f.compact(r.produced)}` : `of ${f.compact(r.produced)} records`,
			health.status === "losing" ? "bad" : r.lost ? "warn" : "good");
	}
}
