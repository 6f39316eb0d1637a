/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A system call's number and arguments, from the registers saved at its entry; they still stand there at its exit. */
#ifndef TT_BPF_ARGS_H
#define TT_BPF_ARGS_H

#include "compat.h"

#if defined(__TARGET_ARCH_x86)
#define TT_ARG_NUMBER(regs) ((__u64)(regs)->orig_ax)
#define TT_ARG1(regs) ((__u64)(regs)->di)
#define TT_ARG2(regs) ((__u64)(regs)->si)
#define TT_ARG3(regs) ((__u64)(regs)->dx)
#define TT_ARG4(regs) ((__u64)(regs)->r10)
#define TT_ARG5(regs) ((__u64)(regs)->r8)
#define TT_ARG6(regs) ((__u64)(regs)->r9)
#define TT_COMPAT_ARG1(regs) ((__u32)(regs)->bx)
/* Of a function in the kernel. */
#define TT_FUNCTION_ARG1(regs) ((__u64)(regs)->di)
#define TT_FUNCTION_ARG2(regs) ((__u64)(regs)->si)
#define TT_FUNCTION_ARG3(regs) ((__u64)(regs)->dx)
#define TT_FUNCTION_ARG4(regs) ((__u64)(regs)->cx)
#define TT_FUNCTION_ARG5(regs) ((__u64)(regs)->r8)
#define TT_FUNCTION_ARG6(regs) ((__u64)(regs)->r9)
#define TT_RETURNED(regs) ((long)(regs)->ax)
#elif defined(__TARGET_ARCH_arm64)
#define TT_ARG_NUMBER(regs) ((__u64)(__s64)(regs)->syscallno)
#define TT_ARG1(regs) ((__u64)(regs)->orig_x0) /* regs[0] holds the result at the exit */
#define TT_ARG2(regs) ((__u64)(regs)->regs[1])
#define TT_ARG3(regs) ((__u64)(regs)->regs[2])
#define TT_ARG4(regs) ((__u64)(regs)->regs[3])
#define TT_ARG5(regs) ((__u64)(regs)->regs[4])
#define TT_ARG6(regs) ((__u64)(regs)->regs[5])
#define TT_COMPAT_ARG1(regs) ((__u32)(regs)->orig_x0)
#define TT_FUNCTION_ARG1(regs) ((__u64)(regs)->regs[0])
#define TT_FUNCTION_ARG2(regs) ((__u64)(regs)->regs[1])
#define TT_FUNCTION_ARG3(regs) ((__u64)(regs)->regs[2])
#define TT_FUNCTION_ARG4(regs) ((__u64)(regs)->regs[3])
#define TT_FUNCTION_ARG5(regs) ((__u64)(regs)->regs[4])
#define TT_FUNCTION_ARG6(regs) ((__u64)(regs)->regs[5])
#define TT_RETURNED(regs) ((long)(regs)->regs[0])
#else
#error "no register names for this architecture"
#endif

#define TT_TS_COMPAT 0x2       /* x86: thread_info.status */
#define TT_TIF_32BIT (1 << 22) /* arm64: thread_info.flags */

/* A 32-bit caller, whose numbers and structs are others. */
TT_INLINE bool tt_is_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return TT_READ(struct task_struct, task, thread_info.status) & TT_TS_COMPAT;
#else
	return TT_READ(struct task_struct, task, thread_info.flags) & TT_TIF_32BIT;
#endif
}

#endif
