// SPDX-License-Identifier: Apache-2.0
// Below the map: the connections of what is selected there, with the durations as each end measured them.

import {h, setText} from "./dom.js";
import * as f from "./format.js";
import {knownProtocol} from "./model.js";
import {Table} from "./table.js";

const figure = (id, title, pick, show, more) => ({id, title, num: true, value: pick, text: (e) => show(pick(e)), ...more});
const known = (pick) => (e) => (knownProtocol(e.protocol) ? pick(e) : null);

export class Detail {
	constructor(container, onClose) {
		this.container = container;
		this.title = h("h3");
		this.wrap = h("div", {class: "table-wrap"});
		const close = h("button", {type: "button", class: "chip", text: "Close", onclick: onClose});
		container.append(h("div", {class: "detail-head"}, this.title, close), this.wrap);
		this.table = new Table(this.wrap, {
			caption: "Connections of the selection",
			key: (e) => [e.client, e.server, e.protocol].join("\t"),
			sort: {id: "rate", down: true},
			columns: [
				{id: "way", title: "Caller → called", head: true, wide: true, value: (e) => e.way, text: (e) => e.way, tip: (e) => e.way, sub: (e) => e.protocol},
				{id: "protocol", title: "Protocol", hide: "phone", value: (e) => e.protocol, text: (e) => e.protocol},
				figure("rate", "Rate", known((e) => e.rate), f.rate),
				figure("errors", "Errors", (e) => f.errorShare(e), f.percent, {cls: (e) => f.errorClass(f.errorShare(e))}),
				figure("p50", "≈ p50", (e) => e.p50_ns, f.duration, {hide: "phone"}),
				figure("p95", "≈ p95", (e) => e.p95_ns, f.duration),
				figure("p99", "≈ p99", (e) => e.p99_ns, f.duration, {hide: "phone"}),
				figure("client_p95", "≈ p95 at caller", (e) => e.client_p95_ns, f.duration, {hide: "narrow"}),
				figure("server_p95", "≈ p95 at called", (e) => e.server_p95_ns, f.duration, {hide: "narrow"}),
				figure("bytes", "Bytes", (e) => e.bytes_per_s, (v) => f.bytes(v) + "/s", {hide: "narrow"}),
				figure("connects", "Connects", (e) => e.connects, f.compact, {hide: "narrow"}),
				figure("refused", "Not connected", (e) => e.connects_failed, f.compact, {hide: "phone", cls: (e) => (e.connects_failed_rate ? "bad" : e.connects_failed ? "warn" : "")}),
			],
		});
	}

	update(map, graph, selected) {
		const link = graph.links.find((l) => l.key === selected);
		const node = graph.nodes.find((n) => n.id === selected);
		const parts = link ? link.parts : node ? graph.links.filter((l) => l.from === selected || l.to === selected).flatMap((l) => l.parts) : [];
		this.container.hidden = !parts.length;
		if (!parts.length) return;

		const names = new Map(map.nodes.map((n) => [n.id, n.name]));
		const name = (id) => names.get(id) || id;
		const drawn = new Map(graph.nodes.map((n) => [n.id, n.name]));
		setText(this.title, link ? `${drawn.get(link.from)} → ${drawn.get(link.to)}` : node.name);
		this.table.update(parts.map((e) => ({...e, way: `${name(e.client)} → ${name(e.server)}`})));
	}
}
