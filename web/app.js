// SPDX-License-Identifier: Apache-2.0
// Asks the agent every two seconds while someone looks, and hands the answers to the parts of the page.

import {Detail} from "./detail.js";
import {byId, emptyState, setAttr, setChildren, setText} from "./dom.js";
import {Exchanges, exchangesNote} from "./exchanges.js";
import * as f from "./format.js";
import {renderHealth} from "./health.js";
import {ServiceMap} from "./map.js";
import {buildGraph} from "./model.js";
import {operationsTable, servicesTable} from "./tables.js";
import {Tiles} from "./tiles.js";

const EVERY_MS = 2000;
const PATIENCE_MS = 8000;
const WORST_MS = 15000;

const asked = new URLSearchParams(location.hash.slice(1));
const state = {selected: asked.get("select"), kind: asked.get("kind") === "failed" ? "failed" : "slowest", failures: 0, last: null, timer: 0, round: 0};

const tiles = new Tiles(byId("tiles"));
const map = new ServiceMap(byId("map"), select);
const detail = new Detail(byId("detail"), () => select(null));
const services = servicesTable(byId("services"), (s) => select(state.selected === "service:" + s.service ? null : "service:" + s.service),
	(s) => state.selected === "service:" + s.service);
const operations = operationsTable(byId("operations"));
const exchanges = new Exchanges(byId("exchanges"));

function selectedService() {
	return state.selected && state.selected.startsWith("service:") && !state.selected.includes("\t") ? state.selected.slice(8) : null;
}

async function get(path) {
	const response = await fetch("api/v1/" + path, {signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-store"});
	if (response.ok) return response.json();
	const body = await response.json().catch(() => ({}));
	throw Object.assign(new Error(body.error || `status ${response.status}`), {status: response.status});
}

function operationsOf(service) {
	if (!service) return get("operations");
	return get("operations?service=" + encodeURIComponent(service)).catch((e) => {
		if (e.status === 404) return {operations: [], dropped: 0};
		throw e;
	});
}

async function ask() {
	const kind = state.kind;
	const [mapNow, servicesNow, operationsNow, exchangesNow, health] =
		await Promise.all([get("map"), get("services"), operationsOf(selectedService()), get(`exchanges?kind=${kind}&limit=50`), get("health")]);
	return {map: mapNow, services: servicesNow, operations: operationsNow, exchanges: exchangesNow, kind, health, before: state.last?.health};
}

// ---- drawing ----

function scopeText(scope) {
	return scope === "host" ? "the whole host" : f.text(scope);
}

function showMap(now) {
	const graph = buildGraph(now.map);
	const dropped = now.map.dropped ? `${f.compact(now.map.dropped)} edges beyond the limit` : "";
	setText(byId("map-note"), [`${graph.nodes.length} nodes, last ${f.span(now.map.window_ns)}`, graph.hidden ? `${graph.hidden} quieter ones not drawn` : "", dropped]
		.filter(Boolean).join(" · "));
	if (graph.nodes.length) map.update(graph, state.selected);
	else map.showEmpty("No traffic seen yet", `telltale watches ${scopeText(now.health.scope)} and draws who calls whom. Send a request to one of your services, or give it a moment.`,
		"If there is traffic and nothing shows: \"telltale doctor\" says what this kernel offers and what is missing.");
	detail.update(now.map, graph, state.selected);
}

function showTables(now) {
	const service = selectedService();
	const list = now.services.services;
	setText(byId("services-note"), list.length ? `${list.length}${now.services.dropped ? `, ${f.compact(now.services.dropped)} exchanges beyond a limit` : ""}` : "");
	setText(byId("errors-note"), list.length ? "errors: not answered, or the server failed (5xx); not 4xx" : "");
	setAttr(byId("errors-note"), "title", f.WHAT_FAILED);
	if (list.length) services.update(list);
	else setChildren(byId("services"), [emptyState("No services yet", "A service appears with the first request it serves or makes.")]);

	const rows = now.operations.operations.filter((o) => !service || o.service === service);
	setText(byId("operations-note"), rows.length ? String(rows.length) : "");
	if (rows.length) operations.update(rows);
	else setChildren(byId("operations"), [emptyState(service ? `Nothing known of ${service}` : "No operations yet", "Methods and paths, statements and commands are listed here as they occur.")]);

	const chip = byId("selected-chip");
	chip.hidden = !service;
	if (service) setText(chip, `${service} only ✕`);
}

function showHead(now) {
	setText(byId("scope"), `watching ${scopeText(now.health.scope)}`);
	const losing = now.health.status === "losing";
	setText(byId("live-text"), losing ? "losing records" : `live · ${f.clock(now.map.time_unix_ns, false)}`);
	setAttr(byId("live"), "class", losing ? "live losing" : "live");
	setText(byId("health-note"), `telltale ${now.health.version} · up ${f.span(now.health.uptime_ns)}`);
}

function show(now) {
	showHead(now);
	showMap(now);
	showTables(now);
	if (now.kind === state.kind) exchanges.update(now.exchanges.exchanges, now.kind, selectedService());
	exchangesNote(byId("exchanges-note"), now.exchanges, selectedService());
}

function showLoss(error) {
	const banner = byId("banner");
	const since = state.last ? ` All figures are from ${f.clock(state.last.health.time_unix_ns, false)}.` : " Is telltale agent still running?";
	const why = error.status ? `The agent answers: ${error.message}.` : "The agent does not answer.";
	setText(banner, why + since + " Trying again…");
	banner.hidden = false;
	document.body.classList.add("stale");
	setText(byId("live-text"), "no connection");
	setAttr(byId("live"), "class", "live lost");
}

// ---- the round ----

async function round() {
	clearTimeout(state.timer);
	const mine = ++state.round;
	const began = performance.now();
	try {
		const now = await ask();
		if (mine !== state.round) return;
		state.failures = 0;
		byId("banner").hidden = true;
		document.body.classList.remove("stale");
		show(now);
		tiles.update(now.map, now.health);
		renderHealth(byId("health"), now.health, now.before);
		state.last = now;
		document.body.dataset.rounds = Number(document.body.dataset.rounds || 0) + 1;
	} catch (error) {
		if (mine !== state.round) return;
		state.failures++;
		showLoss(error);
	}
	const pause = Math.min(WORST_MS, EVERY_MS * 2 ** Math.max(0, Math.min(4, state.failures - 1)));
	if (!document.hidden) state.timer = setTimeout(round, Math.max(pause / 2, pause - (performance.now() - began)));
}

function remember() {
	const hash = new URLSearchParams();
	if (state.selected) hash.set("select", state.selected);
	if (state.kind !== "slowest") hash.set("kind", state.kind);
	history.replaceState(null, "", hash.size ? "#" + hash : location.pathname);
}

function select(id) {
	state.selected = id;
	remember();
	if (state.last) show(state.last);
	round();
}

function showKind() {
	for (const b of byId("exchange-tabs").children) setAttr(b, "aria-pressed", b.dataset.kind === state.kind ? "true" : "false");
}

byId("exchange-tabs").addEventListener("click", (e) => {
	if (!e.target.dataset.kind) return;
	state.kind = e.target.dataset.kind;
	showKind();
	remember();
	round();
});
byId("selected-chip").addEventListener("click", () => select(null));
document.addEventListener("keydown", (e) => e.key === "Escape" && state.selected && select(null));
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(state.timer) : round()));

showKind();
round();
