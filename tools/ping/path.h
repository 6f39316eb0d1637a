/* SPDX-License-Identifier: Apache-2.0 */
/* From the points an echo and its reply passed to the stages between them. */
#ifndef TT_PING_PATH_H
#define TT_PING_PATH_H

#include "tools/ping/packet.h"

#define TT_PING_MARKS_MOST 40
#define TT_PING_STAGES_MOST (2 * TT_PING_MARKS_MOST + TT_PING_STEPS_MOST)

/* A point that was passed. */
struct tt_ping_mark {
	uint64_t ns;	    /* when */
	uint64_t raised_ns; /* of RECEIVE: when its softirq was asked for; 0: not known */
	uint32_t netns;	    /* 0: the program itself */
	uint32_t ifindex;
	uint8_t kind; /* enum tt_ping_point_kind */
	bool reply;
	char device[TT_PING_DEVICE_LEN]; /* empty: none */
};

/* In the order of time. A copy of a packet passes a point again: the first time counts. */
struct tt_ping_marks {
	struct tt_ping_mark list[TT_PING_MARKS_MOST];
	uint32_t count;
	uint32_t left_out; /* for want of room */
};

void tt_ping_marks_add(struct tt_ping_marks *m, const struct tt_ping_mark *mark);
/* The same of a record; room for the program's two marks stays. */
void tt_ping_marks_point(struct tt_ping_marks *m, const struct tt_ping_point *p);

/* Adds the program's own two, and forgets what lies before or behind these: copies, and what the program was woken for later. */
void tt_ping_marks_end(struct tt_ping_marks *m, uint64_t sent_ns, uint64_t user_ns);

/*
 * Copies them with what lies between: RAISE before what was received, and each driver's end no later than the beginning of what
 * follows it elsewhere. ret has room for 2 * TT_PING_MARKS_MOST. How many there are.
 */
size_t tt_ping_marks_whole(const struct tt_ping_marks *m, struct tt_ping_mark *ret);

/* What a stage is. X(id, name, meaning) */
#define TT_PING_STAGES(X)                                                                                                     \
	X(SEND, "send", "from the program to the device's queue: routing, and looking for the neighbour's address")           \
	X(QDISC, "qdisc", "in the device's queue")                                                                            \
	X(DRIVER, "driver", "in the device's driver")                                                                         \
	X(LINK, "link", "from one device to the other, with what is between them")                                            \
	X(REMOTE, "remote + link", "everything from the last device here and back to the first: nothing more is known of it") \
	X(SOFTIRQ, "softirq", "the device has it, and the softirq that receives has not come to it")                          \
	X(FORWARD, "forward", "through a router or bridge")                                                                   \
	X(REPLY, "reply", "the kernel makes the reply")                                                                       \
	X(PROTOCOL, "protocol", "in the kernel's protocols, as far as the socket")                                            \
	X(WAKEUP, "wake-up", "from there until the program stands in a processor's queue")                                    \
	X(RUNQUEUE, "run queue", "in that queue")                                                                             \
	X(USER, "user", "until the program has it")

enum tt_ping_stage_kind {
#define TT_PING_STAGE_ENUM(id, name, meaning) TT_PING_STAGE_##id,
	TT_PING_STAGES(TT_PING_STAGE_ENUM)
#undef TT_PING_STAGE_ENUM
		TT_PING_STAGE_MAX,
};

extern const char *const tt_ping_stage_names[TT_PING_STAGE_MAX];

enum tt_ping_side {
	TT_PING_LOCAL,	 /* this network namespace */
	TT_PING_NETNS,	 /* another one of this kernel */
	TT_PING_REMOTE,	 /* the kernel that answers, by its report */
	TT_PING_BETWEEN, /* neither */
};

extern const char *const tt_ping_side_names[];

/* What it is of; two of the same are told apart by nothing else. */
struct tt_ping_place {
	uint8_t kind; /* enum tt_ping_stage_kind */
	uint8_t side; /* enum tt_ping_side */
	uint8_t back; /* on the reply's way */
	uint8_t estimated;
	uint32_t netns; /* 0: not of a device of this kernel */
	char device[TT_PING_DEVICE_LEN];
};

struct tt_ping_stage {
	struct tt_ping_place place;
	uint64_t ns;
};

struct tt_ping_path {
	struct tt_ping_stage list[TT_PING_STAGES_MOST];
	size_t count;
};

/*
 * `marks` begin with SENT and end with USER: their stages together are that time, to the nanosecond. `report` is what the other
 * side says (NULL: nothing), of a clock of its own: what neither side accounts for is halved between the two ways. False: the
 * report cannot be (it says the packet was there longer than it was away), and is not used.
 */
bool tt_ping_path(const struct tt_ping_marks *marks, uint32_t own_netns, const struct tt_ping_packet *report,
		  struct tt_ping_path *ret);

/* "qdisc eth0"; of the way back with an arrow. */
void tt_ping_place_name(const struct tt_ping_place *place, char *to, size_t size);

/* Where the last of these marks lies, as a stage: an echo that was lost came as far as there. */
struct tt_ping_place tt_ping_last(const struct tt_ping_marks *marks, uint32_t own_netns);

#endif
