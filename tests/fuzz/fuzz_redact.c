// SPDX-License-Identifier: Apache-2.0
/*
 * What is redacted: one byte says as what the rest is read. In the rest bytes below 32 stand for what must be hidden there, with
 * the marker in it. What comes out is bounded, and hiding once more changes nothing.
 */
#include "marker.h"
#include "sink/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	void (*redact)(struct tt_buf *out, struct tt_span text);
	const char *before;    /* of all the text */
	const char *pieces[4]; /* with what ends them, so that what comes behind is none of theirs */
	const char *not_in;    /* bytes that would make something else of the pieces */
} kinds[] = {
	{tt_redact_query, "", {"&a=ZQXZ&", "&ZQXZ&", ";b=ZQXZ=ZQXZ;", "&=ZQXZ&"}, ""},
	{tt_redact_path, "/", {"/a=ZQXZ/", ";b=ZQXZ;", "/c%3DZQXZ/", "/ZQXZ@h/"}, "#?"},
	{tt_redact_path, "/", {"#a=ZQXZ&", "#ZQXZ&", "#a=ZQXZ;", "#b&c=ZQXZ&"}, "?&;"},
	{tt_redact_target, "http://u:ZQXZ@h/", {"/a=ZQXZ/", ";b=ZQXZ/", "/ZQXZ@h/", "/c%3dZQXZ/"}, "#?"},
	{tt_redact_target, "/a?", {"&a=ZQXZ&", "&ZQXZ&", ";b=ZQXZ;", "&ZQXZ&"}, ""},
	{tt_redact_uri, "sip:ZQXZ@", {"", ";ZQXZ@", "?ZQXZ=ZQXZ", ";a=ZQXZ"}, "@"},
	{tt_redact_uri, "tel:ZQXZ", {"1", "-", "ZQXZ", ";ZQXZ"}, "@"},
	{tt_redact_mailbox, "ZQXZ", {"ZQXZ@", "@", "ZQXZ@", "@"}, ""},
	{tt_redact_entry, "uid=ZQXZ,", {",cn=ZQXZ,", "+sn=ZQXZ+", ", Mail=ZQXZ\\,ZQXZ,", ",x=\"ZQXZ,ZQXZ\","}, "\"\\"},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 2048)
		return 0;
	size_t kind = data[0] % TT_ARRAY_LEN(kinds);
	tt_buf_auto struct tt_buf text = TT_BUF(1 << 16), out = TT_BUF(1 << 20), again = TT_BUF(1 << 20), raw = TT_BUF(1 << 20);

	tt_buf_add_str(&text, kinds[kind].before);
	for (size_t i = 1; i < size; i++) {
		if (data[i] < 32)
			tt_buf_add_str(&text, kinds[kind].pieces[data[i] % TT_ARRAY_LEN(kinds[kind].pieces)]);
		else if (!strchr(kinds[kind].not_in, data[i]))
			marker_byte(&text, data[i]);
	}
	kinds[kind].redact(&out, tt_buf_span(&text));
	marker_check(&out, text.len * 8);
	kinds[kind].redact(&again, tt_buf_span(&out));
	marker_must(tt_span_eq(tt_buf_span(&again), tt_buf_span(&out)));

	struct tt_span rest = tt_span(data + 1, size - 1);
	kinds[kind].redact(&raw, rest);
	marker_must(raw.len <= rest.len * 8 + sizeof(TT_REDACTED));
	return 0;
}
