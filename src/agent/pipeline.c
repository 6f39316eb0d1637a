// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline.h"

#include <errno.h>

#include "base/now.h"
#include "shared/header_table.h"
#include "sink/shape.h"

#define TT_SINKS_MAX 16

struct tt_pipeline {
	struct tt_source *source;
	struct tt_streams *streams;
	struct tt_identities *identities;
	struct tt_shape *shape;
	struct tt_sink *sinks[TT_SINKS_MAX];
	size_t sink_count;
	tt_pipeline_tap tap;
	void *tap_ctx;
	struct tt_libraries *libraries; /* NULL: nobody looks for them */
	struct tt_kin *kin;		/* NULL: nobody asks who is there */
	int64_t wall_minus_mono_ns;
	uint64_t now_ns; /* of the records */
	uint64_t ask_ns; /* from this record time on the source is asked again up to when all is given */
	uint64_t ask_every_ns;
	const struct tt_where *where;
	bool show_values;
	uint64_t filtered;
};

static struct tt_event tt_pipeline_event(struct tt_pipeline *p, const struct tt_actor *actor)
{
	return (struct tt_event){
		.self = tt_identities_find(p->identities, actor->tgid, actor->start_ns, actor->cgroup_id),
		.wall_minus_mono_ns = p->wall_minus_mono_ns,
	};
}

static void tt_pipeline_exchange(void *ctx, const struct tt_exchange *x)
{
	struct tt_pipeline *p = ctx;
	struct tt_event e = tt_pipeline_event(p, &x->actor);

	if (p->libraries && x->proto->encrypts)
		tt_libraries_handshake(p->libraries, x->actor.tgid, p->now_ns);
	tt_shape_event(p->shape, &e, x);
	if (!tt_where_holds(p->where, &e, x, p->show_values)) {
		p->filtered++;
		return;
	}
	for (size_t i = 0; i < p->sink_count; i++)
		p->sinks[i]->ops->exchange(p->sinks[i], &e, x);
}

static void tt_pipeline_connection(void *ctx, const struct tt_conn_report *report)
{
	struct tt_pipeline *p = ctx;
	struct tt_event e = tt_pipeline_event(p, &report->actor);

	for (size_t i = 0; i < p->sink_count; i++) {
		if (p->sinks[i]->ops->connection)
			p->sinks[i]->ops->connection(p->sinks[i], &e, report);
	}
}

static void tt_pipeline_wish(void *ctx, const struct tt_conn_id *conn, enum tt_direction dir, uint64_t from, uint32_t bytes)
{
	struct tt_pipeline *p = ctx;

	if (p->source->ops->wish)
		p->source->ops->wish(p->source, conn, dir, from, bytes);
}

static void tt_pipeline_forget(void *ctx, const struct tt_conn_id *conn, bool closed)
{
	struct tt_pipeline *p = ctx;

	if (p->source->ops->forget)
		p->source->ops->forget(p->source, conn, closed);
}

static const struct tt_streams_ops streams_ops = {
	.exchange = tt_pipeline_exchange,
	.connection = tt_pipeline_connection,
	.wish = tt_pipeline_wish,
	.forget = tt_pipeline_forget,
};

int tt_pipeline_new(struct tt_pipeline **ret, const struct tt_pipeline_config *config, struct tt_source *source)
{
	struct tt_pipeline *p = calloc(1, sizeof(*p));
	if (!p) {
		tt_source_free(source);
		return -ENOMEM;
	}
	p->source = source;
	p->where = config->where;
	p->show_values = config->show_values;
	p->wall_minus_mono_ns = tt_wall_minus_mono_ns();
	p->ask_every_ns = config->limits->value[TT_LIMIT_STREAM_HOLD] * 1000000u / 2 + 1;

	int r = tt_streams_new(&p->streams, config->limits, config->protos, config->proto_count, &streams_ops, p);
	if (r == 0) {
		tt_streams_expect_tables(p->streams, config->header_tables);
		r = tt_identities_new(&p->identities, config->limits, config->use_proc);
	}
	if (r == 0)
		r = tt_shape_new(&p->shape, config->limits, config->show_values);
	if (r < 0) {
		tt_pipeline_free(p);
		return r;
	}
	*ret = p;
	return 0;
}

struct tt_pipeline *tt_pipeline_free(struct tt_pipeline *p)
{
	if (!p)
		return NULL;
	p->streams = tt_streams_free(p->streams);
	p->identities = tt_identities_free(p->identities);
	p->shape = tt_shape_free(p->shape);
	for (size_t i = 0; i < p->sink_count; i++)
		tt_sink_free(p->sinks[i]);
	p->source = tt_source_free(p->source);
	free(p);
	return NULL;
}

int tt_pipeline_add(struct tt_pipeline *p, struct tt_sink *sink)
{
	if (p->sink_count == TT_SINKS_MAX) {
		tt_sink_free(sink);
		return -ENOSPC;
	}
	p->sinks[p->sink_count++] = sink;
	return 0;
}

void tt_pipeline_set_tap(struct tt_pipeline *p, tt_pipeline_tap tap, void *ctx)
{
	p->tap = tap;
	p->tap_ctx = ctx;
}

void tt_pipeline_set_libraries(struct tt_pipeline *p, struct tt_libraries *libraries)
{
	p->libraries = libraries;
}

void tt_pipeline_set_kin(struct tt_pipeline *p, struct tt_kin *kin)
{
	p->kin = kin;
}

static int tt_pipeline_record(void *ctx, const struct tt_record *rec)
{
	struct tt_pipeline *p = ctx;

	if (p->tap) {
		int r = p->tap(p->tap_ctx, rec);
		if (r < 0)
			return r;
	}
	switch (rec->type) {
	case TT_REC_CHUNK:
	case TT_REC_OPEN:
	case TT_REC_CLOSE:
	case TT_REC_L4:
	case TT_REC_UNIX:
	case TT_REC_HEADER_TABLE:
	case TT_REC_HANDSHAKE:
		tt_streams_record(p->streams, rec);
		break;
	case TT_REC_CLOCK:
		if (rec->len >= sizeof(struct tt_clock_record))
			p->wall_minus_mono_ns = ((const struct tt_clock_record *)rec)->wall_minus_mono_ns;
		break;
	default:
		tt_identities_record(p->identities, rec);
		if (p->libraries)
			tt_libraries_record(p->libraries, rec);
		if (p->kin)
			tt_kin_record(p->kin, rec);
		break;
	}
	/* What the streams wait for ends with the records, however many come at once. */
	if (rec->time_ns >= p->ask_ns) {
		p->ask_ns = rec->time_ns + p->ask_every_ns;
		tt_streams_advance(p->streams, p->source->ops->watermark(p->source));
	}
	return 0;
}

int tt_pipeline_run(struct tt_pipeline *p, uint64_t budget)
{
	int n = tt_source_poll(p->source, budget, tt_pipeline_record, p);
	if (n < 0 && n != -ENODATA)
		return n;

	uint64_t now_ns = p->source->ops->watermark(p->source);
	if (now_ns > p->now_ns) {
		p->now_ns = now_ns;
		tt_streams_advance(p->streams, now_ns);
		tt_identities_advance(p->identities, now_ns);
		if (p->libraries)
			tt_libraries_advance(p->libraries, now_ns);
		for (size_t i = 0; i < p->sink_count; i++) {
			if (p->sinks[i]->ops->advance)
				p->sinks[i]->ops->advance(p->sinks[i], now_ns);
		}
	}
	return n;
}

int tt_pipeline_finish(struct tt_pipeline *p)
{
	int failure = 0;

	tt_streams_finish(p->streams);
	for (size_t i = 0; i < p->sink_count; i++) {
		int r = p->sinks[i]->ops->flush ? p->sinks[i]->ops->flush(p->sinks[i]) : 0;
		if (r < 0 && failure == 0)
			failure = r;
	}
	return failure;
}

void tt_pipeline_delta(struct tt_pipeline *p, const struct tt_delta *d)
{
	for (size_t i = 0; i < p->sink_count; i++) {
		if (p->sinks[i]->ops->delta)
			p->sinks[i]->ops->delta(p->sinks[i], d);
	}
}

int64_t tt_pipeline_wall_minus_mono(const struct tt_pipeline *p)
{
	return p->wall_minus_mono_ns;
}

struct tt_source *tt_pipeline_source(struct tt_pipeline *p)
{
	return p->source;
}

struct tt_identities *tt_pipeline_identities(struct tt_pipeline *p)
{
	return p->identities;
}

uint64_t tt_pipeline_routes_refused(const struct tt_pipeline *p)
{
	return tt_shape_refused(p->shape);
}

void tt_pipeline_stats(const struct tt_pipeline *p, struct tt_stream_stats *ret)
{
	tt_streams_stats(p->streams, ret);
}

uint64_t tt_pipeline_filtered(const struct tt_pipeline *p)
{
	return p->filtered;
}
