/* SPDX-License-Identifier: Apache-2.0 */
/* A connection whose bytes a program redirects to the other end's socket, past TCP: for live_calls.c. */
#ifndef TT_TESTS_LIVE_SOCKMAP_H
#define TT_TESTS_LIVE_SOCKMAP_H

#include <linux/bpf.h>
#include <sys/syscall.h>

#include "live_pair.h"

static int bpf_call(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* A sockmap whose program gives every message to the socket of key 1, as if it had received it. Negative: not to be had. */
static int sockmap_new(void)
{
	union bpf_attr map = {.map_type = BPF_MAP_TYPE_SOCKMAP, .key_size = 4, .value_size = 4, .max_entries = 2};
	int m = bpf_call(BPF_MAP_CREATE, &map);

	if (m < 0)
		return m;
	const struct bpf_insn code[] = {
		{.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 2, .src_reg = BPF_PSEUDO_MAP_FD, .imm = m},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = 1},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 4, .imm = BPF_F_INGRESS},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_msg_redirect_map},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr load = {.prog_type = BPF_PROG_TYPE_SK_MSG,
			       .insns = (uintptr_t)code,
			       .insn_cnt = sizeof(code) / sizeof(code[0]),
			       .license = (uintptr_t)"Dual BSD/GPL"};
	int program = bpf_call(BPF_PROG_LOAD, &load);
	if (program < 0)
		return program;
	union bpf_attr attach = {.target_fd = (uint32_t)m, .attach_bpf_fd = (uint32_t)program, .attach_type = BPF_SK_MSG_VERDICT};
	int r = bpf_call(BPF_PROG_ATTACH, &attach);
	close(program);
	return r < 0 ? r : m;
}

static void sockmap_put(int m, uint32_t key, int fd)
{
	union bpf_attr put = {.map_fd = (uint32_t)m, .key = (uintptr_t)&key, .value = (uintptr_t)&fd};

	MUST(bpf_call(BPF_MAP_UPDATE_ELEM, &put));
}

static void sockmap_say(const struct pair *p, size_t at, size_t len)
{
	fill(110, at, len);
	if (send(p->a, out, len, 0) != (ssize_t)len || recv(p->b, in, len, MSG_WAITALL) != (ssize_t)len)
		fail("sockmap at %zu", at);
}

/* By TCP first, then past it; the other way remains TCP's. */
static void case_sockmap(void)
{
	int m = sockmap_new();

	if (m < 0) {
		absent("sockmap");
		return;
	}
	struct pair p = pair_open(TCP4);
	sockmap_say(&p, 0, 100);
	sockmap_put(m, 0, p.a);
	sockmap_put(m, 1, p.b);
	for (size_t i = 0; i < 4; i++) {
		sockmap_say(&p, 100 + 500 * i, 500);
		usleep(1000);
	}
	moved("sockmap", p.a, "tx", "tcp", 2100, 110);
	printf("\n");
	moved("sockmap", p.b, "rx", "tcp", 2100, 110);
	printf("\n");
	pair_close(&p);
	close(m);
}

#endif
