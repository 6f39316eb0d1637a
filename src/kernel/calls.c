// SPDX-License-Identifier: Apache-2.0
#include "kernel/calls.h"

#include <string.h>
#include <sys/syscall.h>

#include "base/own.h"

static const struct {
	__u16 number;
	__u8 call;
} calls[] = {
	{SYS_read, TT_CALL_READ},	  {SYS_recvfrom, TT_CALL_RECVFROM}, {SYS_readv, TT_CALL_READV},
	{SYS_preadv2, TT_CALL_READV},	  {SYS_recvmsg, TT_CALL_RECVMSG},   {SYS_recvmmsg, TT_CALL_RECVMMSG},
	{SYS_write, TT_CALL_WRITE},	  {SYS_sendto, TT_CALL_SENDTO},	    {SYS_writev, TT_CALL_WRITEV},
	{SYS_pwritev2, TT_CALL_WRITEV},	  {SYS_sendmsg, TT_CALL_SENDMSG},   {SYS_sendmmsg, TT_CALL_SENDMMSG},
	{SYS_sendfile, TT_CALL_SENDFILE}, {SYS_splice, TT_CALL_SPLICE},	    {SYS_accept, TT_CALL_ACCEPT},
	{SYS_accept4, TT_CALL_ACCEPT},	  {SYS_connect, TT_CALL_CONNECT},   {SYS_close, TT_CALL_CLOSE},
};

/*
 * The 32-bit numbers by which bytes may move on a socket (i386 and ARM EABI have the old ones in common): read, write,
 * socketcall, sendfile, readv, writev, sendfile64, splice, recvmmsg, sendmmsg, and the direct socket calls.
 */
static const __u16 compat_calls[] = {
	3,   4,	  145, 146,
#if defined(__x86_64__)
	102, 187, 239, 313, 337, 345, 369, 370, 371, 372, 378, 379,
#else
	187, 239, 289, 290, 291, 292, 296, 297, 340, 365, 374, 392, 393,
#endif
};

void tt_calls_fill(__u8 table[TT_CALL_NUMBERS])
{
	memset(table, 0, TT_CALL_NUMBERS);
	for (size_t i = 0; i < TT_ARRAY_LEN(calls); i++)
		table[calls[i].number] = calls[i].call;
	for (size_t i = 0; i < TT_ARRAY_LEN(compat_calls); i++)
		table[compat_calls[i]] |= TT_CALL_COMPAT;
}
