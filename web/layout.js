// SPDX-License-Identifier: Apache-2.0
// A layered drawing after Sugiyama: turn round what would close a circle, give every node a layer, order the layers so that few
// lines cross, place. Callers come before what they call. It knows nothing of the page: ids in, positions out.
//
// `along` runs from layer to layer, `across` within one; the caller decides which of them is x. What was placed before keeps its
// order where it can, so that the picture stays the picture.

// Links that lead back, found depth first from the nodes nobody calls.
function backLinks(ids, links) {
	const out = new Map(ids.map((id) => [id, []]));
	const called = new Set();
	for (const l of links) {
		if (l.from === l.to) continue;
		out.get(l.from).push(l);
		called.add(l.to);
	}
	const back = new Set();
	const state = new Map();
	const visit = (id) => {
		state.set(id, "open");
		for (const l of out.get(id)) {
			if (state.get(l.to) === "open") back.add(l.key);
			else if (!state.has(l.to)) visit(l.to);
		}
		state.set(id, "done");
	};
	for (const id of [...ids.filter((i) => !called.has(i)), ...ids]) {
		if (!state.has(id)) visit(id);
	}
	return back;
}

// Called nodes come after their callers.
function pushDown(layer, forward) {
	for (let moved = true; moved;) {
		moved = false;
		for (const [from, to] of forward) {
			if (layer.get(to) <= layer.get(from)) {
				layer.set(to, layer.get(from) + 1);
				moved = true;
			}
		}
	}
}

// No layer has more than `most` nodes: of the others those with the least below them go down.
function narrow(layer, forward, most) {
	const below = new Map([...layer.keys()].map((id) => [id, 0]));
	for (let round = 0; round < layer.size; round++) {
		for (const [from, to] of forward) below.set(from, Math.max(below.get(from), below.get(to) + 1));
	}
	for (let at = 0; at <= Math.max(...layer.values()); at++) {
		const here = [...layer.keys()].filter((id) => layer.get(id) === at).sort((a, b) => below.get(b) - below.get(a) || (a < b ? -1 : 1));
		for (const id of here.slice(most)) layer.set(id, at + 1);
		pushDown(layer, forward);
	}
}

// The longest way from a start. Without a limit of width, starts move up to just before the first they call.
function assignLayers(ids, forward, most) {
	const layer = new Map(ids.map((id) => [id, 0]));
	pushDown(layer, forward);
	if (most) {
		narrow(layer, forward, most);
		return layer;
	}
	const called = new Set(forward.map(([, to]) => to));
	for (const id of ids) {
		const next = forward.filter(([from]) => from === id).map(([, to]) => layer.get(to));
		if (!called.has(id) && next.length) layer.set(id, Math.min(...next) - 1);
	}
	return layer;
}

// Long links are cut into pieces of one layer each by bends, which take part in the ordering.
function cut(layers, layer, chains) {
	for (const c of chains) {
		const from = layer.get(c.ids[0]), to = layer.get(c.ids[1]);
		const bends = [];
		for (let at = from + 1; at < to; at++) {
			const bend = {id: `${c.key}\t${at}`, bend: true};
			layers[at].push(bend);
			bends.push(bend.id);
		}
		c.ids.splice(1, 0, ...bends);
	}
}

function median(list) {
	if (!list.length) return null;
	list.sort((a, b) => a - b);
	const mid = list.length >> 1;
	return list.length % 2 ? list[mid] : (list[mid - 1] + list[mid]) / 2;
}

function neighbourMaps(chains) {
	const before = new Map(), after = new Map();
	for (const c of chains) {
		for (let i = 0; i + 1 < c.ids.length; i++) {
			after.set(c.ids[i], [...(after.get(c.ids[i]) || []), c.ids[i + 1]]);
			before.set(c.ids[i + 1], [...(before.get(c.ids[i + 1]) || []), c.ids[i]]);
		}
	}
	return {before, after};
}

function crossings(layers, after) {
	let n = 0;
	for (let i = 0; i + 1 < layers.length; i++) {
		const place = new Map(layers[i + 1].map((v, at) => [v.id, at]));
		const ends = layers[i].flatMap((v) => (after.get(v.id) || []).map((id) => place.get(id)).sort((a, b) => a - b));
		for (let a = 0; a < ends.length; a++) {
			for (let b = a + 1; b < ends.length; b++) n += ends[a] > ends[b];
		}
	}
	return n;
}

function order(layers, chains, earlier) {
	const {before, after} = neighbourMaps(chains);
	for (const l of layers) l.sort((a, b) => (earlier.get(a.id) ?? 1e9) - (earlier.get(b.id) ?? 1e9) || (a.id < b.id ? -1 : 1));

	let best = layers.map((l) => [...l]);
	let least = crossings(layers, after);
	for (let round = 0; round < 12 && least > 0; round++) {
		const down = round % 2 === 0;
		for (let k = 1; k < layers.length; k++) {
			const i = down ? k : layers.length - 1 - k;
			const place = new Map(layers[down ? i - 1 : i + 1].map((v, at) => [v.id, at]));
			const key = new Map(layers[i].map((v, at) =>
				[v.id, median(((down ? before : after).get(v.id) || []).map((id) => place.get(id))) ?? at]));
			layers[i].sort((a, b) => key.get(a.id) - key.get(b.id));
		}
		const n = crossings(layers, after);
		if (n < least) {
			least = n;
			best = layers.map((l) => [...l]);
		}
	}
	return {layers: best, before, after};
}

// Moves each layer's nodes towards their neighbours, keeping order and distance.
function place({layers, before, after}, size) {
	const at = new Map();
	const gap = (a, b) => (a.bend && b.bend ? size.bend : a.bend || b.bend ? (size.bend + size.pitch) / 2 : size.pitch);
	for (const l of layers) {
		let pos = 0;
		l.forEach((v, i) => {
			if (i) pos += gap(l[i - 1], v);
			at.set(v.id, pos);
		});
		l.forEach((v) => at.set(v.id, at.get(v.id) - pos / 2));
	}
	for (let round = 0; round < 16; round++) {
		const last = round >= 14;
		for (const l of round % 2 ? layers : [...layers].reverse()) {
			const near = (v) => [...(before.get(v.id) || []), ...(after.get(v.id) || [])].map((id) => at.get(id));
			const want = l.map((v) => {
				const list = near(v);
				return list.length ? list.reduce((s, x) => s + x, 0) / list.length : at.get(v.id);
			});
			keepWithin(spread(l, want, gap), l, gap, size.reach).forEach((x, i) => at.set(l[i].id, last ? Math.round(x) : x));
		}
	}
	return at;
}

// The positions nearest to those wanted that keep order and distance: neighbours that push each other move as one block.
function spread(l, want, gap) {
	const blocks = [];
	l.forEach((v, i) => {
		blocks.push({from: i, sum: want[i], n: 1, offset: [0]});
		for (;;) {
			const b = blocks[blocks.length - 1], a = blocks[blocks.length - 2];
			if (!a) break;
			const reach = a.offset[a.n - 1] + gap(l[b.from - 1], l[b.from]);
			if (a.sum / a.n + reach <= b.sum / b.n) break;
			a.sum += b.sum - reach * b.n;
			a.offset.push(...b.offset.map((o) => o + reach));
			a.n += b.n;
			blocks.pop();
		}
	});
	return blocks.flatMap((b) => b.offset.map((o) => b.sum / b.n + o));
}

// Inside ±reach, where the layer fits into it at all.
function keepWithin(places, l, gap, reach) {
	let span = 0;
	for (let i = 1; i < l.length; i++) span += gap(l[i - 1], l[i]);
	if (!reach || span > 2 * reach) return places;
	for (let i = l.length - 1, most = reach; i >= 0; i--) {
		places[i] = Math.min(places[i], most);
		if (i) most = places[i] - gap(l[i - 1], l[i]);
	}
	for (let i = 0, least = -reach; i < l.length; i++) {
		places[i] = Math.max(places[i], least);
		if (i + 1 < l.length) least = places[i] + gap(l[i], l[i + 1]);
	}
	return places;
}

// links: {key, from, to}; size: {pitch, bend: distances within a layer; most: nodes in one, 0: any; reach: how far to each side, 0: any}; earlier: id → across of the last time.
// Returns {at: id → {layer, across, bend}, ways: key → {ids passed from caller to called, back}, layers: how many}.
export function layout(ids, links, size, earlier) {
	const back = backLinks(ids, links);
	const chains = links.filter((l) => l.from !== l.to)
		.map((l) => ({key: l.key, back: back.has(l.key), ids: back.has(l.key) ? [l.to, l.from] : [l.from, l.to]}));
	const layer = assignLayers(ids, chains.map((c) => [c.ids[0], c.ids[1]]), size.most);
	const depth = Math.max(0, ...[...layer.values()]) + 1;
	const layers = Array.from({length: depth}, () => []);
	for (const id of ids) layers[layer.get(id)].push({id, bend: false});
	cut(layers, layer, chains);

	const ordered = order(layers, chains, earlier);
	const across = place(ordered, size);
	const at = new Map();
	ordered.layers.forEach((l, i) => l.forEach((v) => at.set(v.id, {layer: i, across: across.get(v.id), bend: v.bend})));
	const ways = new Map(chains.map((c) => [c.key, {ids: c.back ? [...c.ids].reverse() : c.ids, back: c.back}]));
	return {at, ways, layers: depth};
}
