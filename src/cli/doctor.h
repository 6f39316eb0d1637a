/* SPDX-License-Identifier: Apache-2.0 */
/* What `telltale doctor` found, for its two ways of saying it. */
#ifndef TT_CLI_DOCTOR_H
#define TT_CLI_DOCTOR_H

#include <sys/utsname.h>

#include "kernel/load.h"
#include "kernel/plaintext.h"
#include "sink/json.h"

/* One program the kernel took. */
struct tt_doctor_program {
	char name[64];
	uint32_t verified; /* instructions the verifier processed */
};

struct tt_doctor {
	struct utsname name;
	struct tt_kernel_report report;
	struct tt_doctor_program programs[96];
	size_t program_count;
	bool plaintext; /* TLS libraries can be attached */
	bool plaintext_wanted;
	bool plaintext_denied;			   /* the programs are there, but may not be attached by us */
	uint64_t plaintext_ns[TT_PLAINTEXT_COSTS]; /* what a probed call takes longer; 0: not measured */
	int status;				   /* 0: ready */
	char error[700];			   /* else why not */
};

/* One line to the file, - being standard output. 0, -ENOMEM, or what writing failed with. */
int tt_doctor_write_json(const struct tt_doctor *d, const char *path);

/* doctor_privilege.c: capabilities and settings, in both ways. */
void tt_doctor_write_privileges(void);
void tt_doctor_json_privileges(struct tt_json *j);

#endif
