// SPDX-License-Identifier: Apache-2.0
#include "proto/message.h"

/* Copies into the message's text; what does not fit is cut. Returns where it stands. */
static uint32_t tt_message_store(struct tt_message *m, struct tt_span s, uint32_t *ret_len)
{
	uint32_t off = (uint32_t)m->bytes.len;
	if (s.len && s.len <= m->bytes.cap - m->bytes.len) {
		memcpy(m->bytes.data + off, s.data, s.len);
		m->bytes.len += s.len;
		*ret_len = (uint32_t)s.len;
		return off;
	}

	size_t room = m->bytes.max - m->bytes.len;
	if (s.len > room) {
		s.len = room;
		m->cut = true;
	}

	if (tt_buf_add(&m->bytes, s.data, s.len) < 0) {
		m->cut = true;
		s.len = 0;
	}
	*ret_len = (uint32_t)s.len;
	return off;
}

void tt_message_text(struct tt_message *m, enum tt_text which, struct tt_span s)
{
	if (!m)
		return;
	m->text[which].off = tt_message_store(m, s, &m->text[which].len);
	m->text[which].set = true;
}

void tt_message_text_add(struct tt_message *m, enum tt_text which, struct tt_span s)
{
	if (!m)
		return;
	if (!m->text[which].set) {
		tt_message_text(m, which, s);
		return;
	}

	/* Text is only ever added at the end of the store, so an older text is moved there first. */
	if (m->text[which].off + m->text[which].len != m->bytes.len) {
		struct tt_span old = tt_message_get(m, which);
		if (tt_buf_reserve(&m->bytes, old.len) < 0) {
			m->cut = true;
			return;
		}
		tt_message_text(m, which, tt_message_get(m, which));
	}
	uint32_t len;
	tt_message_store(m, s, &len);
	m->text[which].len += len;
}

static struct tt_attribute *tt_message_attribute(struct tt_message *m, const char *key, enum tt_attribute_type type)
{
	struct tt_attribute *a = NULL;
	for (uint32_t i = 0; i < m->attribute_count; i++) {
		if (m->attributes[i].key == key) {
			a = &m->attributes[i];
			break;
		}
	}
	if (!a) {
		if (m->attribute_count == TT_MESSAGE_ATTRIBUTES) {
			m->cut = true;
			return NULL;
		}
		a = &m->attributes[m->attribute_count++];
	}
	*a = (struct tt_attribute){.key = key, .type = type};
	return a;
}

void tt_message_attr(struct tt_message *m, const char *key, struct tt_span value)
{
	struct tt_attribute *a = m ? tt_message_attribute(m, key, TT_ATTR_STRING) : NULL;
	if (a)
		a->off = tt_message_store(m, value, &a->len);
}

void tt_message_attr_text(struct tt_message *m, const char *key, enum tt_text which)
{
	if (!m || !m->text[which].set)
		return;
	struct tt_attribute *a = tt_message_attribute(m, key, TT_ATTR_STRING);
	if (a) {
		a->off = m->text[which].off;
		a->len = m->text[which].len;
	}
}

void tt_message_attr_int(struct tt_message *m, const char *key, int64_t value)
{
	struct tt_attribute *a = m ? tt_message_attribute(m, key, TT_ATTR_INT) : NULL;
	if (a)
		a->number = value;
}

void tt_message_attr_bool(struct tt_message *m, const char *key, bool value)
{
	struct tt_attribute *a = m ? tt_message_attribute(m, key, TT_ATTR_BOOL) : NULL;
	if (a)
		a->number = value;
}

void tt_message_fail(struct tt_message *m, struct tt_span error_type)
{
	if (!m)
		return;
	m->failed = true;
	tt_message_text(m, TT_TEXT_ERROR_TYPE, error_type);
}

void tt_message_refuse(struct tt_message *m, struct tt_span error_type)
{
	if (!m)
		return;
	m->refused = true;
	tt_message_text(m, TT_TEXT_ERROR_TYPE, error_type);
}

void tt_message_status_int(struct tt_message *m, int64_t status)
{
	tt_buf_auto struct tt_buf text = TT_BUF(32);
	if (tt_buf_add_i64(&text, status) == 0)
		tt_message_text(m, TT_TEXT_STATUS, tt_buf_span(&text));
}

struct tt_span tt_message_get(const struct tt_message *m, enum tt_text which)
{
	if (!m || !m->text[which].set)
		return tt_span(NULL, 0);
	return tt_span(m->bytes.data ? m->bytes.data + m->text[which].off : (const uint8_t *)"", m->text[which].len);
}

struct tt_span tt_message_attr_span(const struct tt_message *m, const struct tt_attribute *a)
{
	return tt_span(m->bytes.data ? m->bytes.data + a->off : (const uint8_t *)"", a->len);
}
