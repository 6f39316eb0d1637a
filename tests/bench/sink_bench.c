// SPDX-License-Identifier: Apache-2.0
/*
 * What an exchange costs once it is parsed: shaping and every sink the agent has. `sink_bench NAME COUNT` gives COUNT exchanges
 * of one sort to one sink (or all); run it below callgrind with two counts, the difference is the price. Names: see the tables
 * below.
 */
#include <stdlib.h>

#include "harness/event.h"
#include "sink/map.h"
#include "sink/metrics.h"
#include "sink/recent.h"
#include "sink/services.h"
#include "sink/shape.h"

struct bench {
	struct tt_limits limits;
	struct tt_series_set *set;
	struct tt_shape *shape;
	struct tt_sink *sinks[4];
};

static const char *const sinks[] = {"metrics", "map", "services", "recent"};

static void bench_init(struct bench *b)
{
	tt_limits_init(&b->limits);
	if (tt_series_set_new(&b->set, &b->limits) < 0 || tt_shape_new(&b->shape, &b->limits, false) < 0 ||
	    tt_metrics_new(&b->sinks[0], b->set) < 0 || tt_map_new(&b->sinks[1], &b->limits, b->set) < 0 ||
	    tt_services_new(&b->sinks[2], &b->limits) < 0 ||
	    tt_recent_new(&b->sinks[3], &b->limits, &(struct tt_jsonl_options){0}) < 0)
		exit(1);
}

static void bench_free(struct bench *b)
{
	for (size_t i = 0; i < 4; i++)
		tt_sink_free(b->sinks[i]);
	tt_shape_free(b->shape);
	tt_series_set_free(b->set);
}

/* An exchange as the parsers leave it. */
static void make(struct tt_made *m, const char *protocol, enum tt_role role)
{
	static const char statement[] = "SELECT id, name, price FROM products WHERE category = 17 AND name LIKE 'a%' LIMIT 20";

	if (strcmp(protocol, "http") == 0) {
		tt_made_http(m, role, "/cart/17/items?page=2", 200);
		tt_message_attr(&m->request, "url.path", TT_SPAN_LIT("/cart/17/items"));
		tt_message_attr(&m->request, "url.query", TT_SPAN_LIT("page=2"));
		tt_message_attr(&m->request, "network.protocol.version", TT_SPAN_LIT("1.1"));
		tt_message_attr(&m->request, "server.address", TT_SPAN_LIT("shop.example"));
		tt_message_attr(&m->request, "user_agent.original", TT_SPAN_LIT("curl/7.88.1"));
	} else if (strcmp(protocol, "mysql") == 0) {
		tt_made_init(m, "mysql", role);
		tt_made_texts(m, "SELECT", statement, "OK");
		tt_message_attr(&m->request, "db.system.name", TT_SPAN_LIT("mysql"));
		tt_message_attr(&m->request, "db.namespace", TT_SPAN_LIT("shop"));
		tt_message_attr(&m->request, "db.query.text", TT_SPAN_LIT("SELECT"));
		tt_message_attr_int(&m->response, "db.response.returned_rows", 20);
	} else {
		tt_made_init(m, "redis", role);
		tt_made_texts(m, "GET", "user:17:cart", "OK");
		tt_message_attr(&m->request, "db.system.name", TT_SPAN_LIT("redis"));
		tt_message_attr(&m->request, "db.operation.name", TT_SPAN_LIT("GET"));
	}
}

/* Both ends of each exchange; which = 4: all sinks, 5: shaping alone. */
static void play(struct bench *b, const char *protocol, size_t which, uint64_t count)
{
	struct tt_made ends[2];
	make(&ends[0], protocol, TT_ROLE_SERVER);
	make(&ends[1], protocol, TT_ROLE_CLIENT);
	snprintf(ends[1].self.service, sizeof(ends[1].self.service), "web");

	for (uint64_t i = 0; i < count; i++) {
		struct tt_made *m = &ends[i % 2];
		tt_shape_event(b->shape, &m->e, &m->x);
		for (size_t s = 0; s < 4; s++) {
			if (which == s || which == 4)
				b->sinks[s]->ops->exchange(b->sinks[s], &m->e, &m->x);
		}
		tt_made_shift(m, 100000);
	}
	tt_made_free(&ends[0]);
	tt_made_free(&ends[1]);
}

int main(int argc, char **argv)
{
	struct bench b = {0};
	if (argc != 4) {
		fprintf(stderr, "usage: sink_bench http|mysql|redis metrics|map|services|recent|all|shape COUNT\n");
		return 2;
	}
	size_t which = 0;
	while (which < 4 && strcmp(argv[2], sinks[which]) != 0)
		which++;
	if (strcmp(argv[2], "shape") == 0)
		which = 5;
	bench_init(&b);
	play(&b, argv[1], which, strtoull(argv[3], NULL, 10));
	bench_free(&b);
	return 0;
}
