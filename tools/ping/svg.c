// SPDX-License-Identifier: Apache-2.0
/* An image of the path: stages below each other, each beginning where the one before ends on average (SVG 1.1). */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "tools/ping/state.h"

/* In pixels. */
enum {
	LEFT = 300,
	WIDTH = 560,
	RIGHT = 330,
	TOP = 64,
	ROW = 22,
	BAR = 14,
	SPREAD = 4,
	BOTTOM = 16,
};

static const char *const colours[] = {
	[TT_PING_LOCAL] = "#2f6fab", [TT_PING_NETNS] = "#3a8f6b", [TT_PING_REMOTE] = "#a8642a", [TT_PING_BETWEEN] = "#777777"};

/* Names come from the command line and from devices: no markup, and nothing that is no text (XML 1.0, section 2.2). */
static void put_text(FILE *to, const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '<' || *c == '>' || *c == '&' || *c == '"')
			fprintf(to, "&#%d;", *c);
		else
			fputc(*c < ' ' || *c > '~' ? '.' : *c, to);
	}
}

static double us(uint64_t ns)
{
	return ns == UINT64_MAX ? 0 : (double)ns / 1000;
}

/* `whole` ns are as wide as the picture. */
static double scaled(uint64_t ns, uint64_t whole)
{
	double width = whole ? (double)ns * WIDTH / (double)whole : 0;

	return width > WIDTH ? WIDTH : width;
}

static void put_stage(FILE *to, const struct tt_ping_sum *s, uint64_t from, uint64_t whole, int y)
{
	uint64_t average = tt_spread_average(&s->times), p99 = tt_spread_at(&s->times, 9900);
	double x = LEFT + scaled(from, whole);
	double room = LEFT + WIDTH - x, tail = scaled(p99, whole);
	char name[64];

	tt_ping_place_name(&s->place, name, sizeof(name));
	fprintf(to, "<g><title>%s: %llu times, min %.1f us, max %.1f us</title>\n", tt_ping_side_names[s->place.side],
		(unsigned long long)s->times.count, us(s->times.least), us(s->times.most));
	fprintf(to, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LEFT - 8, y + BAR - 3);
	put_text(to, name);
	fprintf(to, "</text>\n<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\" fill-opacity=\"0.35\"/>\n", x,
		y + (BAR - SPREAD) / 2, tail < room ? tail : room, SPREAD, colours[s->place.side]);
	fprintf(to, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", x, y,
		scaled(average, whole) > 1 ? scaled(average, whole) : 1, BAR, colours[s->place.side]);
	fprintf(to, "<text x=\"%d\" y=\"%d\">%.1f / %.1f / %.1f us%s</text></g>\n", LEFT + WIDTH + 8, y + BAR - 3, us(average),
		us(tt_spread_at(&s->times, 5000)), us(p99), s->place.estimated ? " (estimated)" : "");
}

static void put_head(FILE *to, const struct tt_ping_totals *t, const char *host, int height)
{
	int width = LEFT + WIDTH + RIGHT;

	fprintf(to,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n<text x=\"16\" y=\"24\" font-size=\"16\">telltale ping ",
		width, height, width, height, width, height);
	put_text(to, host);
	fprintf(to,
		"</text>\n<text x=\"16\" y=\"44\">%llu sent, %llu received, %llu lost; round trip avg %.1f us, p50 %.1f us, p99 "
		"%.1f us"
		"</text>\n<text x=\"%d\" y=\"44\">avg / p50 / p99</text>\n",
		(unsigned long long)t->sent, (unsigned long long)t->received, (unsigned long long)t->lost,
		us(tt_spread_average(&t->rtt)), us(tt_spread_at(&t->rtt, 5000)), us(tt_spread_at(&t->rtt, 9900)),
		LEFT + WIDTH + 8);
}

int tt_ping_svg(FILE *to, const struct tt_ping_totals *t, const char *host)
{
	uint64_t whole = 0, from = 0;

	for (size_t i = 0; i < t->sum_count; i++)
		whole += tt_spread_average(&t->sums[i]->times);
	put_head(to, t, host, TOP + ROW * (int)t->sum_count + BOTTOM);
	for (size_t i = 0; i < t->sum_count; i++) {
		put_stage(to, t->sums[i], from, whole, TOP + ROW * (int)i);
		from += tt_spread_average(&t->sums[i]->times);
	}
	fputs("</svg>\n", to);
	return fflush(to) || ferror(to) ? -EIO : 0;
}
