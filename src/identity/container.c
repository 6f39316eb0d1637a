// SPDX-License-Identifier: Apache-2.0
#include "identity/container.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/own.h"
#include "identity/text.h"

#define TT_CONTAINER_DIGITS 64
#define TT_DOCKER_CONFIG_MAX (256u << 10)

static bool tt_is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* A run of exactly 64 digits with nothing alphanumeric at either side; data NULL if there is none. */
static struct tt_span tt_hex_run(struct tt_span part)
{
	for (size_t at = 0, len; at < part.len; at += len + 1) {
		for (len = 0; at + len < part.len && isalnum(part.data[at + len]); len++)
			;
		struct tt_span word = tt_span_sub(part, at, len);
		size_t digits = 0;
		while (digits < word.len && tt_is_hex(word.data[digits]))
			digits++;
		if (digits == TT_CONTAINER_DIGITS && word.len == TT_CONTAINER_DIGITS)
			return word;
	}
	return tt_span(NULL, 0);
}

/* The engine's own process beside each container stands in a cgroup with the container's id, but it is not in the container. */
static bool tt_is_monitor(struct tt_span part)
{
	return tt_span_contains(part, TT_SPAN_LIT("conmon"));
}

bool tt_container_id(struct tt_span cgroup, char ret[static TT_CONTAINER_ID_LEN])
{
	struct tt_span found = {0};

	for (size_t at = 0, len; at < cgroup.len; at += len + 1) {
		for (len = 0; at + len < cgroup.len && cgroup.data[at + len] != '/' && cgroup.data[at + len] != '\n'; len++)
			;
		struct tt_span part = tt_span_sub(cgroup, at, len);
		struct tt_span run = tt_hex_run(part);
		if (run.data)
			found = tt_is_monitor(part) ? tt_span(NULL, 0) : run;
	}
	if (!found.data)
		return false;
	tt_text_set(ret, TT_CONTAINER_ID_LEN, found);
	return true;
}

bool tt_container_is_pod(struct tt_span cgroup)
{
	return tt_span_contains(cgroup, TT_SPAN_LIT("kubepods"));
}

/* The letters Kubernetes generates names from: no vowels and nothing to be mistaken for another. */
static bool tt_is_generated(struct tt_span s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (tt_span_find(TT_SPAN_LIT("bcdfghjklmnpqrstvwxz2456789"), s.data[i]) < 0)
			return false;
	}
	return s.len > 0;
}

/* What stands after the last '-', and before it. False without '-'. */
static bool tt_split_last(struct tt_span s, struct tt_span *head, struct tt_span *tail)
{
	for (size_t i = s.len; i-- > 1;) {
		if (s.data[i] == '-') {
			*head = tt_span_sub(s, 0, i);
			*tail = tt_span_sub(s, i + 1, s.len);
			return true;
		}
	}
	return false;
}

struct tt_span tt_container_workload(struct tt_span pod)
{
	struct tt_span head, tail, rest, hash;

	if (!tt_split_last(pod, &head, &tail))
		return pod;
	bool number = tail.len > 0;
	for (size_t i = 0; i < tail.len; i++)
		number &= isdigit(tail.data[i]) != 0;
	if (number && tail.len < 5)
		return head;
	if (tail.len != 5 || !tt_is_generated(tail))
		return pod;
	if (tt_split_last(head, &rest, &hash) && hash.len >= 8 && hash.len <= 10 && tt_is_generated(hash))
		return rest;
	return head;
}

bool tt_container_name(const char *root, const char *id, char ret[static TT_IDENTITY_NAME_LEN])
{
	char path[512];
	struct tt_buf text tt_buf_auto = TT_BUF(TT_DOCKER_CONFIG_MAX);

	snprintf(path, sizeof(path), "%s/var/lib/docker/containers/%s/config.v2.json", root, id);
	if (tt_text_read(AT_FDCWD, path, &text) < 0)
		return false;
	/* Only a container's own name begins with a slash. */
	ptrdiff_t at = tt_span_search(tt_buf_span(&text), TT_SPAN_LIT("\"Name\":\"/"));
	if (at < 0)
		return false;
	struct tt_span name = tt_span_sub(tt_buf_span(&text), (size_t)at + 9, SIZE_MAX);
	ptrdiff_t end = tt_span_find(name, '"');
	if (end <= 0)
		return false;
	tt_text_set(ret, TT_IDENTITY_NAME_LEN, tt_span_sub(name, 0, (size_t)end));
	return true;
}
