/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every program includes first. All probes are one object (bpf/meson.build), so maps and variables are shared. */
#ifndef TT_BPF_CONFIG_H
#define TT_BPF_CONFIG_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "shared/kernel.h"
#include "shared/record.h"

#define TT_INLINE static __always_inline

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct tt_kernel_config tt_config = {};

#endif
