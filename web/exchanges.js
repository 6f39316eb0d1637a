// SPDX-License-Identifier: Apache-2.0
// The slowest and the failed exchanges. What someone has opened stays, also when it has left the agent's list.

import {emptyState, h, setAttr, setChildren, setText} from "./dom.js";
import * as f from "./format.js";

const EMPTY = {
	slowest: ["No exchanges in the last five minutes", "The slowest requests appear here, with all that is known of them."],
	failed: ["No failures in the last five minutes", "Requests that failed, or whose connection ended before their answer, appear here, latest first."],
};
const BROKE_OFF = new Set(["closed_by_client", "closed_by_server", "reset", "timeout", "lost", "unfinished"]);
const COLUMNS = [["Time", "hide-phone"], ["Service", "hide-phone"], ["Operation", "wide"], ["Status", null], ["Duration", "num"]];

const keyOf = (x) => [x.time_unix_ns, x.pid, x.tid, x.kind, x.protocol, x.client, x.operation, x.resource].join("\t");
const withUnit = (v, show) => (v === null || v === undefined ? f.NONE : show(v));

// [name, value] of all that is known; what is null says so.
function facts(x) {
	const process = x.pid === null ? null : `${f.text(x.comm)} (pid ${x.pid}${x.tid !== null && x.tid !== x.pid ? `, thread ${x.tid}` : ""})`;
	return [
		["client", f.text(x.client)], ["server", f.text(x.server)], ["process", f.text(process)], ["container", f.text(x.container_id)],
		["seen at", f.text(x.kind) + (x.source ? `, ${x.source}` : "")],
		["first byte after", f.duration(x.ttfb_ns, 3)],
		["request", withUnit(x.request_bytes, f.bytes)], ["response", withUnit(x.response_bytes, f.bytes)],
		["complete", x.complete ? "yes" : "no: part of it was not seen"],
		["error", f.text(x.error_type)],
		...Object.entries(x.attributes || {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, v]) =>
			[name, typeof v === "object" && v !== null ? JSON.stringify(v) : f.text(v)]),
	];
}

// Where the time went: waiting for the first byte, and moving bytes.
function timeline(x) {
	if (!x.duration_ns || x.ttfb_ns === null || x.ttfb_ns > x.duration_ns) return null;
	const wait = h("span", {class: "wait"});
	wait.style.width = (x.ttfb_ns / x.duration_ns) * 100 + "%";
	return h("div", {class: "timeline"}, h("div", {class: "timeline-bar"}, wait),
		h("p", {text: `${f.duration(x.ttfb_ns, 3)} waiting for the first byte, ${f.duration(x.duration_ns - x.ttfb_ns, 3)} sending and receiving`}));
}

export class Exchanges {
	constructor(container) {
		this.container = container;
		this.body = h("tbody");
		this.table = h("table", {class: "exchange-table"}, h("caption", {class: "hidden", text: "Exchanges"}),
			h("thead", {}, h("tr", {}, ...COLUMNS.map(([name, cls]) => h("th", {scope: "col", class: cls, text: name})))), this.body);
		this.drawn = new Map();
		this.open = new Map();
	}

	update(list, kind, service) {
		if (kind !== this.kind) this.open.clear();
		this.kind = kind;
		const wanted = new Map();
		for (const x of [...list, ...this.open.values()]) {
			if (!service || x.service === service) wanted.set(keyOf(x), x);
		}
		const rows = [...wanted].sort(([, a], [, b]) => (kind === "slowest" ? (b.duration_ns || 0) - (a.duration_ns || 0) : b.time_unix_ns - a.time_unix_ns));
		if (!rows.length) {
			const [title, line] = EMPTY[kind];
			setChildren(this.container, [emptyState(title, service ? `Only ${service} is shown; choose it again to see all services.` : line)]);
			return;
		}
		const longest = Math.max(1, ...rows.map(([, x]) => x.duration_ns || 0));
		const before = this.drawn;
		this.drawn = new Map();
		const elements = [];
		for (const [key, x] of rows) {
			const drawn = before.get(key) || this.newRow(key, x);
			this.drawn.set(key, drawn);
			drawn.bar.style.width = ((x.duration_ns || 0) / longest) * 100 + "%";
			elements.push(drawn.tr);
			if (drawn.detail) elements.push(drawn.detail);
		}
		setChildren(this.body, elements);
		setChildren(this.container, [this.table]);
	}

	newRow(key, x) {
		const name = f.operation(x.operation, x.resource);
		const button = h("button", {type: "button", class: "opener", "aria-expanded": "false", title: name}, h("span", {class: "what", text: name}));
		const bar = h("span", {class: "bar"});
		const broke = x.error !== false && (x.status === null || BROKE_OFF.has(x.error_type)) ? f.text(x.error_type).replaceAll("_", " ") : "";
		const status = x.status === null ? broke || f.NONE : [x.status, broke].filter(Boolean).join(", ");
		const tr = h("tr", {class: x.error ? "failed" : null},
			h("td", {class: "time hide-phone", text: f.clock(x.time_unix_ns)}),
			h("td", {class: "hide-phone service", text: f.text(x.service), title: f.text(x.service)}),
			h("td", {class: "wide"}, button, h("span", {class: "under"}, h("span", {class: "only-phone", text: `${f.clock(x.time_unix_ns, false)} · ${f.text(x.service)} · `}),
				`${x.kind} · ${x.protocol}${x.complete ? "" : " · incomplete"}`)),
			h("td", {class: x.error ? "status bad" : "status", text: status, title: f.text(x.error_type || x.status)}),
			h("td", {class: "num duration"}, h("span", {text: f.duration(x.duration_ns, 3)}), h("span", {class: "bar-track"}, bar)));
		const drawn = {tr, bar, button, detail: null};
		tr.classList.add("pickable");
		tr.addEventListener("click", () => this.toggle(key, x, drawn));
		return drawn;
	}

	toggle(key, x, drawn) {
		if (drawn.detail) {
			drawn.detail.remove();
			drawn.detail = null;
			this.open.delete(key);
		} else {
			const list = h("dl", {}, ...facts(x).map(([name, value]) => h("div", {}, h("dt", {text: name}), h("dd", {text: value}))));
			drawn.detail = h("tr", {class: "facts"}, h("td", {colspan: COLUMNS.length}, timeline(x), list));
			drawn.tr.after(drawn.detail);
			this.open.set(key, x);
		}
		setAttr(drawn.button, "aria-expanded", drawn.detail ? "true" : "false");
		drawn.tr.classList.toggle("open", Boolean(drawn.detail));
	}
}

export function exchangesNote(element, answer, service) {
	const dropped = answer.dropped ? `, ${f.compact(answer.dropped)} more came too fast to keep` : "";
	const callers = answer.kind === "failed" ? ", with what callers were refused (4xx)" : "";
	setText(element, `last five minutes${service ? `, ${service} only` : ""}${callers}${dropped}`);
}
