/* SPDX-License-Identifier: Apache-2.0 */
/* The disks' own counts (/proc/diskstats, Documentation/admin-guide/iostats.rst), and what came on top since they were last read.
 */
#ifndef TT_IO_DISKS_H
#define TT_IO_DISKS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define TT_DISKS_MOST 1024
#define TT_DISK_NAME 32

/* All since the system began, or since the device was set up anew. */
struct tt_disk_counts {
	uint64_t reads;
	uint64_t read_bytes;
	uint64_t read_ns; /* time all of them took, added up */
	uint64_t writes;
	uint64_t write_bytes;
	uint64_t write_ns;
	uint64_t busy_ns; /* time it had something to do */
};

struct tt_disk {
	uint32_t number; /* the kernel's: major << 20 | minor */
	bool used;	 /* the caller's */
	char name[TT_DISK_NAME];
	struct tt_disk_counts before, now;
};

struct tt_disks {
	struct tt_disk list[TT_DISKS_MOST]; /* by number */
	size_t count;
	uint64_t turned_away; /* disks beyond those */
};

/*
 * Takes the text of /proc/diskstats: what was `now` becomes `before`, also of disks it does not have; what is new begins at 0.
 * Lines it cannot read are skipped.
 */
void tt_disks_take(struct tt_disks *d, struct tt_span text);

/* Reads the file. 0 or a negative errno, and nothing is changed. */
int tt_disks_read(struct tt_disks *d);

/* What came on top from the reading before to the last one. Of a device that was set up anew meanwhile, all it has counted. */
struct tt_disk_counts tt_disk_more(const struct tt_disk *d);

/* NULL: not there. */
struct tt_disk *tt_disks_find(struct tt_disks *d, uint32_t number);

/* "major:minor" as a number; 0: it is none. */
uint32_t tt_device_number(const char *text);

/* The number of a whole disk by its name, as in /sys/block. 0: there is none. */
uint32_t tt_disk_number(const char *name);

#endif
