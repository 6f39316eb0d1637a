// SPDX-License-Identifier: Apache-2.0
// Numbers for people. What is not known is a dash.

export const NONE = "–";

const unknown = (v) => v === null || v === undefined || Number.isNaN(v);

// At most `digits` significant digits, without an exponent and without trailing zeros behind the point.
function significant(v, digits) {
	if (v === 0) return "0";
	const places = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(v))));
	const text = v.toFixed(Math.min(places, 6));
	return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function scaled(v, digits, steps) {
	for (const [size, unit] of steps) {
		if (v >= size * 0.9995) return significant(v / size, v / size >= 99.5 ? 3 : digits) + unit;
	}
	const [size, unit] = steps[steps.length - 1];
	return significant(v / size, digits) + unit;
}

const COUNT = [[1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]];
const TIME = [[1e9, " s"], [1e6, " ms"], [1e3, " µs"], [1, " ns"]];
const BYTES = [[1e12, " TB"], [1e9, " GB"], [1e6, " MB"], [1e3, " kB"], [1, " B"]];

export function count(v) {
	return unknown(v) ? NONE : Math.round(v).toLocaleString("en-US");
}

export function compact(v) {
	return unknown(v) ? NONE : scaled(v, v >= 1000 ? 3 : 2, COUNT);
}

export function rate(v) {
	if (unknown(v)) return NONE;
	return v > 0 && v < 0.01 ? "<0.01/s" : scaled(v, 2, COUNT) + "/s";
}

export function duration(ns, digits = 2) {
	if (unknown(ns)) return NONE;
	if (ns >= 60e9) return span(ns);
	return ns === 0 ? "0 s" : scaled(ns, digits, TIME);
}

export function bytes(v) {
	return unknown(v) ? NONE : scaled(v, 2, BYTES);
}

// A fraction. Something that is more than nothing never shows as 0 %, something less than all never as 100 %.
export function percent(v) {
	if (unknown(v)) return NONE;
	if (v > 0 && v < 0.001) return "<0.1 %";
	if (v < 1 && v > 0.999) return ">99.9 %";
	return significant(v * 100, v >= 0.1 ? 3 : 2) + " %";
}

// Days, hours, minutes, seconds: the two largest.
export function span(ns) {
	if (unknown(ns)) return NONE;
	let left = Math.floor(ns / 1e9);
	const parts = [];
	for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
		const n = Math.floor(left / size);
		left -= n * size;
		if (n) parts.push(n + " " + unit);
	}
	return parts.slice(0, 2).join(" ") || "0 s";
}

const two = (n) => String(n).padStart(2, "0");

export function clock(unixNs, withMs = true) {
	if (unknown(unixNs)) return NONE;
	const t = new Date(unixNs / 1e6);
	const text = `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;
	return withMs ? text + "." + String(t.getMilliseconds()).padStart(3, "0") : text;
}

export function text(v) {
	return v === null || v === undefined || v === "" ? NONE : String(v);
}

// The share of failures in the window of a block of figures (docs/api.md), among those whose end was seen; null where there were none.
export function errorShare(figures) {
	const seen = figures ? figures.rate - figures.unknown_rate : 0;
	return seen > 0 ? Math.min(1, figures.error_rate / seen) : null;
}

// How many failed, and of how many nobody can tell.
export function failures(figures) {
	return `${count(figures.failed)} of ${count(figures.count)} failed` + (figures.unknown ? `, of ${count(figures.unknown)} it is not known` : "");
}

// The one meaning of "failed" in all figures of the page (docs/api.md).
export const WHAT_FAILED = "Errors are requests that were not answered, or in which the server failed (HTTP 5xx). What it refuses, such as 4xx, is no error here. " +
	"Requests whose end was not seen are neither";

export function errorClass(share) {
	return !share || share < 0.001 ? "" : share >= 0.05 ? "bad" : "warn";
}

// "GET /cart", but "SELECT * FROM t" and "BEGIN" where the resource begins with the operation itself.
export function operation(name, resource) {
	if (!resource) return text(name);
	if (!name || (resource + " ").toUpperCase().startsWith(name.toUpperCase() + " ")) return resource;
	return `${name} ${resource}`;
}
