/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of telltale ping share on the user side. */
#ifndef TT_PING_STATE_H
#define TT_PING_STATE_H

#include <netinet/in.h>
#include <stdio.h>

#include "tools/ping/path.h"
#include "tools/ping/spread.h"
#include "tools/tool.h"

struct tt_ping_settings {
	struct tt_ping_config config; /* first: it goes to the programs */
	const char *host;
	const char *svg;
	uint64_t every_ns;
	uint64_t timeout_ns;
	uint64_t echoes; /* 0: no end */
	uint64_t size;	 /* of the payload */
	uint64_t rate;	 /* reports a second */
	uint8_t ipv4, ipv6;
	uint8_t pingpong;
	uint8_t own_netns; /* only points of this network namespace */
	uint8_t each;	   /* show each echo's stages */
	uint8_t reserved[3];
	uint32_t netns; /* inode number of this network namespace */
	struct sockaddr_storage address;
	socklen_t address_len;
};

enum tt_ping_table {
	TT_PING_TABLE_ECHO,
	TT_PING_TABLE_PATH,
	TT_PING_TABLE_LOST,
	TT_PING_TABLE_STAGE,
	TT_PING_TABLE_TOTAL,
	TT_PING_TABLE_SERVED,
	TT_PING_TABLE_MAX,
};

extern const struct tt_table tt_ping_echo_table, tt_ping_path_table, tt_ping_lost_table, tt_ping_stage_table, tt_ping_total_table,
	tt_ping_served_table;

enum tt_ping_note {
	TT_PING_NOTE_FOREIGN,
	TT_PING_NOTE_VERSION,
	TT_PING_NOTE_REPORT,
	TT_PING_NOTE_STAGES,
	TT_PING_NOTE_MARKS,
	TT_PING_NOTE_UNSENT,
	TT_PING_NOTE_LIMITED,
	TT_PING_NOTE_UNANSWERED,
};

/* --- stages, summed up (stages.c) --- */

#define TT_PING_SUMS_MOST 96

struct tt_ping_sum {
	struct tt_ping_place place;
	struct tt_spread times;
};

struct tt_ping_totals {
	uint64_t since_ns;
	uint64_t sent, received, lost, duplicates, reordered, late;
	struct tt_spread rtt;
	struct tt_ping_sum *sums[TT_PING_SUMS_MOST]; /* owned, in the order of the path */
	size_t sum_count;
};

/* Adds a path, of which the rtt is known. Stages turned away are returned. */
size_t tt_ping_totals_add(struct tt_ping_totals *t, const struct tt_ping_path *path, uint64_t rtt_ns);
/* The stage that took longest beyond what it mostly takes (while little is known: longest). NULL: there is none. */
const struct tt_ping_stage *tt_ping_blamed(const struct tt_ping_totals *t, const struct tt_ping_path *path);
/* Rows of the stages and the sum; what is still open is told, too. 0 or a negative errno. */
int tt_ping_totals_show(struct tt_tool_run *run, const struct tt_ping_totals *t, uint64_t open);
/* Begins anew. */
void tt_ping_totals_free(struct tt_ping_totals *t);

/* --- an image of the path (svg.c) --- */

/* 0 or a negative errno. */
int tt_ping_svg(FILE *to, const struct tt_ping_totals *t, const char *host);

/* --- asking (client.c) and answering (serve.c): the tool's callbacks --- */

int tt_ping_client_begin(struct tt_tool_run *run);
int tt_ping_client_turn(struct tt_tool_run *run);
int tt_ping_client_record(struct tt_tool_run *run, const struct tt_ping_point *p);
int tt_ping_client_interval(struct tt_tool_run *run);
int tt_ping_client_end(struct tt_tool_run *run);
void tt_ping_client_free(struct tt_tool_run *run);

int tt_ping_serve_begin(struct tt_tool_run *run);
int tt_ping_serve_turn(struct tt_tool_run *run);
int tt_ping_serve_record(struct tt_tool_run *run, const struct tt_ping_point *p);
int tt_ping_serve_interval(struct tt_tool_run *run);
int tt_ping_serve_end(struct tt_tool_run *run);
void tt_ping_serve_free(struct tt_tool_run *run);

/* --- sockets (socket.c) --- */

/* A raw socket that only gets replies of this id from that address; or a negative errno. */
int tt_ping_socket(const struct tt_ping_settings *s);
/* One that sends and gets nothing, of family 4 or 6; or a negative errno. */
int tt_ping_socket_out(unsigned family);
/* Says why one of them could not be opened; `host` NULL: to nobody in particular. Returns -ECHILD: it was said. */
int tt_ping_not_opened(int r, const char *host);
/* Sends to `target` as `source` (both as in struct tt_ping_point). 0 or a negative errno. */
int tt_ping_send_from(int fd, const struct tt_ping_point *where, const uint8_t *message, size_t size);

/* The front of settings' packets. */
enum {
	TT_PING_SIZE_LEAST = TT_PING_HEAD,
	TT_PING_SIZE = 256,	  /* room for the steps of a host with a bridge */
	TT_PING_SIZE_MOST = 1200, /* fits into what every link of IPv6 takes in one piece */
};

#endif
