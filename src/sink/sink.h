/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every output is: something that takes events. An event is an exchange or a connection report together with who it was,
 * and an output may also be given deltas: counting that was done elsewhere (in the kernel) and joins the same series.
 */
#ifndef TT_SINK_SINK_H
#define TT_SINK_SINK_H

#include "identity/identity.h"
#include "stream/exchange.h"

struct tt_kind;

/* What a client or a script may choose at will (sink/names.h). */
enum tt_name {
	TT_NAME_OPERATION,
	TT_NAME_NAMESPACE,   /* of a database */
	TT_NAME_METHOD,	     /* of a remote call */
	TT_NAME_DESTINATION, /* of a message */
	TT_NAME_ERROR,
	TT_NAME_MAX,
};

struct tt_event {
	const struct tt_identity *self;	  /* the process at the observed end */
	const struct tt_identity *remote; /* the other end's process where it is on this host and known, else NULL */
	int64_t wall_minus_mono_ns;	  /* add to a monotonic time for Unix time */
	/* Filled in by the shaping stage (sink/shape.h) for sinks with bounded names; raw names are in the exchange. */
	struct tt_span route;	     /* templated, redacted resource, with what is asked within HTTP; data NULL: none */
	struct tt_span http_route;   /* of an HTTP exchange without the latter; data NULL: none */
	struct tt_span target;	     /* redacted resource for people: query strings and literals hidden unless --show-values */
	const struct tt_span *names; /* by enum tt_name, bounded and templated; NULL: they are as in the exchange */
	const struct tt_kind *kind;  /* what sort of thing its protocol is (tt_event_kind); NULL: not looked up */
};

/* Histograms are base-2 everywhere: bucket i counts values v with 2^(i-1) < v <= 2^i nanoseconds (bucket 0: v <= 1). */
#define TT_BUCKETS 64

struct tt_label {
	const char *name; /* static storage */
	struct tt_span value;
};

/* A difference to add to one series. */
struct tt_delta {
	const char *metric; /* static storage: name of a family */
	const struct tt_label *labels;
	size_t label_count;
	uint64_t count;		 /* of a histogram, or a counter */
	uint64_t sum_ns;	 /* of a histogram, or a counter of seconds */
	const uint64_t *buckets; /* TT_BUCKETS counts, or NULL for a plain counter */
};

struct tt_sink;

struct tt_sink_ops {
	const char *name;
	void (*exchange)(struct tt_sink *s, const struct tt_event *e, const struct tt_exchange *x);
	void (*connection)(struct tt_sink *s, const struct tt_event *e, const struct tt_conn_report *r); /* NULL: not wanted */
	void (*delta)(struct tt_sink *s, const struct tt_delta *d);					 /* NULL: not wanted */
	void (*advance)(struct tt_sink *s, uint64_t now_ns);						 /* NULL: not wanted */
	/* Writes out what is still held. Returns 0 or the negative errno of the first write that failed. NULL: nothing held. */
	int (*flush)(struct tt_sink *s);
	void (*free)(struct tt_sink *s);
};

/* A sink embeds this as its first member. */
struct tt_sink {
	const struct tt_sink_ops *ops;
};

/* NULL-safe; returns NULL. */
static inline struct tt_sink *tt_sink_free(struct tt_sink *s)
{
	if (s)
		s->ops->free(s);
	return NULL;
}

#endif
