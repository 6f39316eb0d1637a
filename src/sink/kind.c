// SPDX-License-Identifier: Apache-2.0
#include "sink/kind.h"

#include "base/own.h"

static const struct tt_kind tt_kinds[] = {
	{"http", TT_GROUP_HTTP, TT_RESOURCE_PATH, TT_SQL_STANDARD},
	{"http2", TT_GROUP_HTTP, TT_RESOURCE_PATH, TT_SQL_STANDARD},
	{"http3", TT_GROUP_HTTP, TT_RESOURCE_PATH, TT_SQL_STANDARD},
	{"fastcgi", TT_GROUP_HTTP, TT_RESOURCE_PATH, TT_SQL_STANDARD},
	{"redis", TT_GROUP_DB, TT_RESOURCE_KEY, TT_SQL_STANDARD},
	{"memcached", TT_GROUP_DB, TT_RESOURCE_KEY, TT_SQL_STANDARD},
	{"mysql", TT_GROUP_DB, TT_RESOURCE_STATEMENT, TT_SQL_MYSQL},
	{"postgresql", TT_GROUP_DB, TT_RESOURCE_STATEMENT, TT_SQL_POSTGRESQL},
	{"cassandra", TT_GROUP_DB, TT_RESOURCE_STATEMENT, TT_SQL_CQL},
	{"clickhouse", TT_GROUP_DB, TT_RESOURCE_STATEMENT, TT_SQL_CLICKHOUSE},
	{"mongodb", TT_GROUP_DB, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"ldap", TT_GROUP_DB, TT_RESOURCE_ENTRY, TT_SQL_STANDARD},
	{"zookeeper", TT_GROUP_DB, TT_RESOURCE_KEY, TT_SQL_STANDARD},
	{"dns", TT_GROUP_DNS, TT_RESOURCE_HOST, TT_SQL_STANDARD},
	{"grpc", TT_GROUP_RPC, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"brpc", TT_GROUP_RPC, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"dubbo", TT_GROUP_RPC, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"kafka", TT_GROUP_MESSAGING, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"amqp", TT_GROUP_MESSAGING, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"mqtt", TT_GROUP_MESSAGING, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"nats", TT_GROUP_MESSAGING, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"openwire", TT_GROUP_MESSAGING, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"pulsar", TT_GROUP_MESSAGING, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"rocketmq", TT_GROUP_MESSAGING, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"sip", TT_GROUP_RPC, TT_RESOURCE_URI, TT_SQL_STANDARD},
	{"sofarpc", TT_GROUP_RPC, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"smtp", TT_GROUP_RPC, TT_RESOURCE_MAILBOX, TT_SQL_STANDARD},
	{"zmtp", TT_GROUP_MESSAGING, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"someip", TT_GROUP_RPC, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"tds", TT_GROUP_DB, TT_RESOURCE_STATEMENT, TT_SQL_TSQL},
	{"tars", TT_GROUP_RPC, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"thrift", TT_GROUP_RPC, TT_RESOURCE_NAME, TT_SQL_STANDARD},
	{"tls", TT_GROUP_RPC, TT_RESOURCE_HOST, TT_SQL_STANDARD},
	{"websocket", TT_GROUP_RPC, TT_RESOURCE_PATH, TT_SQL_STANDARD},
};

/* For protocols without a row, the first attribute that is there decides; the last row is for none. */
static const struct {
	const char *attribute;
	struct tt_kind kind;
} tt_kinds_by_attribute[] = {
	{"http.request.method", {"", TT_GROUP_HTTP, TT_RESOURCE_PATH, TT_SQL_STANDARD}},
	{"db.query.text", {"", TT_GROUP_DB, TT_RESOURCE_STATEMENT, TT_SQL_STANDARD}},
	{"db.system.name", {"", TT_GROUP_DB, TT_RESOURCE_KEY, TT_SQL_STANDARD}},
	{"messaging.system", {"", TT_GROUP_MESSAGING, TT_RESOURCE_NAME, TT_SQL_STANDARD}},
	{"dns.question.name", {"", TT_GROUP_DNS, TT_RESOURCE_HOST, TT_SQL_STANDARD}},
	{NULL, {"", TT_GROUP_RPC, TT_RESOURCE_NAME, TT_SQL_STANDARD}},
};

/* In the response or else the request. */
static const struct tt_attribute *tt_exchange_find(const struct tt_exchange *x, const char *key, const struct tt_message **ret_in)
{
	*ret_in = x->response;
	const struct tt_attribute *a = tt_message_find_attr(x->response, key);
	if (!a) {
		*ret_in = x->request;
		a = tt_message_find_attr(x->request, key);
	}
	return a;
}

struct tt_span tt_exchange_attribute(const struct tt_exchange *x, const char *key)
{
	const struct tt_message *in;
	const struct tt_attribute *a = tt_exchange_find(x, key, &in);
	return a && a->type == TT_ATTR_STRING ? tt_message_attr_span(in, a) : tt_span(NULL, 0);
}

bool tt_exchange_attribute_int(const struct tt_exchange *x, const char *key, int64_t *ret)
{
	const struct tt_message *in;
	const struct tt_attribute *a = tt_exchange_find(x, key, &in);
	if (!a || a->type != TT_ATTR_INT)
		return false;
	*ret = a->number;
	return true;
}

static const struct tt_kind *tt_kind_find(const char *name)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_kinds); i++) {
		if (tt_kinds[i].protocol[0] == name[0] && tt_kinds[i].protocol[1] == name[1] &&
		    strcmp(tt_kinds[i].protocol, name) == 0)
			return &tt_kinds[i];
	}
	return NULL;
}

const struct tt_kind *tt_kind_of_protocol(const char *name)
{
	const struct tt_kind *kind = tt_kind_find(name);
	return kind ? kind : &tt_kinds_by_attribute[TT_ARRAY_LEN(tt_kinds_by_attribute) - 1].kind;
}

const struct tt_kind *tt_kind_of(const struct tt_exchange *x)
{
	const struct tt_kind *kind = tt_kind_find(x->proto->name);
	if (kind)
		return kind;

	const struct tt_message *in;
	size_t i = 0;
	while (tt_kinds_by_attribute[i].attribute && !tt_exchange_find(x, tt_kinds_by_attribute[i].attribute, &in))
		i++;
	return &tt_kinds_by_attribute[i].kind;
}

const char *tt_kind_connection_type(const struct tt_kind *kind)
{
	static const char *const types[TT_GROUP_MAX] = {[TT_GROUP_DB] = "database", [TT_GROUP_MESSAGING] = "messaging_system"};
	return types[kind->group] ? types[kind->group] : "";
}
