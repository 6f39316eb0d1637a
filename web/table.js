// SPDX-License-Identifier: Apache-2.0
// A sortable table whose rows keep their identity: a row that is still there keeps its elements, its focus and its place in a selection.

import {h, setAttr, setChildren, setText} from "./dom.js";

const FIRST_ROWS = 60;

// columns: {id, title, text(row), value(row) to sort by, num: right-aligned, cls(row), tip(row), sub(row): second line on a phone, hide: "narrow" | "phone"}
export class Table {
	constructor(container, {columns, key, sort, onPick, caption, rowClass}) {
		Object.assign(this, {container, columns, key, onPick, rowClass, sort: {...sort}});
		this.rows = new Map();
		this.all = false;
		this.head = h("tr");
		this.body = h("tbody");
		this.table = h("table", {}, h("caption", {class: "hidden", text: caption}), h("thead", {}, this.head), this.body);
		this.more = h("button", {type: "button", class: "more", onclick: () => this.showAll()});
		this.buttons = new Map(columns.map((c) => [c.id, this.headCell(c)]));
		this.showSort();
	}

	headCell(column) {
		const button = h("button", {type: "button", text: column.title, onclick: () => this.sortBy(column)});
		const cell = h("th", {scope: "col", class: this.cellClass(column)}, button);
		this.head.append(cell);
		return cell;
	}

	cellClass(c) {
		return [c.num ? "num" : "", c.hide ? "hide-" + c.hide : "", c.wide ? "wide" : ""].filter(Boolean).join(" ") || null;
	}

	sortBy(column) {
		const same = this.sort.id === column.id;
		this.sort = {id: column.id, down: same ? !this.sort.down : Boolean(column.num)};
		this.showSort();
		this.update(this.data);
	}

	showSort() {
		for (const [id, cell] of this.buttons)
			setAttr(cell, "aria-sort", id === this.sort.id ? (this.sort.down ? "descending" : "ascending") : null);
	}

	showAll() {
		this.all = true;
		this.update(this.data);
	}

	// Unknown values come last, whichever way.
	compare(a, b) {
		const column = this.columns.find((c) => c.id === this.sort.id);
		const x = column.value(a), y = column.value(b);
		const none = (x === null || x === undefined) - (y === null || y === undefined);
		const order = none || (x < y ? -1 : x > y ? 1 : 0) * (this.sort.down ? -1 : 1);
		return order || (this.key(a) < this.key(b) ? -1 : 1);
	}

	update(data) {
		this.data = data;
		const sorted = [...data].sort((a, b) => this.compare(a, b));
		const shown = this.all ? sorted : sorted.slice(0, FIRST_ROWS);
		const before = this.rows;
		this.rows = new Map();
		const elements = shown.map((row) => {
			const key = this.key(row);
			const drawn = before.get(key) || this.newRow(key);
			this.rows.set(key, drawn);
			drawn.row = row;
			this.fillRow(drawn, row);
			return drawn.tr;
		});
		setChildren(this.body, elements);
		setText(this.more, `Show all ${sorted.length}`);
		setChildren(this.container, shown.length < sorted.length ? [this.table, this.more] : [this.table]);
	}

	newRow(key) {
		const cells = this.columns.map((c) => h(c.head ? "th" : "td", {class: this.cellClass(c), scope: c.head ? "row" : null}));
		const drawn = {tr: h("tr", {"data-key": key}, ...cells), cells, row: null};
		if (this.onPick) {
			const at = Math.max(0, this.columns.findIndex((c) => c.head));
			drawn.button = h("button", {type: "button", class: "pick"});
			cells[at].append(drawn.button);
			drawn.pickAt = at;
			drawn.tr.classList.add("pickable");
			drawn.tr.addEventListener("click", () => this.onPick(drawn.row));
		}
		return drawn;
	}

	fillRow(drawn, row) {
		this.columns.forEach((c, i) => {
			const cell = drawn.cells[i];
			setText(drawn.button && i === drawn.pickAt ? drawn.button : cell, c.text(row));
			if (c.cls) setAttr(cell, "class", [this.cellClass(c), c.cls(row)].filter(Boolean).join(" ") || null);
			if (c.tip) setAttr(cell, "title", c.tip(row));
			if (c.sub) setAttr(cell, "data-sub", c.sub(row));
		});
		if (this.rowClass) {
			const {selected, dim} = this.rowClass(row);
			drawn.tr.classList.toggle("selected", Boolean(selected));
			drawn.tr.classList.toggle("dim", Boolean(dim));
			if (drawn.button) setAttr(drawn.button, "aria-pressed", selected ? "true" : "false");
		}
	}
}
