// SPDX-License-Identifier: Apache-2.0
// Draws the graph of model.js. Places change only when nodes or links come or go, or the room does; figures change in place.

import {emptyState, setAttr, setChildren, setText, svg} from "./dom.js";
import {compact, duration, errorClass, errorShare, percent, rate, bytes, span} from "./format.js";
import {knownProtocol} from "./model.js";
import {route, TALL, WIDE} from "./route.js";

const NARROW = 1000; // px: below, layers go downwards
const IDLE_NS = 30e9;
const LEAST_SCALE = 0.78;
const LABEL_FONT = "600 11px system-ui, sans-serif";

const ruler = document.createElement("canvas").getContext("2d");

function shorten(text, width, font) {
	ruler.font = font;
	if (ruler.measureText(text).width <= width) return text;
	let n = text.length;
	while (n > 1 && ruler.measureText(text.slice(0, n) + "…").width > width) n--;
	return text.slice(0, n) + "…";
}

function linkLines(l) {
	const names = l.protocols.length > 2 ? `${l.protocols[0]} +${l.protocols.length - 1}` : l.protocols.join(" + ");
	const refused = l.connects_failed ? `${compact(l.connects_failed)} refused` : "";
	const below = (...parts) => parts.filter(Boolean).join(" · ");
	if (!l.known) return [shorten(names, 130, LABEL_FONT), below(l.bytes_per_s > 0 ? bytes(l.bytes_per_s) + "/s" : refused ? "" : "idle " + span(l.idle_ns), refused)];
	if (!l.rate) return [shorten(names, 130, LABEL_FONT), below(refused ? "" : "idle " + span(l.idle_ns), refused)];
	const p95 = l.p95_ns === null ? "" : `p95 ${l.bound ? "≤" : "≈"} ${duration(l.p95_ns)}`;
	return [`${shorten(names, 130, LABEL_FONT)} ${rate(l.rate)}`, below(l.failing ? percent(l.failing) + " err" : "", refused, p95)];
}

function labelWidth(l) {
	ruler.font = LABEL_FONT;
	return Math.max(...linkLines(l).map((t) => ruler.measureText(t).width)) + 6;
}

function partWords(e) {
	const words = [e.protocol + ":"];
	if (knownProtocol(e.protocol)) {
		words.push(`${rate(e.rate)}, ${percent(errorShare(e) || 0)} failed, p50 ≈ ${duration(e.p50_ns)}, p95 ≈ ${duration(e.p95_ns)}, p99 ≈ ${duration(e.p99_ns)},`);
	}
	words.push(`${bytes(e.bytes_per_s)}/s`);
	if (e.connects_failed) words.push(`, ${compact(e.connects_failed)} connections could not be opened`);
	return words.join(" ");
}

function nodeLine(n) {
	if (n.type !== "service") return "outside";
	if (!n.served || !n.served.count) return "makes requests";
	if (!n.served.rate) return "idle";
	return `${rate(n.served.rate)} · p95 ≈ ${duration(n.served.p95_ns)}`;
}

export class ServiceMap {
	constructor(container, onSelect) {
		this.container = container;
		this.onSelect = onSelect;
		this.drawnNodes = new Map();
		this.drawnLinks = new Map();
		this.across = new Map();
		this.signature = "";
		this.lineLayer = svg("g");
		this.nodeLayer = svg("g");
		this.labelLayer = svg("g", {"aria-hidden": "true"}); // above all lines
		this.root = svg("svg", {role: "group", "aria-label": "Service map: who calls whom"}, this.lineLayer, this.nodeLayer, this.labelLayer);
		this.pencil = svg("path");
		this.root.addEventListener("click", (e) => e.target === this.root && onSelect(null));
		new ResizeObserver(() => this.graph && this.update(this.graph, this.selected)).observe(container);
	}

	update(graph, selected) {
		this.graph = graph;
		this.selected = selected;
		if (!graph.nodes.length) {
			this.signature = "";
			return;
		}
		const room = this.container.clientWidth;
		const shape = room < NARROW ? {...TALL, most: Math.max(TALL.most, Math.floor(room / TALL.pitch))} : WIDE;
		const signature = JSON.stringify([graph.nodes.map((n) => n.id), graph.links.map((l) => l.key), shape.sideways, room >> 4]);
		setChildren(this.container, [this.root]);
		if (signature !== this.signature) this.draw(graph, shape, room);
		this.signature = signature;
		const near = this.near(graph, selected);
		for (const n of graph.nodes) this.fillNode(n, near);
		for (const l of graph.links) this.fillLink(l, near);
	}

	showEmpty(title, ...lines) {
		this.signature = "";
		this.graph = null;
		setChildren(this.container, [emptyState(title, ...lines)]);
	}

	// What stays lit: the selected thing and what touches it; null: everything.
	near(graph, selected) {
		if (!graph.nodes.some((n) => n.id === selected) && !graph.links.some((l) => l.key === selected)) return null;
		const lit = new Set([selected]);
		for (const l of graph.links) {
			if (l.key === selected || l.from === selected || l.to === selected) [l.key, l.from, l.to].forEach((x) => lit.add(x));
		}
		return lit;
	}

	draw(graph, shape, room) {
		this.shape = shape;
		this.root.append(this.pencil);
		const path = (d) => {
			this.pencil.setAttribute("d", d);
			const length = this.pencil.getTotalLength();
			return (t) => this.pencil.getPointAtLength(length * t);
		};
		const plan = route(graph, shape, shape.sideways ? room : room / LEAST_SCALE, this.across, {path, label: labelWidth});
		this.pencil.remove();
		this.across = plan.across;
		const scale = Math.min(1, Math.max(LEAST_SCALE, room / plan.w));
		setAttr(this.root, "viewBox", `0 0 ${plan.w} ${plan.h}`);
		setAttr(this.root, "width", Math.floor(plan.w * scale));
		setAttr(this.root, "height", Math.floor(plan.h * scale));

		setChildren(this.lineLayer, graph.links.map((l) => this.linkElement(l, plan.lines.get(l.key))));
		setChildren(this.labelLayer, graph.links.map((l) => this.drawnLinks.get(l.key).labelled));
		setChildren(this.nodeLayer, graph.nodes.map((n) => this.nodeElement(n, plan.nodes.get(n.id))));
		for (const [id] of this.drawnNodes) if (!plan.nodes.has(id)) this.drawnNodes.delete(id);
		for (const [key] of this.drawnLinks) if (!plan.lines.has(key)) this.drawnLinks.delete(key);
	}

	pickable(g, id, ...more) {
		const toggle = () => this.onSelect(this.selected === id ? null : id);
		for (const element of [g, ...more]) element.addEventListener("click", toggle);
		g.addEventListener("keydown", (e) => {
			if (e.key !== "Enter" && e.key !== " ") return;
			e.preventDefault();
			toggle();
		});
	}

	nodeElement(n, at) {
		let drawn = this.drawnNodes.get(n.id);
		if (!drawn) {
			drawn = {box: svg("rect"), bar: svg("rect", {class: "bar"}), name: svg("text", {class: "name"}),
				line: svg("text", {class: "line"}), title: svg("title")};
			drawn.g = svg("g", {tabindex: 0, role: "button"}, drawn.title, drawn.box, drawn.bar, drawn.name, drawn.line);
			this.pickable(drawn.g, n.id);
			this.drawnNodes.set(n.id, drawn);
		}
		const {w, h: high} = this.shape, outside = n.type !== "service";
		const place = {x: -w / 2, y: -high / 2, width: w, height: high, rx: outside ? high / 2 : 8};
		for (const [name, value] of Object.entries(place)) setAttr(drawn.box, name, value);
		for (const [name, value] of Object.entries({x: -w / 2 + 7, y: -high / 2 + 10, width: 3, height: high - 20, rx: 1.5})) setAttr(drawn.bar, name, value);
		for (const [part, y] of [[drawn.name, -3], [drawn.line, 14]]) {
			setAttr(part, "x", outside ? 0 : -w / 2 + 19);
			setAttr(part, "y", y);
			setAttr(part, "text-anchor", outside ? "middle" : "start");
		}
		setAttr(drawn.g, "transform", `translate(${Math.round(at.x)},${Math.round(at.y)})`);
		return drawn.g;
	}

	fillNode(n, near) {
		const drawn = this.drawnNodes.get(n.id), share = errorShare(n.served);
		const width = this.shape.w - 26;
		const names = n.names ? ": " + n.names.slice(0, 12).join(", ") + (n.names.length > 12 ? ", …" : "") : "";
		setText(drawn.name, shorten(n.name, width, "600 13px system-ui, sans-serif"));
		setText(drawn.line, shorten(nodeLine(n), width, "11.5px system-ui, sans-serif"));
		const told = `${n.name}${names}, ${n.type === "service" ? "service" : "outside this host's view"}` +
			(n.served && n.served.count ? `, serves ${rate(n.served.rate)}, ${percent(share || 0)} failed, p95 ≈ ${duration(n.served.p95_ns)}` : "");
		setText(drawn.title, told);
		setAttr(drawn.g, "aria-label", told);
		setAttr(drawn.g, "aria-pressed", this.selected === n.id ? "true" : "false");
		setAttr(drawn.g, "data-name", n.name);
		setAttr(drawn.g, "data-type", n.type);
		setAttr(drawn.g, "class", ["node", n.type === "service" ? "service" : "outside", errorClass(share),
			n.served && n.served.rate ? "busy" : "", near && !near.has(n.id) ? "dim" : ""].filter(Boolean).join(" "));
	}

	linkElement(l, plan) {
		let drawn = this.drawnLinks.get(l.key);
		if (!drawn) {
			drawn = {path: svg("path", {class: "path"}), grip: svg("path", {class: "grip"}), head: svg("path", {class: "head"}),
				back: svg("rect", {class: "label-back", rx: 4}), first: svg("text", {class: "first"}), second: svg("text", {class: "second"}), title: svg("title")};
			drawn.g = svg("g", {tabindex: 0, role: "button"}, drawn.title, drawn.grip, drawn.path, drawn.head);
			drawn.labelled = svg("g", {}, drawn.back, drawn.first, drawn.second);
			this.pickable(drawn.g, l.key, drawn.labelled);
			this.drawnLinks.set(l.key, drawn);
		}
		for (const p of [drawn.path, drawn.grip]) setAttr(p, "d", plan.d);
		setAttr(drawn.head, "d", plan.head);
		setAttr(drawn.g, "transform", `translate(${plan.shift.x},${plan.shift.y})`);
		drawn.label = plan.label;
		return drawn.g;
	}

	fillLink(l, near) {
		const drawn = this.drawnLinks.get(l.key);
		const name = (id) => this.graph.nodes.find((n) => n.id === id).name;
		const [first, second] = linkLines(l);
		setText(drawn.first, first);
		setText(drawn.second, second);
		const w = labelWidth(l) + 6;
		const {x, y} = drawn.label;
		for (const [k, v] of Object.entries({x: x - w / 2, y: y - 17, width: w, height: 34})) setAttr(drawn.back, k, Math.round(v * 2) / 2);
		for (const [part, dy] of [[drawn.first, -4], [drawn.second, 12.5]]) {
			setAttr(part, "x", Math.round(x));
			setAttr(part, "y", Math.round(y + dy));
		}
		const told = `${name(l.from)} → ${name(l.to)}\n${l.parts.slice(0, 8).map(partWords).join("\n")}${l.parts.length > 8 ? "\n…" : ""}`;
		setText(drawn.title, told);
		setAttr(drawn.g, "aria-label", told.replaceAll("\n", ", "));
		setAttr(drawn.g, "aria-pressed", this.selected === l.key ? "true" : "false");
		setAttr(drawn.path, "stroke-width", (1.3 + Math.min(3.2, Math.log10(1 + l.rate) * 1.1)).toFixed(1));
		const data = {client: name(l.from), server: name(l.to), protocols: l.protocols.join(" "), rate: l.rate, errors: l.error_rate,
			"p95-ns": l.p95_ns === null ? "" : l.p95_ns, known: l.known, label: `${first} | ${second}`};
		for (const [k, v] of Object.entries(data)) setAttr(drawn.g, "data-" + k, String(v));
		const looks = [l.known ? "known" : "unknown", l.refused_rate ? "bad" : errorClass(l.failing) || (l.connects_failed ? "warn" : ""), l.idle_ns > IDLE_NS ? "idle" : "",
			near && !near.has(l.key) ? "dim" : "", this.selected === l.key ? "selected" : ""].filter(Boolean).join(" ");
		setAttr(drawn.g, "class", "link " + looks);
		setAttr(drawn.labelled, "class", "label " + looks);
	}
}
