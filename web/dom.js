// SPDX-License-Identifier: Apache-2.0
// Making and updating elements. Every text goes through textContent: names come from traffic and are never markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, props, children) {
	for (const [name, value] of Object.entries(props || {})) {
		if (value === null || value === undefined || value === false) continue;
		if (name === "text") element.textContent = value;
		else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
		else element.setAttribute(name, value === true ? "" : value);
	}
	for (const child of children) {
		if (child !== null && child !== undefined) element.append(child);
	}
	return element;
}

// h("td", {class: "num", text: "1"}, child…): an HTML element. Strings among the children become text.
export function h(tag, props, ...children) {
	return fill(document.createElement(tag), props, children);
}

export function svg(tag, props, ...children) {
	return fill(document.createElementNS(SVG, tag), props, children);
}

export function byId(id) {
	return document.getElementById(id);
}

// These touch the document only where something changed, so that selection, focus and hover stay as they are.
export function setText(element, text) {
	if (element.textContent !== text) element.textContent = text;
}

export function setAttr(element, name, value) {
	if (value === null || value === false) element.removeAttribute(name);
	else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

// Puts `wanted` (elements) into the parent in this order, moving only what is out of place.
export function setChildren(parent, wanted) {
	let at = parent.firstChild;
	for (const element of wanted) {
		if (element === at) at = at.nextSibling;
		else parent.insertBefore(element, at);
	}
	while (at) {
		const next = at.nextSibling;
		at.remove();
		at = next;
	}
}

// What to show where there is nothing yet: a title, and what to do about it.
export function emptyState(title, ...lines) {
	return h("div", {class: "empty"}, h("p", {class: "empty-title", text: title}), ...lines.map((l) => h("p", {}, l)));
}

// Makes `container` look like `wanted` (elements without listeners), keeping every element that only differs in text or attributes.
export function morphChildren(container, wanted) {
	wanted.forEach((next, i) => {
		const now = container.childNodes[i];
		if (!now) container.append(next);
		else morph(now, next);
	});
	while (container.childNodes.length > wanted.length) container.lastChild.remove();
}

function morph(now, next) {
	if (now.nodeType !== next.nodeType || now.nodeName !== next.nodeName) {
		now.replaceWith(next);
		return;
	}
	if (now.nodeType !== Node.ELEMENT_NODE) {
		if (now.data !== next.data) now.data = next.data;
		return;
	}
	for (const {name} of [...now.attributes]) if (name !== "style" && !next.hasAttribute(name)) now.removeAttribute(name);
	for (const {name, value} of next.attributes) if (name !== "style") setAttr(now, name, value);
	if (now.style.width !== next.style.width) now.style.width = next.style.width;
	morphChildren(now, [...next.childNodes]);
}
