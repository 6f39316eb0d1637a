// SPDX-License-Identifier: Apache-2.0
/*
 * Looking at the content of streams that carry no gRPC, for what is asked within it (http_app.h). Few streams of a connection are
 * looked at at a time; of the others only the heads are read, as of content that was not captured.
 */
#include "base/own.h"
#include "proto/http2_internal.h"

static struct http2_look *http2_look_find(struct http2_link *h, uint32_t stream, enum tt_side side)
{
	for (size_t i = 0; i < HTTP2_LOOKS; i++) {
		if (h->look[i].app && h->look[i].stream == stream && h->look[i].side == side)
			return &h->look[i];
	}
	return NULL;
}

/* A free place, also that of a stream that is gone. NULL: there is none. */
static struct http2_look *http2_look_place(struct http2_link *h)
{
	for (size_t i = 0; i < HTTP2_LOOKS; i++) {
		struct http2_look *look = &h->look[i];
		if (look->app && !tt_http2_stream_find(tt_http2_table(h, look->stream), look->stream))
			look->app = tt_http_app_free(look->app);
		if (!look->app)
			return look;
	}
	return NULL;
}

static struct tt_http_app *http2_look_for(const struct http2_at *a, struct http2_half *half)
{
	enum tt_http_media media = (enum tt_http_media)half->media;

	return a->side == TT_REQUESTS ? tt_http_app_request(a->link, half->m, media)
				      : tt_http_app_response(a->link, half->m, media, tt_http_app_kind(half->m->peer));
}

bool tt_http2_look(const struct http2_at *a, const struct http2_stream *s, struct http2_half *half)
{
	if (half->looked || half->doubt || !half->m || half->media == TT_HTTP_MEDIA_OTHER)
		return half->looking;
	half->looked = true;
	struct tt_http_app *app = http2_look_for(a, half);
	struct http2_look *look = app ? http2_look_place(a->h) : NULL;
	if (look) {
		*look = (struct http2_look){.stream = s->id, .side = a->side, .app = app};
		half->looking = true;
	} else if (app) {
		tt_http_app_free(app);
		tt_block_turned_away(a->link);
	}
	return half->looking;
}

void tt_http2_look_end(struct http2_link *h, struct http2_stream *s, enum tt_side side)
{
	struct http2_look *look = s->half[side].looking ? http2_look_find(h, s->id, side) : NULL;

	s->half[side].looking = false;
	if (look)
		look->app = tt_http_app_end(look->app);
}

void tt_http2_looks_drop(struct http2_link *h, enum tt_side side)
{
	for (size_t i = 0; i < HTTP2_LOOKS; i++) {
		if (h->look[i].side == side)
			h->look[i].app = tt_http_app_free(h->look[i].app);
	}
}

/* What is left of the frame is not looked at. */
static int http2_content_pass(struct http2_at *a)
{
	struct http2_side *side = &a->h->side[a->side];
	struct http2_stream *s = tt_http2_find(a->h, a->side, side->data_stream);
	uint64_t rest = (uint64_t)side->data_left + side->data_pad;

	side->data_stream = side->data_left = 0;
	if (s && side->data_ends)
		tt_http2_close(a->link, a->h, a->side, s, a->in, a->in->c.pos + rest);
	return tt_http2_pass(a, rest, true);
}

int tt_http2_content(struct http2_at *a)
{
	struct http2_side *side = &a->h->side[a->side];
	struct http2_stream *s = tt_http2_find(a->h, a->side, side->data_stream);
	struct http2_look *look = s && s->half[a->side].looking ? http2_look_find(a->h, s->id, a->side) : NULL;

	if (!look)
		return http2_content_pass(a);
	struct tt_span part = tt_span_sub(tt_cursor_rest(&a->in->c), 0, side->data_left);
	bool wanted = tt_http_app_take(look->app, a->link, a->in, a->in->c.pos, part);
	tt_cursor_skip(&a->in->c, part.len);
	side->data_left -= (uint32_t)part.len;
	if (wanted && side->data_left) {
		tt_optional(a->link, a->side, side->data_left);
		return TT_MORE;
	}
	if (!wanted)
		tt_http2_look_end(a->h, s, a->side);
	return http2_content_pass(a);
}

void tt_http2_unseen(struct tt_link *link, enum tt_side side, const struct tt_input *in)
{
	struct http2_link *h = tt_link_state(link);
	struct tt_input here = *in;
	struct http2_at a = {.link = link, .h = h, .side = side, .in = &here};
	struct http2_stream *s = tt_http2_find(h, side, h->side[side].data_stream);

	if (s)
		tt_http2_look_end(h, s, side);
	http2_content_pass(&a);
}
