/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the LDAP parser share. Only they include this. */
#ifndef TT_PROTO_LDAP_H
#define TT_PROTO_LDAP_H

#include "base/buf.h"
#include "proto/proto.h"

/* Of a message so much is looked at: names, filters and results stand in front of what is long. */
#define TT_LDAP_PEEK 4096u
#define TT_LDAP_MOST (1u << 30)

/* Tags of what a message asks or answers: RFC 4511, 4.2 and on. */
enum tt_ldap_op {
	TT_LDAP_BIND = 0x60,
	TT_LDAP_BIND_DONE = 0x61,
	TT_LDAP_UNBIND = 0x42,
	TT_LDAP_SEARCH = 0x63,
	TT_LDAP_ENTRY = 0x64,
	TT_LDAP_SEARCH_DONE = 0x65,
	TT_LDAP_REFERENCE = 0x73,
	TT_LDAP_MODIFY = 0x66,
	TT_LDAP_MODIFY_DONE = 0x67,
	TT_LDAP_ADD = 0x68,
	TT_LDAP_ADD_DONE = 0x69,
	TT_LDAP_DELETE = 0x4a,
	TT_LDAP_DELETE_DONE = 0x6b,
	TT_LDAP_RENAME = 0x6c,
	TT_LDAP_RENAME_DONE = 0x6d,
	TT_LDAP_COMPARE = 0x6e,
	TT_LDAP_COMPARE_DONE = 0x6f,
	TT_LDAP_ABANDON = 0x50,
	TT_LDAP_EXTENDED = 0x77,
	TT_LDAP_EXTENDED_DONE = 0x78,
	TT_LDAP_INTERMEDIATE = 0x79,
};

struct tt_ldap_head {
	uint32_t id;
	uint8_t op;	 /* enum tt_ldap_op */
	uint64_t length; /* of the whole message */
	uint32_t size;	 /* of what the op holds; it begins where the cursor stands */
};

/* One BER element's tag and length (X.690, 8.1, as RFC 4511, 5.1 restricts it). TT_MORE: cut; TT_LOST_SYNC: none. */
enum tt_step tt_ldap_read_tlv(struct tt_cursor *c, uint8_t *ret_tag, uint32_t *ret_len);

/* A message's head, as a side may say it. The cursor moves past it only where it is whole. */
enum tt_step tt_ldap_read_head(enum tt_side side, struct tt_cursor *c, struct tt_ldap_head *ret);

/* The element's content if it has this tag and is there whole; else data NULL, and nothing moves. */
struct tt_span tt_ldap_take(struct tt_cursor *c, uint8_t tag);

/* An INTEGER or ENUMERATED; -1 if it is none. */
int64_t tt_ldap_number(struct tt_cursor *c, uint8_t tag);

/* What a filter asks (RFC 4515), with `?` in place of every value. False: it is cut, nested too deep or none. */
bool tt_ldap_filter(struct tt_cursor *c, struct tt_buf *out);

/* RFC 4511, 4.1.9 and the registry of result codes; NULL without a name. */
const char *tt_ldap_result_name(int64_t code);

enum tt_verdict tt_ldap_detect(const struct tt_first *first);

/* Messages, one behind the other, as far as they are there. */
bool tt_ldap_resumes(enum tt_side side, struct tt_span bytes);

#endif
