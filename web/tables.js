// SPDX-License-Identifier: Apache-2.0
// The tables of services and of operations.

import * as f from "./format.js";
import {Table} from "./table.js";

const errors = (figures) => f.percent(f.errorShare(figures));
const orNull = (figures, pick) => (figures ? pick(figures) : null);

// Estimated within buckets of powers of two, hence the ≈ (docs/api.md).
function percentile(id, title, figuresOf, hide) {
	const name = `p${id}_ns`;
	return {id: "p" + id, title, num: true, hide, value: (r) => orNull(figuresOf(r), (x) => x[name]), text: (r) => f.duration(orNull(figuresOf(r), (x) => x[name]))};
}

function figureColumns(figuresOf) {
	return [
		{id: "rate", title: "Rate", num: true, value: (r) => orNull(figuresOf(r), (x) => x.rate), text: (r) => f.rate(orNull(figuresOf(r), (x) => x.rate))},
		{id: "errors", title: "Errors", num: true, value: (r) => f.errorShare(figuresOf(r)), text: (r) => errors(figuresOf(r)),
			cls: (r) => f.errorClass(f.errorShare(figuresOf(r))), tip: (r) => orNull(figuresOf(r), (x) => `${f.failures(x)} since the agent began`)},
		percentile(50, "≈ p50", figuresOf, "phone"),
		percentile(95, "≈ p95", figuresOf),
		percentile(99, "≈ p99", figuresOf, "phone"),
	];
}

export function servicesTable(container, onPick, isSelected) {
	return new Table(container, {
		caption: "Services: requests they serve and make",
		key: (s) => s.service,
		sort: {id: "service", down: false},
		onPick,
		rowClass: (s) => ({selected: isSelected(s), dim: !(s.server && s.server.rate) && !(s.client && s.client.rate)}),
		columns: [
			{id: "service", title: "Service", head: true, wide: true, value: (s) => s.service.toLowerCase(), text: (s) => s.service,
				tip: (s) => `${s.service}, speaks ${f.text(s.protocols.join(", "))}${s.container_id ? `, container ${s.container_id}` : ""}`},
			...figureColumns((s) => s.server).map((c) => (c.id === "rate" ? {...c, title: "Serves"} : c)),
			{id: "calls", title: "Calls", num: true, value: (s) => orNull(s.client, (x) => x.rate), text: (s) => f.rate(orNull(s.client, (x) => x.rate)),
				tip: (s) => orNull(s.client, (x) => `requests it makes: ${errors(x)} failed, p95 ≈ ${f.duration(x.p95_ns)}`)},
		],
	});
}

const operationName = (o) => f.operation(o.operation, o.route);

export function operationsTable(container) {
	return new Table(container, {
		caption: "Operations",
		key: (o) => [o.service, o.kind, o.protocol, o.operation, o.route].join("\t"),
		sort: {id: "count", down: true},
		rowClass: (o) => ({dim: !o.rate}),
		columns: [
			{id: "operation", title: "Operation", head: true, wide: true, value: (o) => operationName(o).toLowerCase(), text: operationName, tip: operationName,
				sub: (o) => `${o.service} · ${o.kind} · ${o.protocol}`},
			{id: "service", title: "Service", hide: "narrow", value: (o) => o.service.toLowerCase(), text: (o) => o.service, tip: (o) => o.service},
			{id: "kind", title: "Kind", hide: "narrow", value: (o) => `${o.protocol} ${o.kind}`, text: (o) => `${o.protocol} ${o.kind}`},
			...figureColumns((o) => o),
			{id: "count", title: "Total", num: true, hide: "phone", value: (o) => o.count, text: (o) => f.compact(o.count), tip: (o) => f.count(o.count)},
		],
	});
}
