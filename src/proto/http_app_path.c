// SPDX-License-Identifier: Apache-2.0
/* Operations that method, path and query tell: Amazon S3's REST API, Elasticsearch's and OpenSearch's. */
#include "base/own.h"
#include "proto/http_app.h"

const char tt_http_rpc_system[] = "rpc.system.name";

/* No target is longer (text_bytes has a limit). */
#define TT_S3_TEXT (128u << 10)

static struct tt_span tt_next_part(struct tt_span *s, uint8_t at)
{
	ptrdiff_t end = tt_span_find(*s, at);
	struct tt_span part = tt_span_sub(*s, 0, end < 0 ? s->len : (size_t)end);
	*s = tt_span_sub(*s, part.len + 1, s->len);
	return part;
}

static bool tt_query_has(struct tt_span query, const char *name)
{
	while (query.len) {
		struct tt_span part = tt_next_part(&query, '&');
		if (tt_span_eq(tt_next_part(&part, '='), tt_span_str(name)))
			return true;
	}
	return false;
}

/* --- S3 (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html)
 * --------------------- */

enum tt_s3_of {
	TT_S3_SERVICE,
	TT_S3_BUCKET,
	TT_S3_KEY,
};

/* The first that fits. Where none does the operation is not known. */
static const struct {
	const char *method;
	enum tt_s3_of of;
	const char *parameter; /* in the query; NULL: nothing in particular */
	const char *operation;
} tt_s3_operations[] = {
	{"GET", TT_S3_SERVICE, NULL, "ListBuckets"},
	{"GET", TT_S3_BUCKET, "list-type", "ListObjectsV2"},
	{"GET", TT_S3_BUCKET, "versions", "ListObjectVersions"},
	{"GET", TT_S3_BUCKET, "uploads", "ListMultipartUploads"},
	{"GET", TT_S3_BUCKET, "location", "GetBucketLocation"},
	{"GET", TT_S3_BUCKET, "versioning", "GetBucketVersioning"},
	{"GET", TT_S3_BUCKET, "policy", "GetBucketPolicy"},
	{"GET", TT_S3_BUCKET, "acl", "GetBucketAcl"},
	{"GET", TT_S3_BUCKET, "tagging", "GetBucketTagging"},
	{"GET", TT_S3_BUCKET, "lifecycle", "GetBucketLifecycleConfiguration"},
	{"GET", TT_S3_BUCKET, "cors", "GetBucketCors"},
	{"GET", TT_S3_BUCKET, "encryption", "GetBucketEncryption"},
	{"GET", TT_S3_BUCKET, "object-lock", "GetObjectLockConfiguration"},
	{"GET", TT_S3_BUCKET, "replication", "GetBucketReplication"},
	{"GET", TT_S3_BUCKET, "notification", "GetBucketNotificationConfiguration"},
	{"GET", TT_S3_BUCKET, NULL, "ListObjects"},
	{"GET", TT_S3_KEY, "uploadId", "ListParts"},
	{"GET", TT_S3_KEY, "tagging", "GetObjectTagging"},
	{"GET", TT_S3_KEY, "acl", "GetObjectAcl"},
	{"GET", TT_S3_KEY, "attributes", "GetObjectAttributes"},
	{"GET", TT_S3_KEY, "retention", "GetObjectRetention"},
	{"GET", TT_S3_KEY, "legal-hold", "GetObjectLegalHold"},
	{"GET", TT_S3_KEY, NULL, "GetObject"},
	{"HEAD", TT_S3_BUCKET, NULL, "HeadBucket"},
	{"HEAD", TT_S3_KEY, NULL, "HeadObject"},
	{"PUT", TT_S3_BUCKET, "versioning", "PutBucketVersioning"},
	{"PUT", TT_S3_BUCKET, "policy", "PutBucketPolicy"},
	{"PUT", TT_S3_BUCKET, "acl", "PutBucketAcl"},
	{"PUT", TT_S3_BUCKET, "tagging", "PutBucketTagging"},
	{"PUT", TT_S3_BUCKET, "lifecycle", "PutBucketLifecycleConfiguration"},
	{"PUT", TT_S3_BUCKET, "cors", "PutBucketCors"},
	{"PUT", TT_S3_BUCKET, "encryption", "PutBucketEncryption"},
	{"PUT", TT_S3_BUCKET, "object-lock", "PutObjectLockConfiguration"},
	{"PUT", TT_S3_BUCKET, "replication", "PutBucketReplication"},
	{"PUT", TT_S3_BUCKET, "notification", "PutBucketNotificationConfiguration"},
	{"PUT", TT_S3_BUCKET, NULL, "CreateBucket"},
	{"PUT", TT_S3_KEY, "partNumber", "UploadPart"},
	{"PUT", TT_S3_KEY, "tagging", "PutObjectTagging"},
	{"PUT", TT_S3_KEY, "acl", "PutObjectAcl"},
	{"PUT", TT_S3_KEY, "retention", "PutObjectRetention"},
	{"PUT", TT_S3_KEY, "legal-hold", "PutObjectLegalHold"},
	{"PUT", TT_S3_KEY, NULL, "PutObject"},
	{"POST", TT_S3_BUCKET, "delete", "DeleteObjects"},
	{"POST", TT_S3_KEY, "uploads", "CreateMultipartUpload"},
	{"POST", TT_S3_KEY, "uploadId", "CompleteMultipartUpload"},
	{"POST", TT_S3_KEY, "select", "SelectObjectContent"},
	{"POST", TT_S3_KEY, "restore", "RestoreObject"},
	{"DELETE", TT_S3_BUCKET, "policy", "DeleteBucketPolicy"},
	{"DELETE", TT_S3_BUCKET, "tagging", "DeleteBucketTagging"},
	{"DELETE", TT_S3_BUCKET, "lifecycle", "DeleteBucketLifecycle"},
	{"DELETE", TT_S3_BUCKET, "cors", "DeleteBucketCors"},
	{"DELETE", TT_S3_BUCKET, "encryption", "DeleteBucketEncryption"},
	{"DELETE", TT_S3_BUCKET, "replication", "DeleteBucketReplication"},
	{"DELETE", TT_S3_BUCKET, NULL, "DeleteBucket"},
	{"DELETE", TT_S3_KEY, "uploadId", "AbortMultipartUpload"},
	{"DELETE", TT_S3_KEY, "tagging", "DeleteObjectTagging"},
	{"DELETE", TT_S3_KEY, NULL, "DeleteObject"},
};

/* Parameters that choose no operation. */
static bool tt_s3_is_plain(struct tt_span name)
{
	static const char *const names[] = {
		"prefix",	  "marker",    "max-keys", "delimiter",	 "encoding-type", "versionId",	 "x-id",
		"AWSAccessKeyId", "Signature", "Expires",  "partNumber", "start-after",	  "fetch-owner",
	};

	if (tt_span_starts(name, TT_SPAN_LIT("X-Amz-")) || tt_span_starts(name, TT_SPAN_LIT("response-")))
		return true;
	for (size_t i = 0; i < TT_ARRAY_LEN(names); i++) {
		if (tt_span_eq(name, tt_span_str(names[i])))
			return true;
	}
	return false;
}

/* A sub-resource that has no row of its own is none of the others. */
static bool tt_s3_only_plain(struct tt_span query)
{
	while (query.len) {
		struct tt_span part = tt_next_part(&query, '&');
		struct tt_span name = tt_next_part(&part, '=');
		if (name.len && !tt_s3_is_plain(name))
			return false;
	}
	return true;
}

/* The operation, or NULL: it is not known. */
static const char *tt_s3_operation(struct tt_span method, enum tt_s3_of of, struct tt_span query)
{
	bool plain = tt_s3_only_plain(query);

	for (size_t i = 0; i < TT_ARRAY_LEN(tt_s3_operations); i++) {
		const char *parameter = tt_s3_operations[i].parameter;
		if (tt_s3_operations[i].of == of && tt_span_eq(method, tt_span_str(tt_s3_operations[i].method)) &&
		    (parameter ? tt_query_has(query, parameter) : plain))
			return tt_s3_operations[i].operation;
	}
	return NULL;
}

enum tt_s3_host {
	TT_S3_ELSEWHERE, /* Amazon's, and another service */
	TT_S3_PATH,	 /* the bucket begins the path */
	TT_S3_VIRTUAL,	 /* the bucket begins the host */
	TT_S3_EITHER,	 /* somebody's own name: not known */
};

/* `*ret_bucket`: of TT_S3_VIRTUAL (https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html). */
static enum tt_s3_host tt_s3_host_of(struct tt_span host, struct tt_span *ret_bucket)
{
	bool amazon = tt_span_ends(host, TT_SPAN_LIT(".amazonaws.com")) || tt_span_ends(host, TT_SPAN_LIT(".amazonaws.com.cn"));
	bool first = tt_span_starts(host, TT_SPAN_LIT("s3.")) || tt_span_starts(host, TT_SPAN_LIT("s3-"));

	*ret_bucket = tt_span(NULL, 0);
	if (first)
		return TT_S3_PATH;
	for (size_t i = 1; amazon && i + 4 <= host.len; i++) {
		struct tt_span rest = tt_span_sub(host, i, 4);
		if (tt_span_eq(rest, TT_SPAN_LIT(".s3.")) || tt_span_eq(rest, TT_SPAN_LIT(".s3-"))) {
			*ret_bucket = tt_span_sub(host, 0, i);
			return TT_S3_VIRTUAL;
		}
	}
	if (amazon || tt_span_ends(host, TT_SPAN_LIT(".on.aws")))
		return TT_S3_ELSEWHERE;
	/* A host of one word, or an address, has no room for a bucket's name. */
	bool address = tt_span_find(host, ':') >= 0 || (host.len && host.data[host.len - 1] <= '9');
	return address || tt_span_find(host, '.') < 0 ? TT_S3_PATH : TT_S3_EITHER;
}

void tt_http_app_s3(struct tt_message *m)
{
	if (!m)
		return;
	struct tt_span method = tt_message_get(m, TT_TEXT_OPERATION);
	struct tt_span path = tt_message_find(m, "url.path"), query = tt_message_find(m, "url.query"), bucket;
	enum tt_s3_host host = tt_s3_host_of(tt_message_find(m, "server.address"), &bucket);
	if (host == TT_S3_ELSEWHERE)
		return;
	path = tt_span_sub(path, 1, path.len);
	/* Two parts of a path name an object, whichever way they are read. */
	bool deep = tt_span_find(path, '/') > 0 && path.data[path.len - 1] != '/';
	if (host != TT_S3_VIRTUAL)
		bucket = tt_next_part(&path, '/');
	enum tt_s3_of of = path.len ? TT_S3_KEY : bucket.len ? TT_S3_BUCKET : TT_S3_SERVICE;
	const char *found = host != TT_S3_EITHER || deep ? tt_s3_operation(method, of, query) : NULL;
	if (host == TT_S3_EITHER)
		bucket = path = tt_span(NULL, 0);

	/* Attributes hold copies, and setting one may move the text they were found in: what is set is copied first. */
	tt_buf_auto struct tt_buf text = TT_BUF(TT_S3_TEXT);
	size_t operation = 0;
	if (found) {
		tt_buf_printf(&text, "S3/%s", found);
		operation = text.len;
	}
	tt_buf_add(&text, bucket.data, bucket.len);
	tt_buf_add(&text, path.data, path.len);
	if (text.failed)
		return;
	struct tt_span all = tt_buf_span(&text);
	tt_message_attr(m, tt_http_rpc_system, TT_SPAN_LIT("aws-api"));
	if (operation)
		tt_message_attr(m, "rpc.method", tt_span_sub(all, 0, operation));
	if (bucket.len)
		tt_message_attr(m, "aws.s3.bucket", tt_span_sub(all, operation, bucket.len));
	m->kind |= (uint32_t)TT_HTTP_APP_S3 << TT_HTTP_APP_SHIFT;
	if (path.len)
		tt_message_attr(m, "aws.s3.key", tt_span_sub(all, operation + bucket.len, path.len));
}

/* --- Elasticsearch, OpenSearch (https://www.elastic.co/docs/api/doc/elasticsearch/)
 * ------------------------------------------------ */

/* Endpoint ids, as the reference lists them. The first row that fits; where none does the operation is not known. */
static const struct {
	const char *method; /* NULL: any */
	const char *endpoint;
	const char *below; /* the next part of the path; NULL: any or none */
	const char *operation;
} tt_search_operations[] = {
	{"DELETE", "_search", "scroll", "clear_scroll"},
	{NULL, "_search", "scroll", "scroll"},
	{NULL, "_search", "template", "search_template"},
	{NULL, "_search", NULL, "search"},
	{NULL, "_bulk", NULL, "bulk"},
	{"GET", "_doc", NULL, "get"},
	{"HEAD", "_doc", NULL, "exists"},
	{"DELETE", "_doc", NULL, "delete"},
	{NULL, "_doc", NULL, "index"},
	{"HEAD", "_source", NULL, "exists_source"},
	{"GET", "_source", NULL, "get_source"},
	{NULL, "_create", NULL, "create"},
	{NULL, "_update", NULL, "update"},
	{NULL, "_msearch", "template", "msearch_template"},
	{NULL, "_msearch", NULL, "msearch"},
	{NULL, "_mget", NULL, "mget"},
	{NULL, "_count", NULL, "count"},
	{NULL, "_reindex", NULL, "reindex"},
	{NULL, "_delete_by_query", NULL, "delete_by_query"},
	{NULL, "_update_by_query", NULL, "update_by_query"},
	{NULL, "_explain", NULL, "explain"},
	{NULL, "_field_caps", NULL, "field_caps"},
	{NULL, "_termvectors", NULL, "termvectors"},
	{NULL, "_refresh", NULL, "indices.refresh"},
	{NULL, "_flush", NULL, "indices.flush"},
	{NULL, "_forcemerge", NULL, "indices.forcemerge"},
	{NULL, "_analyze", NULL, "indices.analyze"},
	{NULL, "_stats", NULL, "indices.stats"},
	{NULL, "_aliases", NULL, "indices.update_aliases"},
	{"GET", "_mapping", NULL, "indices.get_mapping"},
	{"PUT", "_mapping", NULL, "indices.put_mapping"},
	{"GET", "_settings", NULL, "indices.get_settings"},
	{"PUT", "_settings", NULL, "indices.put_settings"},
	{"GET", "_cluster", "health", "cluster.health"},
	{"GET", "_cluster", "state", "cluster.state"},
	{"GET", "_cluster", "stats", "cluster.stats"},
	{"GET", "_cluster", "settings", "cluster.get_settings"},
	{"PUT", "_cluster", "settings", "cluster.put_settings"},
	{"GET", "_nodes", "stats", "nodes.stats"},
	{"GET", "_cat", "indices", "cat.indices"},
	{"GET", "_cat", "health", "cat.health"},
	{"GET", "_cat", "nodes", "cat.nodes"},
	{"GET", "_cat", "shards", "cat.shards"},
	{"GET", "_cat", "aliases", "cat.aliases"},
	{"GET", "_cat", "count", "cat.count"},
};

static struct tt_span tt_search_operation(struct tt_span method, struct tt_span endpoint, struct tt_span below)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_search_operations); i++) {
		const typeof(tt_search_operations[0]) *row = &tt_search_operations[i];
		if (tt_span_eq(endpoint, tt_span_str(row->endpoint)) &&
		    (!row->method || tt_span_eq(method, tt_span_str(row->method))) &&
		    (!row->below || tt_span_eq(below, tt_span_str(row->below))))
			return tt_span_str(row->operation);
	}
	return tt_span(NULL, 0);
}

void tt_http_app_search(struct tt_message *response, const struct tt_message *request, const char *system)
{
	struct tt_span path = tt_message_find(request, "url.path");

	if (!response || !path.len)
		return;
	response->kind |= (uint32_t)TT_HTTP_APP_SEARCH << TT_HTTP_APP_SHIFT;
	tt_message_attr(response, "db.system.name", tt_span_str(system));
	path = tt_span_sub(path, 1, path.len);
	struct tt_span part = tt_next_part(&path, '/'), index = tt_span(NULL, 0);
	if (part.len && part.data[0] != '_') {
		index = part;
		part = tt_next_part(&path, '/');
	}
	struct tt_span operation =
		tt_search_operation(tt_message_get(request, TT_TEXT_OPERATION), part, tt_next_part(&path, '/'));
	if (operation.len)
		tt_message_attr(response, "db.operation.name", operation);
	if (index.len)
		tt_message_attr(response, "db.collection.name", index);
}
