// SPDX-License-Identifier: Apache-2.0
#include "proto/pulsar_command.h"

#include "base/own.h"
#include "base/protobuf.h"

#define ASKS PULSAR_CLIENT_ASKS
#define ANSWERS PULSAR_SERVER_ANSWERS
#define TELLS PULSAR_SERVER_ASKS
#define BOTH_ASK (PULSAR_CLIENT_ASKS | PULSAR_SERVER_ASKS)
#define BOTH_ANSWER (PULSAR_CLIENT_ANSWERS | PULSAR_SERVER_ANSWERS)

/* In order of their types. Columns: request id, topic, producer, consumer, error, text. */
static const struct pulsar_row rows[] = {
	{2, ASKS, PULSAR_BY_CONNECT, 0, 0, 0, 0, 0, 0, "CONNECT"},
	{3, ANSWERS, PULSAR_BY_CONNECT, 0, 0, 0, 0, 0, 0, "CONNECTED"},
	{4, ASKS, PULSAR_BY_REQUEST, 5, 1, 0, 4, 0, 0, "SUBSCRIBE"},
	{5, ASKS, PULSAR_BY_REQUEST, 3, 1, 2, 0, 0, 0, "PRODUCER"},
	{6, ASKS, PULSAR_BY_SEQUENCE, 0, 0, 1, 0, 0, 0, "SEND"},
	{7, ANSWERS, PULSAR_BY_SEQUENCE, 0, 0, 1, 0, 0, 0, "SEND_RECEIPT"},
	{8, ANSWERS, PULSAR_BY_SEQUENCE, 0, 0, 1, 0, 3, 4, "SEND_ERROR"},
	{9, TELLS, PULSAR_BY_NOTHING, 0, 0, 0, 1, 0, 0, "MESSAGE"},
	{10, ASKS, PULSAR_BY_REQUEST, 8, 0, 0, 1, 0, 0, "ACK"},
	{11, ASKS, PULSAR_BY_NOTHING, 0, 0, 0, 1, 0, 0, "FLOW"},
	{12, ASKS, PULSAR_BY_REQUEST, 2, 0, 0, 1, 0, 0, "UNSUBSCRIBE"},
	{13, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 0, 0, "SUCCESS"},
	{14, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 2, 3, "ERROR"},
	{15, BOTH_ASK, PULSAR_BY_REQUEST, 2, 0, 1, 0, 0, 0, "CLOSE_PRODUCER"},
	{16, BOTH_ASK, PULSAR_BY_REQUEST, 2, 0, 0, 1, 0, 0, "CLOSE_CONSUMER"},
	{17, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 0, 0, "PRODUCER_SUCCESS"},
	{18, BOTH_ASK, PULSAR_BY_PING, 0, 0, 0, 0, 0, 0, "PING"},
	{19, BOTH_ANSWER, PULSAR_BY_PING, 0, 0, 0, 0, 0, 0, "PONG"},
	{20, ASKS, PULSAR_BY_NOTHING, 0, 0, 0, 1, 0, 0, "REDELIVER_UNACKNOWLEDGED_MESSAGES"},
	{21, ASKS, PULSAR_BY_REQUEST, 2, 1, 0, 0, 0, 0, "PARTITIONED_METADATA"},
	{22, ANSWERS, PULSAR_BY_REQUEST, 2, 0, 0, 0, 4, 5, "PARTITIONED_METADATA_RESPONSE"},
	{23, ASKS, PULSAR_BY_REQUEST, 2, 1, 0, 0, 0, 0, "LOOKUP"},
	{24, ANSWERS, PULSAR_BY_REQUEST, 4, 0, 0, 0, 6, 7, "LOOKUP_RESPONSE"},
	{25, ASKS, PULSAR_BY_REQUEST, 1, 0, 0, 4, 0, 0, "CONSUMER_STATS"},
	{26, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 2, 3, "CONSUMER_STATS_RESPONSE"},
	{27, TELLS, PULSAR_BY_NOTHING, 0, 0, 0, 1, 0, 0, "REACHED_END_OF_TOPIC"},
	{28, ASKS, PULSAR_BY_REQUEST, 2, 0, 0, 1, 0, 0, "SEEK"},
	{29, ASKS, PULSAR_BY_REQUEST, 2, 0, 0, 1, 0, 0, "GET_LAST_MESSAGE_ID"},
	{30, ANSWERS, PULSAR_BY_REQUEST, 2, 0, 0, 0, 0, 0, "GET_LAST_MESSAGE_ID_RESPONSE"},
	{31, TELLS, PULSAR_BY_NOTHING, 0, 0, 0, 1, 0, 0, "ACTIVE_CONSUMER_CHANGE"},
	{32, ASKS, PULSAR_BY_REQUEST, 1, 2, 0, 0, 0, 0, "GET_TOPICS_OF_NAMESPACE"},
	{33, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 0, 0, "GET_TOPICS_OF_NAMESPACE_RESPONSE"},
	{34, ASKS, PULSAR_BY_REQUEST, 1, 2, 0, 0, 0, 0, "GET_SCHEMA"},
	{35, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 2, 3, "GET_SCHEMA_RESPONSE"},
	{36, TELLS, PULSAR_BY_AUTH, 0, 0, 0, 0, 0, 0, "AUTH_CHALLENGE"},
	{37, PULSAR_CLIENT_ANSWERS, PULSAR_BY_AUTH, 0, 0, 0, 0, 0, 0, "AUTH_RESPONSE"},
	{38, ANSWERS, PULSAR_BY_REQUEST, 6, 0, 0, 1, 4, 5, "ACK_RESPONSE"},
	{39, ASKS, PULSAR_BY_REQUEST, 1, 2, 0, 0, 0, 0, "GET_OR_CREATE_SCHEMA"},
	{40, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 2, 3, "GET_OR_CREATE_SCHEMA_RESPONSE"},
	{50, ASKS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 0, 0, "NEW_TXN"},
	{51, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 4, 5, "NEW_TXN_RESPONSE"},
	{52, ASKS, PULSAR_BY_REQUEST, 1, 4, 0, 0, 0, 0, "ADD_PARTITION_TO_TXN"},
	{53, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 4, 5, "ADD_PARTITION_TO_TXN_RESPONSE"},
	{54, ASKS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 0, 0, "ADD_SUBSCRIPTION_TO_TXN"},
	{55, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 4, 5, "ADD_SUBSCRIPTION_TO_TXN_RESPONSE"},
	{56, ASKS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 0, 0, "END_TXN"},
	{57, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 4, 5, "END_TXN_RESPONSE"},
	{58, ASKS, PULSAR_BY_REQUEST, 1, 4, 0, 0, 0, 0, "END_TXN_ON_PARTITION"},
	{59, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 4, 5, "END_TXN_ON_PARTITION_RESPONSE"},
	{60, ASKS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 0, 0, "END_TXN_ON_SUBSCRIPTION"},
	{61, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 4, 5, "END_TXN_ON_SUBSCRIPTION_RESPONSE"},
	{62, ASKS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 0, 0, "TC_CLIENT_CONNECT_REQUEST"},
	{63, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 2, 3, "TC_CLIENT_CONNECT_RESPONSE"},
	{64, ASKS, PULSAR_BY_REQUEST, 1, 3, 0, 0, 0, 0, "WATCH_TOPIC_LIST"},
	{65, ANSWERS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 0, 0, "WATCH_TOPIC_LIST_SUCCESS"},
	{66, TELLS, PULSAR_BY_NOTHING, 0, 0, 0, 0, 0, 0, "WATCH_TOPIC_UPDATE"},
	{67, ASKS, PULSAR_BY_REQUEST, 1, 0, 0, 0, 0, 0, "WATCH_TOPIC_LIST_CLOSE"},
};

static const struct pulsar_row *find_row(uint64_t type)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(rows); i++) {
		if (rows[i].type == type)
			return &rows[i];
	}
	return NULL;
}

const char *pulsar_error_name(uint64_t code)
{
	static const char *const names[] = {
		"UnknownError",
		"MetadataError",
		"PersistenceError",
		"AuthenticationError",
		"AuthorizationError",
		"ConsumerBusy",
		"ServiceNotReady",
		"ProducerBlockedQuotaExceededError",
		"ProducerBlockedQuotaExceededException",
		"ChecksumError",
		"UnsupportedVersionError",
		"TopicNotFound",
		"SubscriptionNotFound",
		"ConsumerNotFound",
		"TooManyRequests",
		"TopicTerminatedError",
		"ProducerBusy",
		"InvalidTopicName",
		"IncompatibleSchema",
		"ConsumerAssignError",
		"TransactionCoordinatorNotFound",
		"InvalidTxnStatus",
		"NotAllowedError",
		"TransactionConflict",
		"TransactionNotFound",
		"ProducerFenced",
	};
	return code < TT_ARRAY_LEN(names) ? names[code] : NULL;
}

static bool is(uint32_t number, uint8_t field)
{
	return field && number == field;
}

static void take_number(struct pulsar_command *m, const struct tt_pb_field *f)
{
	const struct pulsar_row *row = m->row;

	if (is(f->number, row->request_id)) {
		m->request_id = f->value;
		m->has_request_id = true;
	} else if (is(f->number, row->producer) || is(f->number, row->consumer)) {
		m->owner = f->value;
		m->has_owner = true;
	} else if (is(f->number, row->error)) {
		m->error = f->value;
		m->has_error = true;
	} else if (row->key == PULSAR_BY_SEQUENCE && f->number == 2) {
		m->sequence = f->value;
	} else if (row->key == PULSAR_BY_SEQUENCE && row->says == ASKS && f->number == 3) {
		m->messages = f->value;
	} else if (row->type == PULSAR_PRODUCER_SUCCESS && f->number == 6) {
		m->not_ready = f->value == 0;
	}
}

static void take_bytes(struct pulsar_command *m, const struct tt_pb_field *f)
{
	if (is(f->number, m->row->topic) && !m->topic.data)
		m->topic = f->bytes;
	else if (is(f->number, m->row->text))
		m->text = f->bytes;
	else if (m->row->type == PULSAR_SUBSCRIBE && f->number == 2)
		m->subscription = f->bytes;
}

/* What stands in every command of its sort. */
static bool has_what_is_required(const struct pulsar_command *m)
{
	const struct pulsar_row *row = m->row;
	bool by_request = row->key == PULSAR_BY_REQUEST && row->type != PULSAR_ACK && row->request_id;

	return (!by_request || m->has_request_id) && ((!row->producer && !row->consumer) || m->has_owner);
}

enum pulsar_read pulsar_command_read(struct tt_span bytes, uint32_t length, struct pulsar_command *ret)
{
	struct tt_cursor c = tt_cursor(bytes);
	struct pulsar_command m = {0};
	struct tt_pb_field f;

	/* The type, then the one command of that type, which has its number. */
	uint8_t first = tt_cursor_u8(&c);
	uint64_t type = tt_varint(&c, TT_VARINT_64);
	uint64_t key = tt_varint(&c, TT_VARINT_64);
	uint64_t inner = tt_varint(&c, TT_VARINT_64);
	if (tt_cursor_short(&c))
		return bytes.len < length ? PULSAR_CUT : PULSAR_WRONG;
	m.row = find_row(type);
	if (first != 0x08 || !m.row || key != (type << 3 | TT_PB_BYTES) || inner != length - c.pos)
		return PULSAR_WRONG;

	while (tt_pb_next(&c, &f)) {
		if (f.type == TT_PB_VARINT)
			take_number(&m, &f);
		else if (f.type == TT_PB_BYTES)
			take_bytes(&m, &f);
	}
	bool cut = bytes.len < length;
	if ((tt_cursor_short(&c) || !has_what_is_required(&m)) && !cut)
		return PULSAR_WRONG;
	*ret = m;
	return cut ? PULSAR_CUT : PULSAR_WHOLE;
}
