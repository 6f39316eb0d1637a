// SPDX-License-Identifier: Apache-2.0
/* AMQP 0-9-1's methods (https://www.rabbitmq.com/amqp-0-9-1-reference), reply codes, and reading of arguments. */
#include "proto/amqp.h"

#include "base/own.h"

#define C TT_AMQP_CLIENT
#define S TT_AMQP_SERVER
#define NO_WAIT(bit) (1u << (bit))

static const struct tt_amqp_method methods[] = {
	{60, 40, "basic.publish", C, TT_AMQP_PUBLISH, 0, "hxkb", 0},
	{60, 60, "basic.deliver", S, TT_AMQP_DELIVER, 0, "gtbxk", 0},
	{60, 80, "basic.ack", C | S, TT_AMQP_ACK, 0, "tb", 0},
	{60, 90, "basic.reject", C, TT_AMQP_ACK, 0, "tb", 0},
	{60, 120, "basic.nack", C | S, TT_AMQP_ACK, 0, "tb", 0},
	{60, 50, "basic.return", S, TT_AMQP_RETURN, 0, "cexk", 0},
	{60, 70, "basic.get", C, TT_AMQP_ASKS, 71, "hqb", 0},
	{60, 71, "basic.get-ok", S, TT_AMQP_GET_OK, 70, "tbxk", 0},
	{60, 72, "basic.get-empty", S, TT_AMQP_ANSWERS, 70, "", 0},
	{60, 10, "basic.qos", C, TT_AMQP_ASKS, 11, "lhb", 0},
	{60, 11, "basic.qos-ok", S, TT_AMQP_ANSWERS, 10, "", 0},
	{60, 20, "basic.consume", C, TT_AMQP_ASKS, 21, "hqgb", NO_WAIT(3)},
	{60, 21, "basic.consume-ok", S, TT_AMQP_ANSWERS, 20, "g", 0},
	{60, 30, "basic.cancel", C | S, TT_AMQP_ASKS, 31, "gb", NO_WAIT(0)},
	{60, 31, "basic.cancel-ok", C | S, TT_AMQP_ANSWERS, 30, "g", 0},
	{60, 100, "basic.recover-async", C, TT_AMQP_SAYS, 0, "b", 0},
	{60, 110, "basic.recover", C, TT_AMQP_ASKS, 111, "b", 0},
	{60, 111, "basic.recover-ok", S, TT_AMQP_ANSWERS, 110, "", 0},
	{10, 10, "connection.start", S, TT_AMQP_NOTHING, 0, "", 0},
	{10, 11, "connection.start-ok", C, TT_AMQP_ASKS, 30, "", 0},
	{10, 20, "connection.secure", S, TT_AMQP_NOTHING, 0, "", 0},
	{10, 21, "connection.secure-ok", C, TT_AMQP_NOTHING, 0, "", 0},
	{10, 30, "connection.tune", S, TT_AMQP_ANSWERS, 11, "hlh", 0},
	{10, 31, "connection.tune-ok", C, TT_AMQP_NOTHING, 0, "hlh", 0},
	{10, 40, "connection.open", C, TT_AMQP_ASKS, 41, "v", 0},
	{10, 41, "connection.open-ok", S, TT_AMQP_ANSWERS, 40, "", 0},
	{10, 50, "connection.close", C | S, TT_AMQP_CLOSE, 51, "ce", 0},
	{10, 51, "connection.close-ok", C | S, TT_AMQP_ANSWERS, 50, "", 0},
	{10, 60, "connection.blocked", S, TT_AMQP_SAYS, 0, "e", 0},
	{10, 61, "connection.unblocked", S, TT_AMQP_SAYS, 0, "", 0},
	{10, 70, "connection.update-secret", C, TT_AMQP_ASKS, 71, "", 0},
	{10, 71, "connection.update-secret-ok", S, TT_AMQP_ANSWERS, 70, "", 0},
	{20, 10, "channel.open", C, TT_AMQP_ASKS, 11, "", 0},
	{20, 11, "channel.open-ok", S, TT_AMQP_ANSWERS, 10, "", 0},
	{20, 20, "channel.flow", C | S, TT_AMQP_ASKS, 21, "b", 0},
	{20, 21, "channel.flow-ok", C | S, TT_AMQP_ANSWERS, 20, "b", 0},
	{20, 40, "channel.close", C | S, TT_AMQP_CLOSE, 41, "ce", 0},
	{20, 41, "channel.close-ok", C | S, TT_AMQP_ANSWERS, 40, "", 0},
	{40, 10, "exchange.declare", C, TT_AMQP_ASKS, 11, "hxsb", NO_WAIT(4)},
	{40, 11, "exchange.declare-ok", S, TT_AMQP_ANSWERS, 10, "", 0},
	{40, 20, "exchange.delete", C, TT_AMQP_ASKS, 21, "hxb", NO_WAIT(1)},
	{40, 21, "exchange.delete-ok", S, TT_AMQP_ANSWERS, 20, "", 0},
	{40, 30, "exchange.bind", C, TT_AMQP_ASKS, 31, "hxssb", NO_WAIT(0)},
	{40, 31, "exchange.bind-ok", S, TT_AMQP_ANSWERS, 30, "", 0},
	{40, 40, "exchange.unbind", C, TT_AMQP_ASKS, 51, "hxssb", NO_WAIT(0)},
	{40, 51, "exchange.unbind-ok", S, TT_AMQP_ANSWERS, 40, "", 0},
	{50, 10, "queue.declare", C, TT_AMQP_ASKS, 11, "hqb", NO_WAIT(4)},
	{50, 11, "queue.declare-ok", S, TT_AMQP_ANSWERS, 10, "qll", 0},
	{50, 20, "queue.bind", C, TT_AMQP_ASKS, 21, "hqssb", NO_WAIT(0)},
	{50, 21, "queue.bind-ok", S, TT_AMQP_ANSWERS, 20, "", 0},
	{50, 30, "queue.purge", C, TT_AMQP_ASKS, 31, "hqb", NO_WAIT(0)},
	{50, 31, "queue.purge-ok", S, TT_AMQP_ANSWERS, 30, "l", 0},
	{50, 40, "queue.delete", C, TT_AMQP_ASKS, 41, "hqb", NO_WAIT(2)},
	{50, 41, "queue.delete-ok", S, TT_AMQP_ANSWERS, 40, "l", 0},
	{50, 50, "queue.unbind", C, TT_AMQP_ASKS, 51, "hqss", 0},
	{50, 51, "queue.unbind-ok", S, TT_AMQP_ANSWERS, 50, "", 0},
	{85, 10, "confirm.select", C, TT_AMQP_ASKS, 11, "b", NO_WAIT(0)},
	{85, 11, "confirm.select-ok", S, TT_AMQP_ANSWERS, 10, "", 0},
	{90, 10, "tx.select", C, TT_AMQP_ASKS, 11, "", 0},
	{90, 11, "tx.select-ok", S, TT_AMQP_ANSWERS, 10, "", 0},
	{90, 20, "tx.commit", C, TT_AMQP_ASKS, 21, "", 0},
	{90, 21, "tx.commit-ok", S, TT_AMQP_ANSWERS, 20, "", 0},
	{90, 30, "tx.rollback", C, TT_AMQP_ASKS, 31, "", 0},
	{90, 31, "tx.rollback-ok", S, TT_AMQP_ANSWERS, 30, "", 0},
};

const struct tt_amqp_method *tt_amqp_method_find(uint16_t class, uint16_t method, enum tt_side side)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(methods); i++) {
		const struct tt_amqp_method *m = &methods[i];
		if (m->class == class && m->method == method)
			return m->sides & (side == TT_REQUESTS ? C : S) ? m : NULL;
	}
	return NULL;
}

const struct tt_amqp_method *tt_amqp_method_number(size_t number)
{
	return number < TT_ARRAY_LEN(methods) ? &methods[number] : NULL;
}

static void read_argument(char kind, struct tt_cursor *c, struct tt_amqp_arguments *ret)
{
	switch (kind) {
	case 'h':
		tt_cursor_skip(c, 2);
		break;
	case 'l':
		tt_cursor_skip(c, 4);
		break;
	case 't':
		ret->tag = tt_cursor_be64(c);
		break;
	case 'c':
		ret->code = tt_cursor_be16(c);
		break;
	case 'b':
		ret->bits = tt_cursor_u8(c);
		break;
	case 'q':
		ret->queue = tt_cursor_take8(c);
		break;
	case 'x':
		ret->exchange = tt_cursor_take8(c);
		break;
	case 'k':
		ret->routing_key = tt_cursor_take8(c);
		break;
	case 'v':
		ret->host = tt_cursor_take8(c);
		break;
	case 'g':
		ret->consumer = tt_cursor_take8(c);
		break;
	case 'e':
		ret->text = tt_cursor_take8(c);
		break;
	default:
		tt_cursor_take8(c);
		break;
	}
}

void tt_amqp_arguments_read(const struct tt_amqp_method *m, struct tt_cursor *c, struct tt_amqp_arguments *ret)
{
	*ret = (struct tt_amqp_arguments){.tag = 0};
	for (const char *kind = m->arguments; *kind; kind++)
		read_argument(*kind, c, ret);
	if (m->what == TT_AMQP_CLOSE) {
		ret->failed_class = tt_cursor_be16(c);
		ret->failed_method = tt_cursor_be16(c);
	}
	ret->whole = !tt_cursor_short(c);
}

static const struct {
	uint16_t code;
	const char *name;
} replies[] = {
	{311, "CONTENT_TOO_LARGE"},   {312, "NO_ROUTE"},	 {313, "NO_CONSUMERS"},	  {320, "CONNECTION_FORCED"},
	{402, "INVALID_PATH"},	      {403, "ACCESS_REFUSED"},	 {404, "NOT_FOUND"},	  {405, "RESOURCE_LOCKED"},
	{406, "PRECONDITION_FAILED"}, {501, "FRAME_ERROR"},	 {502, "SYNTAX_ERROR"},	  {503, "COMMAND_INVALID"},
	{504, "CHANNEL_ERROR"},	      {505, "UNEXPECTED_FRAME"}, {506, "RESOURCE_ERROR"}, {530, "NOT_ALLOWED"},
	{540, "NOT_IMPLEMENTED"},     {541, "INTERNAL_ERROR"},
};

const char *tt_amqp_reply(uint16_t code)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(replies); i++) {
		if (replies[i].code == code)
			return replies[i].name;
	}
	return NULL;
}
