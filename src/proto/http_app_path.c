// SPDX-License-Identifier: Apache-2.0
/* Operations that method, path and query tell: Amazon S3's REST API, Elasticsearch's and OpenSearch's. */
#include "base/own.h"
#include "proto/http_app.h"

/* No target is longer (text_bytes has a limit). */
#define TT_S3_TEXT (128u << 10)

static struct tt_span tt_message_find(const struct tt_message *m, const char *key)
{
	for (uint32_t i = 0; m && i < m->attribute_count; i++) {
		if (strcmp(m->attributes[i].key, key) == 0)
			return tt_message_attr_span(m, &m->attributes[i]);
	}
	return tt_span(NULL, 0);
}

/* Cuts the part up to the next `at` off the front; the separator goes with it. */
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
	{"DELETE", TT_S3_BUCKET, NULL, "DeleteBucket"},
	{"DELETE", TT_S3_KEY, "uploadId", "AbortMultipartUpload"},
	{"DELETE", TT_S3_KEY, "tagging", "DeleteObjectTagging"},
	{"DELETE", TT_S3_KEY, NULL, "DeleteObject"},
};

/* The bucket of a virtual-hosted request: what stands before ".s3." or ".s3-" of the host. */
static struct tt_span tt_s3_host_bucket(struct tt_span host)
{
	for (size_t i = 1; i + 4 <= host.len; i++) {
		struct tt_span rest = tt_span_sub(host, i, 4);
		if (tt_span_eq(rest, TT_SPAN_LIT(".s3.")) || tt_span_eq(rest, TT_SPAN_LIT(".s3-")))
			return tt_span_sub(host, 0, i);
	}
	return tt_span(NULL, 0);
}

void tt_http_app_s3(struct tt_message *m)
{
	if (!m)
		return;
	struct tt_span method = tt_message_get(m, TT_TEXT_OPERATION);
	struct tt_span path = tt_message_find(m, "url.path"), query = tt_message_find(m, "url.query");
	struct tt_span bucket = tt_s3_host_bucket(tt_message_find(m, "server.address"));
	path = tt_span_sub(path, 1, path.len);
	if (!bucket.len)
		bucket = tt_next_part(&path, '/');
	enum tt_s3_of of = path.len ? TT_S3_KEY : bucket.len ? TT_S3_BUCKET : TT_S3_SERVICE;

	size_t i = 0;
	while (i < TT_ARRAY_LEN(tt_s3_operations) &&
	       (tt_s3_operations[i].of != of || !tt_span_eq(method, tt_span_str(tt_s3_operations[i].method)) ||
		(tt_s3_operations[i].parameter && !tt_query_has(query, tt_s3_operations[i].parameter))))
		i++;
	/* Attributes hold copies, and setting one may move the text they were found in: what is set is copied first. */
	tt_buf_auto struct tt_buf text = TT_BUF(TT_S3_TEXT);
	size_t operation = 0;
	if (i < TT_ARRAY_LEN(tt_s3_operations)) {
		tt_buf_printf(&text, "S3/%s", tt_s3_operations[i].operation);
		operation = text.len;
	}
	tt_buf_add(&text, bucket.data, bucket.len);
	tt_buf_add(&text, path.data, path.len);
	if (text.failed)
		return;
	struct tt_span all = tt_buf_span(&text);
	tt_message_attr(m, "rpc.system.name", TT_SPAN_LIT("aws-api"));
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

/* The endpoint's name is its operation, but for those that are called otherwise. */
static const struct {
	const char *method; /* NULL: any */
	const char *endpoint;
	const char *operation;
} tt_search_operations[] = {
	{"GET", "_doc", "get"},		  {"HEAD", "_doc", "exists"},  {"DELETE", "_doc", "delete"}, {NULL, "_doc", "index"},
	{"GET", "_source", "get_source"}, {NULL, "_create", "create"}, {NULL, "_update", "update"},
};

static struct tt_span tt_search_operation(struct tt_span method, struct tt_span endpoint)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_search_operations); i++) {
		const char *only = tt_search_operations[i].method;
		if (tt_span_eq(endpoint, tt_span_str(tt_search_operations[i].endpoint)) &&
		    (!only || tt_span_eq(method, tt_span_str(only))))
			return tt_span_str(tt_search_operations[i].operation);
	}
	return tt_span_sub(endpoint, 1, endpoint.len);
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
	if (part.len > 1 && part.data[0] == '_')
		tt_message_attr(response, "db.operation.name",
				tt_search_operation(tt_message_get(request, TT_TEXT_OPERATION), part));
	if (index.len)
		tt_message_attr(response, "db.collection.name", index);
}
