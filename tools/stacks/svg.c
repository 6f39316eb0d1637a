// SPDX-License-Identifier: Apache-2.0
#include "tools/stacks/svg.h"

#include <inttypes.h>
#include <string.h>

#include "base/own.h"

#define WIDTH 1200.0
#define MARGIN 10
#define HEAD 44
#define FRAME 17
#define LETTER 6.6
/* Narrower frames are not drawn. */
#define LEAST 0.2
#define DEPTH_MOST 320

struct frame {
	const char *name;
	size_t len;
	uint64_t begin; /* where it begins, in values */
};

struct drawing {
	const struct tt_fold *fold;
	struct tt_buf *to;
	const char *unit;
	uint64_t total, at; /* values passed */
	unsigned deepest, height;
	struct frame open[DEPTH_MOST];
	unsigned depth; /* frames that are open */
};

void tt_xml_text(struct tt_buf *to, const char *text, size_t len)
{
	static const char special[] = "&<>\"'";
	static const char *const escaped[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

	for (size_t i = 0; i < len; i++) {
		const char *at = text[i] ? strchr(special, text[i]) : NULL;
		if (at)
			tt_buf_add_str(to, escaped[at - special]);
		else
			tt_buf_add_char(to, text[i]);
	}
}

/* --- the frames of a row --- */

static const char *text_of(const struct drawing *d, size_t row)
{
	return (const char *)d->fold->texts.data + d->fold->rows[row].text;
}

/* Takes the next frame off the front. False: there is none. */
static bool next_frame(const char **at, const char *end, struct frame *ret)
{
	if (*at > end)
		return false;
	const char *stop = memchr(*at, ';', (size_t)(end - *at));
	stop = stop ? stop : end;
	*ret = (struct frame){.name = *at, .len = (size_t)(stop - *at)};
	*at = stop + 1;
	return true;
}

static unsigned depth_of(const struct drawing *d, size_t row)
{
	const char *at = text_of(d, row), *end = at + d->fold->rows[row].len;
	struct frame f;
	unsigned depth = 0;

	while (depth < DEPTH_MOST && next_frame(&at, end, &f))
		depth++;
	return depth;
}

/* --- drawing --- */

/* Warm colours, the same for the same name; brackets (no function) are grey, the kernel's [k] none of its own. */
static unsigned colour(const struct frame *f)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < f->len; i++)
		h = (h ^ (uint8_t)f->name[i]) * 16777619u;
	if (f->name[0] == '[')
		return 0xc8c8c8;
	unsigned red = 205 + h % 50, green = 90 + (h >> 8) % 120, blue = 40 + (h >> 16) % 40;
	return red << 16 | green << 8 | blue;
}

/* As many whole characters as fit into so many letters. */
static size_t fitting(const struct frame *f, double width)
{
	size_t letters = width > 2 * LETTER ? (size_t)((width - 4) / LETTER) : 0, i = 0;

	if (letters < 3 && letters < f->len)
		return 0;
	for (size_t n = 0; i < f->len; i++) {
		bool begins = ((uint8_t)f->name[i] & 0xc0) != 0x80;
		if (begins && n++ == letters)
			break;
	}
	return i;
}

static void frame_draw(struct drawing *d, const struct frame *f, unsigned depth, uint64_t end)
{
	double scale = (WIDTH - 2 * MARGIN) / (double)d->total, x = MARGIN + (double)f->begin * scale;
	uint64_t value = end - f->begin;
	double width = (double)value * scale;
	unsigned y = d->height - FRAME * (depth + 2);

	if (width < LEAST)
		return;
	tt_buf_printf(d->to, "<g data-x=\"%" PRIu64 "\" data-w=\"%" PRIu64 "\" data-d=\"%u\"><title>", f->begin, value, depth);
	tt_xml_text(d->to, f->name, f->len);
	tt_buf_printf(d->to,
		      " (%" PRIu64 " %s, %.2f%%)</title><rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%u\" "
		      "fill=\"#%06x\"/><text x=\"%.1f\" y=\"%u\">",
		      value, d->unit, (double)value * 100 / (double)d->total, x, y, width, FRAME - 1, colour(f), x + 2, y + 12);
	tt_xml_text(d->to, f->name, fitting(f, width));
	tt_buf_add_str(d->to, "</text></g>\n");
}

static void close_to(struct drawing *d, unsigned depth)
{
	while (d->depth > depth) {
		d->depth--;
		frame_draw(d, &d->open[d->depth], d->depth, d->at);
	}
}

/* Frames the row has in common with the one before stay open. */
static void row_draw(struct drawing *d, size_t row)
{
	const char *at = text_of(d, row), *end = at + d->fold->rows[row].len;
	struct frame f;
	unsigned depth = 1;

	while (depth < DEPTH_MOST && next_frame(&at, end, &f)) {
		const struct frame *open = &d->open[depth];
		if (depth >= d->depth || open->len != f.len || memcmp(open->name, f.name, f.len) != 0) {
			close_to(d, depth);
			f.begin = d->at;
			d->open[depth] = f;
			d->depth = depth + 1;
		}
		depth++;
	}
	close_to(d, depth);
	d->at += d->fold->rows[row].value;
}

/* Zooming: what lies above the clicked frame is drawn over the whole width, what it is called by fills it. */
static const char script[] =
	"<script><![CDATA[\n"
	"var W=1200,M=10,all=document.querySelectorAll('g[data-d]');\n"
	"function n(g,k){return Number(g.getAttribute('data-'+k));}\n"
	"function zoom(x,w,d){all.forEach(function(g){\n"
	" var gx=n(g,'x'),gw=n(g,'w'),below=n(g,'d')<d,inside=gx>=x&&gx+gw<=x+w,around=gx<=x&&gx+gw>=x+w;\n"
	" g.style.display=(below?around:inside)?'':'none';\n"
	" var s=(W-2*M)/w,l=below?M:M+(gx-x)*s,r=below?W-2*M:gw*s,q=g.querySelector('rect'),t=g.querySelector('text');\n"
	" q.setAttribute('x',l);q.setAttribute('width',r);t.setAttribute('x',l+2);\n"
	" var name=g.querySelector('title').textContent.replace(/ \\([^(]*\\)$/,''),c=Math.floor((r-4)/6.6);\n"
	" t.textContent=c<3&&c<name.length?'':name.slice(0,c);});}\n"
	"all.forEach(function(g){g.addEventListener('click',function(e){e.stopPropagation();zoom(n(g,'x'),n(g,'w'),n(g,'d'));});}"
	");\n"
	"document.documentElement.addEventListener('click',function(){zoom(0,n(all[all.length-1],'w'),0);});\n"
	"]]></script>\n";

void tt_flame_graph(const struct tt_fold *f, const char *title, const char *unit, struct tt_buf *to)
{
	struct drawing d = {.fold = f, .to = to, .unit = unit, .depth = 1, .open = {{.name = "all", .len = 3}}};

	for (size_t i = 0; i < f->count; i++) {
		d.total += f->rows[i].value;
		d.deepest = TT_MAX(d.deepest, depth_of(&d, i));
	}
	d.height = HEAD + FRAME * (d.deepest + 2);
	tt_buf_printf(
		to,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
		"height=\"%u\" viewBox=\"0 0 %d %u\" font-family=\"monospace\" font-size=\"11\">\n"
		"<style>rect{stroke:#fff;stroke-width:.4}g:hover rect{stroke:#000}text{pointer-events:none}g{cursor:pointer}"
		"</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fdfdf6\"/>\n<text x=\"%d\" y=\"24\" "
		"font-size=\"15\">",
		(int)WIDTH, d.height, (int)WIDTH, d.height, MARGIN);
	tt_xml_text(to, title, strlen(title));
	tt_buf_add_str(to, "</text>\n");
	for (size_t i = 0; d.total && i < f->count; i++)
		row_draw(&d, i);
	if (d.total)
		close_to(&d, 0);
	tt_buf_add_str(to, d.total ? script : "");
	tt_buf_add_str(to, "</svg>\n");
}
