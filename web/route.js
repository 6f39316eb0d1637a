// SPDX-License-Identifier: Apache-2.0
// From layers to points on the screen: where nodes stand, how lines run, where their labels find room.

import {layout} from "./layout.js";

export const WIDE = {sideways: true, w: 154, h: 50, pitch: 82, bend: 36, most: 0, pad: 14, gap: (links) => Math.min(250, 140 + 18 * links), gapMost: 280};
export const TALL = {sideways: false, w: 140, h: 50, pitch: 152, bend: 22, most: 2, pad: 8, gap: () => 86, gapMost: 86};
const LABEL_HEIGHT = 33;
const LOOP_LABEL = 17; // between a node and the one above it, which are 32 apart
const ASIDE = [0, -9, 9, -18, 18];
const BETWEEN = 26; // parts of the picture that have nothing to do with each other

// Where each layer stands: the more lines between two of them the further apart, and room that is left over is shared out.
function layerPlaces(shape, plan, room) {
	const lines = new Array(Math.max(0, plan.layers - 1)).fill(0);
	for (const {ids} of plan.ways.values()) {
		for (let i = 0; i + 1 < ids.length; i++) lines[Math.min(plan.at.get(ids[i]).layer, plan.at.get(ids[i + 1]).layer)]++;
	}
	const size = shape.sideways ? shape.w : shape.h;
	const gaps = lines.map(shape.gap);
	const left = room - plan.layers * size - gaps.reduce((a, b) => a + b, 0);
	const places = [0];
	for (const g of gaps) places.push(places[places.length - 1] + size + Math.max(g, Math.min(shape.gapMost, g + left / gaps.length)));
	return places;
}

// Lines that end at the same side of a node are spread along it, in the order of their other ends.
function spreadPorts(graph, plan) {
	const sides = new Map();
	const add = (id, side, key, other) => {
		const name = id + "\t" + side;
		sides.set(name, [...(sides.get(name) || []), {key, other}]);
	};
	for (const l of graph.links) {
		const way = plan.ways.get(l.key);
		if (!way) continue;
		const ids = way.ids;
		add(l.from, way.back ? "in" : "out", l.key, plan.at.get(ids[1]).across);
		add(l.to, way.back ? "out" : "in", l.key, plan.at.get(ids[ids.length - 2]).across);
	}
	const port = new Map();
	for (const [name, list] of sides) {
		list.sort((a, b) => a.other - b.other || (a.key < b.key ? -1 : 1));
		const step = Math.min(12, 34 / list.length);
		list.forEach((e, i) => port.set(name + "\t" + e.key, (i - (list.length - 1) / 2) * step));
	}
	return (id, side, key) => port.get(`${id}\t${side}\t${key}`) || 0;
}

function curve(points, sideways) {
	let d = `M${points[0].x},${points[0].y}`;
	for (let i = 1; i < points.length; i++) {
		const p = points[i - 1], q = points[i];
		const mx = (p.x + q.x) / 2, my = (p.y + q.y) / 2;
		d += sideways ? `C${mx},${p.y} ${mx},${q.y} ${q.x},${q.y}` : `C${p.x},${my} ${q.x},${my} ${q.x},${q.y}`;
	}
	return d;
}

function arrow(tip, ahead, sideways) {
	const s = ahead ? 1 : -1;
	return sideways ? `M${tip.x},${tip.y}l${-8 * s},-4.5v9z` : `M${tip.x},${tip.y}l-4.5,${-8 * s}h9z`;
}

function line(l, way, shape, point, portOf) {
	const ids = way.ids, first = point.get(l.from), last = point.get(l.to);
	const s = way.back ? -1 : 1, half = (shape.sideways ? shape.w : shape.h) / 2;
	const out = portOf(l.from, way.back ? "in" : "out", l.key), into = portOf(l.to, way.back ? "out" : "in", l.key);
	const ports = shape.sideways
		? [{x: first.x + s * half, y: first.y + out}, {x: last.x - s * half, y: last.y + into}]
		: [{x: first.x + out, y: first.y + s * half}, {x: last.x + into, y: last.y - s * half}];
	const short = shape.sideways ? {x: ports[1].x - 7 * s, y: ports[1].y} : {x: ports[1].x, y: ports[1].y - 7 * s};
	return {d: curve([ports[0], ...ids.slice(1, -1).map((id) => point.get(id)), short], shape.sideways), head: arrow(ports[1], s > 0, shape.sideways)};
}

function loop(at, shape) {
	const x = at.x - shape.w / 2 + 14, y = at.y - shape.h / 2;
	return {d: `M${x},${y}v-6a9,9 0 0 1 18,0`, head: `M${x + 18},${y}l-4.5,-8h9z`, label: shape.sideways ? {x: x + 74, y: y - LOOP_LABEL} : {x: x - 26, y: y - 16}};
}

function overlap(a, b) {
	return Math.max(0, (a.w + b.w) / 2 - Math.abs(a.x - b.x)) * Math.max(0, (a.h + b.h) / 2 - Math.abs(a.y - b.y));
}

// Where on its line, or close to it, each label stands: the nearest place to the wanted one that covers nothing, or the least.
// Lines are best told apart at the end where fewer of them meet.
function placeLabels(graph, lines, taken, ruler) {
	const degree = new Map();
	const count = (key) => degree.set(key, (degree.get(key) || 0) + 1);
	for (const l of graph.links) [">" + l.from, "<" + l.to].forEach(count);
	const open = graph.links.filter((l) => l.from !== l.to).sort((a, b) => b.rate - a.rate || (a.key < b.key ? -1 : 1));
	const size = (l) => ({w: ruler.label(l) + 6, h: LABEL_HEIGHT});
	for (const l of graph.links) if (l.from === l.to) taken.push({...lines.get(l.key).label, ...size(l)});
	for (const l of open) {
		const fan = degree.get(">" + l.from) - degree.get("<" + l.to);
		const wish = fan > 0 ? 0.62 : fan < 0 ? 0.38 : 0.5;
		const on = ruler.path(lines.get(l.key).d);
		let best = null;
		for (let t = 0.08; t < 0.93; t += 0.04) {
			const point = on(t);
			for (const aside of ASIDE) {
				const spot = {x: point.x, y: point.y + aside, ...size(l)};
				const cost = taken.reduce((sum, o) => sum + overlap(spot, o), 0) + Math.abs(t - wish) * 60 + Math.abs(aside) * 2;
				if (!best || cost < best.cost) best = {...spot, cost};
			}
		}
		taken.push(best);
		lines.get(l.key).label = {x: best.x, y: best.y};
	}
}

// The parts of the graph that no line joins, largest first.
function parts(graph) {
	const group = new Map(graph.nodes.map((n) => [n.id, n.id]));
	const find = (id) => {
		while (group.get(id) !== id) id = group.get(id);
		return id;
	};
	for (const l of graph.links) group.set(find(l.from), find(l.to));
	const found = new Map();
	const part = (id) => {
		const root = find(id);
		if (!found.has(root)) found.set(root, {nodes: [], links: []});
		return found.get(root);
	};
	for (const n of graph.nodes) part(n.id).nodes.push(n);
	for (const l of graph.links) part(l.from).links.push(l);
	return [...found.values()].sort((a, b) => b.nodes.length - a.nodes.length || (a.nodes[0].id < b.nodes[0].id ? -1 : 1));
}

function routePart(graph, shape, room, earlier, ruler) {
	const plan = layout(graph.nodes.map((n) => n.id), graph.links, {...shape, reach: shape.sideways ? 0 : (room - shape.w) / 2}, earlier);
	const places = layerPlaces(shape, plan, room);
	const point = new Map();
	for (const [id, p] of plan.at) point.set(id, shape.sideways ? {x: places[p.layer], y: p.across} : {x: p.across, y: places[p.layer]});
	const portOf = spreadPorts(graph, plan);
	const lines = new Map();
	for (const l of graph.links) {
		const way = plan.ways.get(l.key);
		lines.set(l.key, way ? line(l, way, shape, point, portOf) : loop(point.get(l.from), shape));
	}
	const taken = [...graph.nodes.map((n) => ({...point.get(n.id), w: shape.w, h: shape.h})), ...[...point].filter(([id]) => plan.at.get(id).bend).map(([, p]) => ({...p, w: 4, h: 4}))];
	placeLabels(graph, lines, taken, ruler);
	const edge = (f, pick) => f(...taken.map(pick));
	const box = {x: edge(Math.min, (t) => t.x - t.w / 2), y: edge(Math.min, (t) => t.y - t.h / 2)};
	box.w = edge(Math.max, (t) => t.x + t.w / 2) - box.x;
	box.h = edge(Math.max, (t) => t.y + t.h / 2) - box.y;
	return {box, point, lines, across: [...plan.at].map(([id, p]) => [id, p.across])};
}

// Parts stand side by side while there is room, then below. `shift` of a part is what to add to its points.
function shelve(list, room) {
	let x = 0, y = 0, high = 0, wide = 0;
	for (const p of list) {
		if (x > 0 && x + p.box.w > room) {
			x = 0;
			y += high + BETWEEN;
			high = 0;
		}
		p.shift = {x: Math.round(x - p.box.x), y: Math.round(y - p.box.y)};
		x += p.box.w + BETWEEN;
		high = Math.max(high, p.box.h);
		wide = Math.max(wide, x - BETWEEN);
	}
	return {w: wide, h: y + high};
}

// `room`: the width there is. `earlier`: the `across` of the last time. `ruler`: {path(d): function from 0…1 to a point, label(link): width}.
// Returns {w, h, nodes: id → {x, y}, lines: key → {d, head, label, shift}, across}.
export function route(graph, shape, room, earlier, ruler) {
	const inner = room - 2 * shape.pad;
	const list = parts(graph).map((p) => routePart(p, shape, inner, earlier, ruler));
	const size = shelve(list, inner);
	const plan = {w: size.w + 2 * shape.pad, h: size.h + 2 * shape.pad, nodes: new Map(), lines: new Map(), across: new Map()};
	for (const p of list) {
		const shift = {x: p.shift.x + shape.pad, y: p.shift.y + shape.pad};
		for (const [id, at] of p.point) plan.nodes.set(id, {x: at.x + shift.x, y: at.y + shift.y});
		for (const [key, l] of p.lines) plan.lines.set(key, {...l, shift, label: {x: l.label.x + shift.x, y: l.label.y + shift.y}});
		for (const [id, x] of p.across) plan.across.set(id, x);
	}
	return plan;
}
