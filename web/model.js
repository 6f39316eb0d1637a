// SPDX-License-Identifier: Apache-2.0
// From the answer of /api/v1/map to the graph that is drawn: one link a pair of nodes, crowds of alike addresses folded, a bounded size.

import {errorShare} from "./format.js";

const UNKNOWN = new Set(["tcp", "udp", "unix"]);
const FOLD_FROM = 4; // so many addresses with the same neighbours become one node
const NODES_MAX = 60;

// Addresses that call, or are called by, exactly the same nodes over the same protocols: id → id of the folded node.
function foldAddresses(map) {
	const neighbours = new Map(map.nodes.filter((n) => n.type === "address").map((n) => [n.id, []]));
	for (const e of map.edges) {
		neighbours.get(e.client)?.push(`>${e.server} ${e.protocol}`);
		neighbours.get(e.server)?.push(`<${e.client} ${e.protocol}`);
	}
	const alike = new Map();
	for (const [id, list] of neighbours) {
		const key = list.sort().join("\n");
		if (key) alike.set(key, [...(alike.get(key) || []), id]);
	}
	const folded = new Map();
	for (const [key, ids] of alike) {
		if (ids.length >= FOLD_FROM) ids.forEach((id) => folded.set(id, {id: "fold:" + key, size: ids.length}));
	}
	return folded;
}

// Several edges drawn as one line. A percentile cannot be added up; the largest is a bound of the whole, and marked so.
function addUp(link) {
	const measured = link.parts.map((e) => e.p95_ns).filter((v) => v !== null);
	link.rate = link.parts.reduce((sum, e) => sum + e.rate, 0);
	link.error_rate = link.parts.reduce((sum, e) => sum + e.error_rate, 0);
	link.unknown_rate = link.parts.reduce((sum, e) => sum + e.unknown_rate, 0);
	link.bytes_per_s = link.parts.reduce((sum, e) => sum + e.bytes_per_s, 0);
	link.idle_ns = Math.min(...link.parts.map((e) => e.idle_ns));
	link.connects_failed = link.parts.reduce((sum, e) => sum + e.connects_failed, 0);
	link.refused_rate = link.parts.reduce((sum, e) => sum + e.connects_failed_rate, 0);
	link.p95_ns = measured.length ? Math.max(...measured) : null;
	link.bound = measured.length > 1;
	link.protocols = [...new Set(link.parts.map((e) => e.protocol))].sort((a, b) => UNKNOWN.has(a) - UNKNOWN.has(b) || (a < b ? -1 : 1));
	link.known = link.protocols.some((p) => !UNKNOWN.has(p));
	link.failing = errorShare(link);
	return link;
}

export function knownProtocol(name) {
	return !UNKNOWN.has(name);
}

// {nodes: [{id, name, type, served, …}], links: [{key, from, to, parts, …}], hidden: number of nodes not drawn}
export function buildGraph(map) {
	const folded = foldAddresses(map);
	const idOf = (id) => folded.get(id)?.id || id;
	const nodes = new Map();
	const links = new Map();

	for (const n of map.nodes) {
		const fold = folded.get(n.id);
		if (!fold) nodes.set(n.id, n);
		else if (!nodes.has(fold.id))
			nodes.set(fold.id, {id: fold.id, name: `${fold.size} addresses`, type: "address", folded: fold.size, served: null, names: []});
		if (fold) nodes.get(fold.id).names.push(n.name);
	}
	for (const e of map.edges) {
		const from = idOf(e.client), to = idOf(e.server), key = from + "\t" + to;
		if (!nodes.has(from) || !nodes.has(to)) continue;
		if (!links.has(key)) links.set(key, {key, from, to, parts: []});
		links.get(key).parts.push(e);
	}

	const all = [...links.values()].map(addUp);
	const weight = new Map();
	for (const l of all) {
		for (const id of [l.from, l.to]) weight.set(id, (weight.get(id) || 0) + l.rate + l.refused_rate + l.bytes_per_s / 1e6);
	}
	const drawn = [...nodes.values()]
		.filter((n) => n.type === "service" || weight.has(n.id))
		.sort((a, b) => (weight.get(b.id) || 0) - (weight.get(a.id) || 0) || (a.id < b.id ? -1 : 1));
	const kept = new Set(drawn.slice(0, NODES_MAX).map((n) => n.id));
	return {
		nodes: drawn.filter((n) => kept.has(n.id)).sort((a, b) => (a.id < b.id ? -1 : 1)),
		links: all.filter((l) => kept.has(l.from) && kept.has(l.to)).sort((a, b) => (a.key < b.key ? -1 : 1)),
		hidden: drawn.length - kept.size,
	};
}
