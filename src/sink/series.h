/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The series store: families of counters, gauges and histograms, each with its label sets. A series that is held stays where it
 * is and may be kept by pointer; others go when nothing was added for as long as the limit row `idle_expiry_s` says. The number
 * of series is bounded by the limit row `series`: label sets that come after it share their family's overflow series, so that
 * sums stay exact whatever happens.
 */
#ifndef TT_SINK_SERIES_H
#define TT_SINK_SERIES_H

#include "shared/limits.h"
#include "sink/histogram.h"

#define TT_SERIES_LABELS 16	/* labels of a family at most */
#define TT_SERIES_LABEL_MAX 128 /* bytes of a label's value; what is longer is cut */
#define TT_SERIES_FAMILIES 64

enum tt_series_type {
	TT_COUNTER,
	TT_GAUGE,
	TT_HISTOGRAM, /* of nanoseconds, shown in seconds */
	TT_SECONDS,   /* a counter of the same */
};

/* The texts have static storage; the store keeps a copy of the struct. */
struct tt_metric_family {
	const char *name;
	const char *help;
	enum tt_series_type type;
	const char *labels[TT_SERIES_LABELS]; /* up to the first NULL */
};

struct tt_series {
	struct tt_series *next;		/* of the family, in the order they came */
	uint64_t value;			/* counter, gauge, nanoseconds */
	struct tt_histogram *histogram; /* histogram, else NULL */
	uint64_t used_ns;		/* when it was last asked for; 0: before the first tt_series_expire */
	uint32_t held;
	uint32_t key_len;
	bool overflow; /* the family's overflow series: it has the one label otel_metric_overflow="true" */
	uint8_t key[]; /* family, then each label's value with its length before it */
};

struct tt_series_set;

/* *ret untouched on failure (-ENOMEM). */
int tt_series_set_new(struct tt_series_set **ret, const struct tt_limits *limits);
/* NULL-safe, returns NULL. */
struct tt_series_set *tt_series_set_free(struct tt_series_set *set);

/* Returns the family's number; -EINVAL with too many labels, -ENOSPC with too many families, -ENOMEM. Not idempotent: once a
 * family. */
int tt_series_family(struct tt_series_set *set, const struct tt_metric_family *family);

/* The family of that name, or -ENOENT. */
int tt_series_family_find(const struct tt_series_set *set, const char *name);
const struct tt_metric_family *tt_series_family_at(const struct tt_series_set *set, int family);

/*
 * The series with these label values, in the order of the family's labels, made if need be; the family's overflow series if it
 * may not be. Never NULL. Bytes that are not UTF-8 become U+FFFD. An empty value is the same as none.
 */
struct tt_series *tt_series_get(struct tt_series_set *set, int family, const struct tt_span *values);

/* It stays until it was released as often. */
void tt_series_hold(struct tt_series *s);
void tt_series_release(struct tt_series_set *set, struct tt_series *s);

/* Drops what nobody holds and nobody asked for within `idle_expiry_s`; looks only every so often. */
void tt_series_expire(struct tt_series_set *set, uint64_t now_ns);

static inline void tt_series_add(struct tt_series *s, uint64_t n)
{
	s->value += n;
}

static inline void tt_series_observe(struct tt_series *s, uint64_t ns)
{
	tt_histogram_add(s->histogram, ns);
}

/* --- reading -------------------------------------------------------------------------------------------------------------------
 */

int tt_series_families(const struct tt_series_set *set);

/* The series of a family after `s` (NULL: the first), or NULL. The overflow series is last, and there only if it was used. */
const struct tt_series *tt_series_next(const struct tt_series_set *set, int family, const struct tt_series *s);

/* Its label values, as many as the family has labels; borrowed from the series. Not for the overflow series, which has none of
 * them. */
void tt_series_values(const struct tt_series_set *set, const struct tt_series *s, struct tt_span values[TT_SERIES_LABELS]);

/* Series now (overflow series not counted), and how often something went to the family's overflow series. */
uint64_t tt_series_count(const struct tt_series_set *set);
uint64_t tt_series_limit(const struct tt_series_set *set);
/* How many were dropped because they were idle. */
uint64_t tt_series_expired(const struct tt_series_set *set);
uint64_t tt_series_overflowed(const struct tt_series_set *set, int family);

#endif
