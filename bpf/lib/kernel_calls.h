/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Functions of the kernel that programs call, each only where the configuration says that it is there. */
#ifndef TT_BPF_KERNEL_CALLS_H
#define TT_BPF_KERNEL_CALLS_H

#include "config.h"

#ifdef TT_TOOL

#include "shared/tool.h"

/* The user side puts them in, and the numbers of the kernel's types (src/kernel/program_types.c): libbpf would need all types. */
static void *(*const bpf_rdonly_cast)(const void *obj, __u32 btf_id) = (void *)TT_CALL_RDONLY_CAST;
static void (*const bpf_preempt_disable)(void) = (void *)TT_CALL_PREEMPT_DISABLE;
static void (*const bpf_preempt_enable)(void) = (void *)TT_CALL_PREEMPT_ENABLE;

const volatile __u32 tt_type_ids[TT_TYPE_IDS] = {};
#define TT_TYPE_ID(type) tt_type_ids[bpf_core_type_id_kernel(type)]

#else

/* 6.2 (a35b9af4ec2c): gives a scalar its kernel type back, so that its fields can be loaded without a helper. */
void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
/* Since 6.10. */
void bpf_preempt_disable(void) __ksym __weak;
void bpf_preempt_enable(void) __ksym __weak;

#define TT_TYPE_ID(type) bpf_core_type_id_kernel(type)

#endif
#endif
