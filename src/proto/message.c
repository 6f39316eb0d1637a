// SPDX-License-Identifier: Apache-2.0
#include "proto/message.h"

/* tt_message_store where the store has to grow. Out of line, so that what is done for every attribute stays short. */
__attribute__((noinline)) static uint32_t tt_message_store_more(struct tt_message *m, struct tt_span s, uint32_t *ret_len)
{
	uint32_t off = (uint32_t)m->bytes.len;
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

/* Copies into the message's text; what does not fit is cut. Returns where it stands. */
static inline uint32_t tt_message_store(struct tt_message *m, struct tt_span s, uint32_t *ret_len)
{
	size_t off = m->bytes.len;

	/* Also where there is nothing to copy, and perhaps nowhere to. */
	if (s.len - 1 >= m->bytes.cap - off)
		return tt_message_store_more(m, s, ret_len);
	tt_copy_short(m->bytes.data + off, s.data, s.len);
	m->bytes.len = off + s.len;
	*ret_len = (uint32_t)s.len;
	return (uint32_t)off;
}

__attribute__((noinline)) static void tt_message_text_any(struct tt_message *m, enum tt_text which, struct tt_span s)
{
	m->text[which].off = tt_message_store(m, s, &m->text[which].len);
	m->text[which].set = true;
}

/* Short, and there is room for it: as nearly everything is. What then is done makes no call. */
static inline bool tt_message_is_short(const struct tt_message *m, struct tt_span s)
{
	return s.len - 1 < 64 && s.len <= m->bytes.cap - m->bytes.len;
}

/* tt_message_store of what is short. */
static inline uint32_t tt_message_store_short(struct tt_message *m, struct tt_span s, uint32_t *ret_len)
{
	size_t off = m->bytes.len;

	tt_copy_short(m->bytes.data + off, s.data, s.len);
	m->bytes.len = off + s.len;
	*ret_len = (uint32_t)s.len;
	return (uint32_t)off;
}

void tt_message_text(struct tt_message *m, enum tt_text which, struct tt_span s)
{
	if (!m)
		return;
	if (!tt_message_is_short(m, s)) {
		tt_message_text_any(m, which, s);
		return;
	}
	m->text[which].off = tt_message_store_short(m, s, &m->text[which].len);
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

static inline const struct tt_attribute *tt_message_attribute_set(const struct tt_message *m, const char *key)
{
	for (uint32_t i = 0; i < m->attribute_count; i++) {
		if (m->attributes[i].key == key)
			return &m->attributes[i];
	}
	return NULL;
}

/* Hardly a key is ever set twice: where its bit is not set yet, nothing need be searched for. */
static inline unsigned tt_message_key_bit(const char *key)
{
	return (uintptr_t)key & 63;
}

static inline bool tt_message_is_new(const struct tt_message *m, const char *key)
{
	bool perhaps = m->key_bits >> tt_message_key_bit(key) & 1;
	return (!perhaps || !tt_message_attribute_set(m, key)) && m->attribute_count < TT_MESSAGE_ATTRIBUTES;
}

/* One that is new. */
static inline void tt_message_append(struct tt_message *m, const char *key, enum tt_attribute_type type, uint32_t off,
				     uint32_t len, int64_t number)
{
	m->key_bits |= UINT64_C(1) << tt_message_key_bit(key);
	m->attributes[m->attribute_count++] =
		(struct tt_attribute){.key = key, .type = type, .off = off, .len = len, .number = number};
}

/* One that is perhaps set already, or too many. NULL: there is no room. */
__attribute__((noinline)) static struct tt_attribute *tt_message_attribute(struct tt_message *m, const char *key)
{
	struct tt_attribute *a = (struct tt_attribute *)tt_message_attribute_set(m, key);
	if (a)
		return a;
	if (m->attribute_count == TT_MESSAGE_ATTRIBUTES) {
		m->cut = true;
		return NULL;
	}
	m->key_bits |= UINT64_C(1) << tt_message_key_bit(key);
	return &m->attributes[m->attribute_count++];
}

__attribute__((noinline)) static void tt_message_put_again(struct tt_message *m, const char *key, enum tt_attribute_type type,
							   uint32_t off, uint32_t len, int64_t number)
{
	struct tt_attribute *a = tt_message_attribute(m, key);
	if (a)
		*a = (struct tt_attribute){.key = key, .type = type, .off = off, .len = len, .number = number};
}

static inline void tt_message_put(struct tt_message *m, const char *key, enum tt_attribute_type type, uint32_t off, uint32_t len,
				  int64_t number)
{
	if (tt_message_is_new(m, key))
		tt_message_append(m, key, type, off, len, number);
	else
		tt_message_put_again(m, key, type, off, len, number);
}

__attribute__((noinline)) static void tt_message_attr_any(struct tt_message *m, const char *key, struct tt_span value)
{
	struct tt_attribute *a = tt_message_attribute(m, key);
	if (!a)
		return;
	*a = (struct tt_attribute){.key = key, .type = TT_ATTR_STRING};
	a->off = tt_message_store(m, value, &a->len);
}

void tt_message_attr(struct tt_message *m, const char *key, struct tt_span value)
{
	if (!m)
		return;
	if (!tt_message_is_new(m, key) || !tt_message_is_short(m, value)) {
		tt_message_attr_any(m, key, value);
		return;
	}
	uint32_t len;
	uint32_t off = tt_message_store_short(m, value, &len);
	tt_message_append(m, key, TT_ATTR_STRING, off, len, 0);
}

__attribute__((noinline)) static void tt_message_text_attr_any(struct tt_message *m, enum tt_text which, const char *key,
							       struct tt_span s)
{
	tt_message_text_any(m, which, s);
	tt_message_put(m, key, TT_ATTR_STRING, m->text[which].off, m->text[which].len, 0);
}

void tt_message_text_attr(struct tt_message *m, enum tt_text which, const char *key, struct tt_span s)
{
	if (!m)
		return;
	if (!tt_message_is_short(m, s) || !tt_message_is_new(m, key)) {
		tt_message_text_attr_any(m, which, key, s);
		return;
	}
	uint32_t len;
	uint32_t off = tt_message_store_short(m, s, &len);
	m->text[which].off = off;
	m->text[which].len = len;
	m->text[which].set = true;
	tt_message_append(m, key, TT_ATTR_STRING, off, len, 0);
}

void tt_message_attr_static(struct tt_message *m, const char *key, struct tt_span value)
{
	if (m)
		tt_message_put(m, key, TT_ATTR_STRING, TT_ATTR_STATIC, (uint32_t)value.len, (int64_t)(intptr_t)value.data);
}

void tt_message_attr_drop(struct tt_message *m, const char *key)
{
	const struct tt_attribute *a = m ? tt_message_attribute_set(m, key) : NULL;
	if (!a)
		return;
	size_t at = (size_t)(a - m->attributes);
	memmove(m->attributes + at, m->attributes + at + 1, (m->attribute_count - at - 1) * sizeof(*a));
	m->attribute_count--;
}

void tt_message_attr_text(struct tt_message *m, const char *key, enum tt_text which)
{
	if (m && m->text[which].set)
		tt_message_put(m, key, TT_ATTR_STRING, m->text[which].off, m->text[which].len, 0);
}

void tt_message_attr_part(struct tt_message *m, const char *key, enum tt_text of, size_t at, size_t len)
{
	if (m && m->text[of].set && at <= m->text[of].len && len <= m->text[of].len - at)
		tt_message_put(m, key, TT_ATTR_STRING, m->text[of].off + (uint32_t)at, (uint32_t)len, 0);
}

void tt_message_attr_int(struct tt_message *m, const char *key, int64_t value)
{
	if (m)
		tt_message_put(m, key, TT_ATTR_INT, 0, 0, value);
}

void tt_message_attr_bool(struct tt_message *m, const char *key, bool value)
{
	if (m)
		tt_message_put(m, key, TT_ATTR_BOOL, 0, 0, value);
}

void tt_message_text_part(struct tt_message *m, enum tt_text which, enum tt_text of, size_t at, size_t len)
{
	if (!m || !m->text[of].set || at > m->text[of].len || len > m->text[of].len - at)
		return;
	uint32_t off = m->text[of].off + (uint32_t)at;
	m->text[which].off = off;
	m->text[which].len = (uint32_t)len;
	m->text[which].set = true;
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

struct tt_span tt_message_attr_span(const struct tt_message *m, const struct tt_attribute *a)
{
	if (a->off == TT_ATTR_STATIC)
		return tt_span((const uint8_t *)(intptr_t)a->number, a->len);
	return tt_span(m->bytes.data ? m->bytes.data + a->off : (const uint8_t *)"", a->len);
}
