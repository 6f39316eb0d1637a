/* SPDX-License-Identifier: Apache-2.0 */
/* Four toy protocols that test the contract of proto.h itself: in order, by id, one-way, early response. */
#ifndef TT_HARNESS_TOYS_H
#define TT_HARNESS_TOYS_H

#include "proto/proto.h"

/*
 * Lines. In order: "Q name\n" or "Q name +N\n" with N bytes of body asks; "A status\n" or "A status +N\n" answers, "A status *\n"
 * has a body up to the end of the stream. By id: "Q#5 name\n", "A#5 status\n"; the server asks "B#5 name\n", the client answers
 * "C#5 status\n", the server tells "D name\n". One-way: "N name\n".
 */
extern const struct tt_proto toy_in_order;
extern const struct tt_proto toy_by_id;
extern const struct tt_proto toy_one_way;
/* In order, and the answer may come before the question's body ended. It never asks which request it answers. */
extern const struct tt_proto toy_early;

#endif
