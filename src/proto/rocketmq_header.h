/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RocketMQ's remoting header in its two forms (Apache RocketMQ, org.apache.rocketmq.remoting.protocol.RemotingCommand,
 * RemotingSerializable and RocketMQSerializable): a JSON object, or fields of fixed width with a list of names and values.
 */
#ifndef TT_PROTO_ROCKETMQ_HEADER_H
#define TT_PROTO_ROCKETMQ_HEADER_H

#include "base/cursor.h"

enum rocketmq_flag {
	ROCKETMQ_RESPONSE = 1,
	ROCKETMQ_ONE_WAY = 2,
};

/* Of the names in the header's list; SEND_MESSAGE_V2 has short ones. */
struct rocketmq_header {
	int32_t code;
	uint32_t opaque;
	uint32_t flag;
	struct tt_span language; /* JSON only */
	struct tt_span remark;
	struct tt_span topic;
	struct tt_span short_topic; /* "b", which other requests use for other things */
	struct tt_span group;
	struct tt_span short_group; /* "a" */
	struct tt_span client;
};

/* The whole header. False: it is none. */
bool rocketmq_read_json(struct tt_span bytes, struct rocketmq_header *ret);
bool rocketmq_read_binary(struct tt_span bytes, struct rocketmq_header *ret);

/* The text of a JSON string without its escapes, cut to the buffer. */
struct tt_span rocketmq_unescape(struct tt_span s, uint8_t *buffer, size_t size);

#endif
