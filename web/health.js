// SPDX-License-Identifier: Apache-2.0
// The agent about itself: what it saw, what it lost and why, what it costs.

import {h, morphChildren} from "./dom.js";
import * as f from "./format.js";

// Share of one CPU used since the sample before; over the whole life for the first one.
export function cpuShare(now, before) {
	if (before && now.time_unix_ns > before.time_unix_ns && now.cpu_ns >= before.cpu_ns)
		return (now.cpu_ns - before.cpu_ns) / (now.time_unix_ns - before.time_unix_ns);
	return now.uptime_ns > 0 ? now.cpu_ns / now.uptime_ns : null;
}

function meter(parts, total, label) {
	const bar = h("div", {class: "meter", role: "img", "aria-label": label});
	for (const [cls, value] of parts) {
		if (!value) continue;
		const part = h("span", {class: cls});
		part.style.width = (value / (total || 1)) * 100 + "%";
		bar.append(part);
	}
	return bar;
}

function row(name, value, cls, tip) {
	return h("div", {title: tip || null}, h("dt", {text: name}), h("dd", {class: cls || null, text: value}));
}

function causes(records, bytes) {
	const names = Object.entries(records.lost_by_cause || {}).filter(([, n]) => n > 0).sort((a, b) => b[1] - a[1]);
	if (!records.lost && !names.length) return h("p", {class: "good-line", "data-lost": "0", text: "Nothing lost: every record the kernel side produced arrived or is on its way."});
	const list = names.map(([cause, n]) => h("tr", {},
		h("th", {scope: "row", text: cause.replaceAll("_", " ")}), h("td", {class: "num", text: f.count(n)}),
		h("td", {class: "num", text: f.percent(records.produced ? n / records.produced : null)}),
		h("td", {class: "num", text: f.bytes((bytes.lost_by_cause || {})[cause] ?? null)})));
	return h("table", {class: "causes", "data-lost": records.lost}, h("caption", {class: "hidden", text: "Loss by cause"}),
		h("thead", {}, h("tr", {}, ...["Lost because of", "Records", "Share", "Bytes"].map((t, i) => h("th", {scope: "col", class: i ? "num" : null, text: t})))),
		h("tbody", {}, ...list));
}

function ledger(r) {
	const sum = r.delivered + r.lost + r.queued;
	const holds = sum === r.produced;
	const term = (value, name, cls) => h("span", {class: "term " + (cls || "")}, h("b", {text: f.count(value)}), h("small", {text: name}));
	const sign = (t) => h("span", {class: "sign", text: t});
	return h("div", {class: "ledger", "data-holds": String(holds)},
		term(r.produced, "produced"), sign(holds ? "=" : "≠"), term(r.delivered, "delivered"), sign("+"),
		term(r.lost, "lost", r.lost ? "bad" : "good"), sign("+"), term(r.queued, "queued"));
}

export function renderHealth(container, x, before) {
	const cpu = cpuShare(x, before), r = x.records;
	const parts = [
		h("h3", {text: "Records"}), ledger(r),
		meter([["delivered", r.delivered], ["queued", r.queued], ["lost", r.lost]], r.produced, `${f.count(r.delivered)} of ${f.count(r.produced)} records delivered, ${f.count(r.lost)} lost`),
		causes(r, x.bytes),
		h("h3", {text: "Cost"}),
		h("dl", {class: "pairs"}, row("CPU", f.percent(cpu), null, "of one CPU, since the last update"), row("Memory", f.bytes(x.resident_bytes)),
			...(x.bpf ? [row("Probe runs", x.bpf.runs !== null ? f.compact(x.bpf.runs) : f.NONE, null, "only known while the kernel counts it"),
				row("Time a run", x.bpf.run_ns !== null && x.bpf.runs ? f.duration(x.bpf.run_ns / x.bpf.runs) : f.NONE, null, "only known while the kernel counts it"),
				row("Missed runs", f.count(x.bpf.missed), x.bpf.missed ? "warn" : null)] : [])),
		h("h3", {text: "Exchanges and connections"}),
		h("dl", {class: "pairs"}, row("Exchanges", f.compact(x.exchanges.total), null, `${f.count(x.exchanges.total)} as their ends were seen: a request with both ends on this host is two`),
			row("Incomplete", f.count(x.exchanges.incomplete), x.exchanges.incomplete ? "warn" : null, "part of the exchange was not seen"),
			row("Unpaired", f.count(x.exchanges.unpaired), null, "responses whose request was not seen"),
			row("Late", f.count(x.exchanges.late), null, "responses after their time-out"),
			row("Connections now", f.count(x.connections.now)), row("Opened", f.compact(x.connections.opened)), row("Closed", f.compact(x.connections.closed)),
			row("Evicted", f.count(x.connections.evicted), x.connections.evicted ? "warn" : null, "forgotten because the table was full")),
		h("h3", {text: "Metric series"}),
		meter([["delivered", Math.min(x.series.now, x.series.limit)]], x.series.limit, `${f.count(x.series.now)} of ${f.count(x.series.limit)} series`),
		h("dl", {class: "pairs"}, row("Series", `${f.count(x.series.now)} of ${f.count(x.series.limit)}`),
			row("Overflowed", f.count(x.series.overflowed), x.series.overflowed ? "warn" : null, "went to an overflow series")),
		h("h3", {text: "Source"}),
		h("dl", {class: "pairs"}, row("Watches", f.text(x.scope)), row("Source", f.text(x.source)), row("Hooks", f.text(x.hooks)), row("Up", f.span(x.uptime_ns)),
			row("Version", f.text(x.version))),
	];
	morphChildren(container, parts);
}
