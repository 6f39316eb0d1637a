/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share of the loaded programs. */
#ifndef TT_KERNEL_INTERNAL_H
#define TT_KERNEL_INTERNAL_H

#include <bpf/libbpf.h>
#include <pthread.h>

#include "kernel/library.h"
#include "kernel/load.h"
#include "kernel/wish.h"
#include "shared/kernel.h"

#define TT_LINKS_MOST 64

struct tt_probes;

/* The maps every object of programs has, because bpf/lib defines them. */
struct tt_kernel_maps {
	struct bpf_map *counters;
	struct bpf_map *data_rings;
	struct bpf_map *control_ring;
	struct bpf_map *scope_pids;
	struct bpf_map *scope_cgroup;
};

/* Files to be let go of. */
struct tt_library_release {
	struct tt_library_file *gone;
	size_t count;		       /* processes they are of */
	struct tt_library_file *going; /* the thread's, while there is one */
	pthread_t thread;
	bool begun;  /* there is one … */
	bool done;   /* … and that is the last it writes */
	bool ending; /* it is to leave the rest */
};

struct tt_kernel {
	struct tt_probes *skel; /* NULL: these are a tool's programs (programs.c) */
	struct bpf_object *obj; /* owned by skel, if there is one */
	struct tt_kernel_maps maps;
	struct bpf_link *links[TT_LINKS_MOST];
	struct bpf_program *programs[TT_LINKS_MOST]; /* those attached */
	size_t link_count;
	struct bpf_link **samplers; /* sampler.c: one a processor */
	size_t sampler_count;
	struct tt_rings *rings;
	bool no_data_rings;		     /* only the control ring is used */
	struct tt_kernel_counters *counters; /* mapped: one a CPU */
	size_t counters_size;
	struct tt_scope_row *scope_pids; /* mapped */
	unsigned cpus;
	struct tt_wishes *wishes;
	struct tt_kernel_self *self; /* mapped */
	void *own_page;		     /* programs.c: the mapping self lies in */
	size_t own_size;
	uint64_t stopped_ns;			  /* when it was detached; 0: it is not */
	uint64_t listeners_refused;		  /* beyond the limit */
	struct tt_library_file *libraries;	  /* plaintext.c */
	struct tt_library_file *libraries_middle; /* plaintext_middle.c */
	size_t library_count;
	size_t middle_count;
	size_t libraries_most; /* of each */
	uint64_t libraries_tidy_s;
	uint64_t libraries_refused;
	uint64_t libraries_unguarded;
	struct tt_program_seen *programs_seen; /* plaintext.c */
	struct tt_plaintext_worker *plaintext_worker;
	struct tt_library_guard *library_guard;	  /* library_guard.c */
	struct tt_process_probes *process_probes; /* process_probes.c; NULL: they are not used */
	struct tt_library_release release;
	bool plaintext;			       /* the programs for libraries are loaded */
	unsigned without;		       /* … but for these libraries: tt_library_bit */
	bool by_instruction;		       /* … and no return probes are used */
	bool alone;			       /* plaintext_alone.c: libraries' probes are in the processes of the scope alone */
	bool uprobe_multi;		       /* programs at functions are attached by links that have many places */
	const struct tt_kernel_remote *remote; /* NULL: links and programs are ours */
	void *remote_ctx;
};

/* Moves a known pattern over a socket pair of our own and looks for it in the rings. 0, or with the reason -EOPNOTSUPP, or
 * -ENODATA where only the stamp of the entry was missing. */
int tt_kernel_selftest(struct tt_kernel *k, char *reason, size_t size);

/*
 * Loads the set (`all`: with the rows that are not required, too) with tt_hook_common, attaches and tests it. -EOPNOTSUPP, -EPERM
 * or -ENODATA (self-test) with the reason; others with a line in report->error. What there is so far stays in k.
 */
int tt_kernel_load_set(struct tt_kernel *k, const struct tt_hook_set *set, bool all, const struct tt_limits *limits,
		       const struct tt_scope *scope, struct tt_kernel_report *report, char *reason, size_t size);

/* In the upper half of a file's cookie: the process its probes are in alone. */
#define TT_LIBRARY_COOKIE(only) ((uint64_t)(only) << 32)

/* One attached file. */
struct tt_library_file {
	struct tt_library_file *next;
	const struct tt_library *library;
	uint64_t dev;
	uint64_t inode;
	struct tt_file_state state; /* when it was looked at */
	uint32_t user;		    /* a process that had it; 0: one that is not there yet will have it, so it stays */
	bool used;		    /* found so far, of those that were sought */
	uint32_t only;		    /* nothing is put into other processes than this; 0: into all that have the file */
	uint64_t until_ns;	    /* plaintext_middle.c: it is let go of then */
	uint64_t cookie;	    /* of its probes */
	int fd;			    /* library_guard.c: the file, while it has probes and after it was written; 0: none */
	bool leased;		    /* … and who would write it has to wait */
	bool attaching;		    /* … which has not ended */
	uint64_t written_ns;	    /* since boot: it was let go of, as somebody writes it; 0: nobody did */
	uint64_t held_until_ns;	    /* … and not before then it is asked again whether somebody has it since before that */
	size_t probe_count;	    /* entries and returns counted each; below: what holds them */
	size_t link_count;
	size_t links_size;
	struct bpf_link **links;	  /* by perf: one each */
	int multi[2 * TT_FUNCTIONS_MOST]; /* descriptors of links that have many */
	size_t multi_count;
};

/* library_attach.c: gives every link to let_go and forgets the file. */
void tt_library_file_free(struct tt_library_file *file, void (*let_go)(struct bpf_link *link));
void tt_library_files_free(struct tt_library_file **files, void (*let_go)(struct bpf_link *link)); /* all of a list */
int tt_library_file_attach(struct tt_kernel *k, struct tt_library_file *file, const char *path,
			   const struct tt_function_sites *sites);
void tt_library_file_detach(struct tt_library_file *file);
void tt_library_probes_detach(struct tt_library_file *file); /* its probes only */
/* To a list, and out of it. */
void tt_library_file_enter(struct tt_library_file **list, struct tt_library_file *file);
struct tt_library_file *tt_library_file_leave(struct tt_library_file **at);
/* Before the load: how it will be attached. */
void tt_library_program_prepare(const struct tt_kernel *k, struct bpf_program *p);
bool tt_plaintext_room(struct tt_kernel *k, size_t count); /* for one more file beside so many; counted if not */
/* plaintext_middle.c: looks after those who met sessions whose sockets are not known. */
void tt_plaintext_middle(struct tt_kernel *k);
/* The same for this process, at once. */
void tt_plaintext_middle_of(struct tt_kernel *k, uint32_t pid);
struct tt_library;
struct tt_mapped;
/* plaintext_middle.c: attaches the file for a while, if it was not so lately. 0, also where it has none of the library; -ENOSPC,
 * -ENOMEM. */
int tt_plaintext_awhile(struct tt_kernel *k, const struct tt_library *library, const struct tt_mapped *mapped, uint32_t pid);
/* plaintext_users.c: lets go of files that no process has any more, and of sessions of processes that are gone. */
void tt_plaintext_tidy(struct tt_kernel *k);
/* … and looks anew at those that were written. */
void tt_plaintext_written(struct tt_kernel *k);
/* plaintext.c: looks at the file anew by its descriptor, as somebody wrote it; `at` is no more then, and what follows is there.
 */
void tt_plaintext_again(struct tt_kernel *k, struct tt_library_file **at);
/* … and this file too, as it is now; `only` as above. */
int tt_plaintext_add(struct tt_kernel *k, const struct tt_library_file *file, uint32_t only);
void tt_plaintext_ahead(struct tt_kernel *k); /* what the loader would give a program that is not there yet */
/*
 * plaintext_alone.c: whether the processes of the scope are few enough (`most`) and such that they can be observed alone; before
 * the load, and once programs are there.
 */
bool tt_plaintext_alone(const struct tt_kernel *k, const struct tt_scope *scope, uint64_t most);
void tt_plaintext_alone_begin(struct tt_kernel *k, const struct tt_scope *scope);
/* … after the first look at them. */
void tt_plaintext_alone_judge(struct tt_kernel *k, const struct tt_scope *scope);
/* … the process, where it has probes of its own; else 0. */
uint32_t tt_plaintext_only(const struct tt_kernel *k, uint32_t pid);
/* … this process cannot be observed so: then all is attached as if it was not there. */
void tt_plaintext_alone_not(struct tt_kernel *k, uint32_t pid);
/* … before a process is looked at that has none of its own. False: not now: it is gone, or its memory is another's. */
bool tt_plaintext_alone_look(struct tt_kernel *k, uint32_t pid);
/* … attaches what is attached in processes alone in all that have the files, for this process (0: one of them). False: that was
 * so already. */
bool tt_plaintext_widen(struct tt_kernel *k, uint32_t pid);
/* … where the programs found that it is to be done. */
void tt_plaintext_alone_turn(struct tt_kernel *k);
void tt_plaintext_worker_end(struct tt_kernel *k); /* plaintext_worker.c */
void tt_plaintext_descriptors_allow(void);	   /* plaintext.c: a probe is two of them */
bool tt_plaintext_busy(struct tt_kernel *k);	   /* plaintext_worker.c: processes are waiting to be looked at, or one is */
/* process_probes.c: looks at a process that is new; counts it if it cannot be observed. */
void tt_process_probes_new(struct tt_kernel *k, uint32_t pid);
/* Lets go of processes that are gone, and looks again at those that are new. */
void tt_process_probes_turn(struct tt_kernel *k);
/* … when a process began, in clock ticks since boot; 0: it is gone. */
uint64_t tt_process_began(uint32_t pid);
void tt_process_probes_free(struct tt_kernel *k);
/* library_release.c: lets go of what is gone, in a thread of its own; what comes meanwhile waits for the next call. */
void tt_library_release(struct tt_kernel *k);
/* Until that thread has ended, which leaves then what is still to be done. */
void tt_library_release_end(struct tt_kernel *k);
void tt_library_release_free(struct tt_kernel *k, void (*let_go)(struct bpf_link *link));
bool tt_plaintext_takes(const struct tt_kernel *k,
			const struct tt_library *library); /* not where it is not wanted, or needs return probes that do harm */
void tt_plaintext_programs_choose(struct tt_kernel *k);	   /* plaintext.c: before the load */
void tt_plaintext_start(struct tt_kernel *k, const struct tt_scope *scope);
void tt_plaintext_let_go(struct tt_kernel *k, void (*let_go)(struct bpf_link *link));

struct tt_sampler {
	uint32_t hz;
	bool idle;   /* also while a processor is idle */
	bool cycles; /* by its cycles: on x86 that comes where interrupts are off, too. Not every machine can */
};

/* Runs the program so often a second on each processor. 0 or a negative errno. */
int tt_kernel_sample(struct tt_kernel *k, struct bpf_program *p, const struct tt_sampler *how);
/* Gives each link to let_go. */
void tt_kernel_sample_end(struct tt_kernel *k, void (*let_go)(struct bpf_link *link));

/* --- load.c, for programs.c too; what can fail for the user's reasons leaves a line in report->error --- */

int tt_kernel_refuse(struct tt_kernel_report *report, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Like snprintf, but what does not fit ends with a whole word and "...". */
void tt_kernel_say(char *ret, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Was this failure of a load one of privilege? */
bool tt_kernel_forbidden(int r);
/* -EPERM, though the capabilities are there (attach/privilege.h has looked): says what else it may be. */
int tt_kernel_not_permitted(struct tt_kernel_report *report);
/* From here on libbpf's first complaint is kept; the function before is to be set again. */
libbpf_print_fn_t tt_kernel_complaint_begin(void);
const char *tt_kernel_complaint(void);
int tt_kernel_ask_features(struct tt_kernel_report *report, bool pages);
/* To the kernel, the memory that loading needed (its BTF and programs: 12 MB), before it is shared with another process. */
void tt_kernel_give_back(void);
uint32_t tt_kernel_power_of_two(uint64_t n);
size_t tt_kernel_whole_pages(size_t size);
/* Own process, scope and features. */
int tt_kernel_config_common(struct tt_kernel_config *c, const struct tt_scope *scope, struct tt_kernel_report *report);
/* Counts CPUs; finds the common maps in k->obj and sizes them, before the load. -ENOENT: one is missing. */
int tt_kernel_maps_find(struct tt_kernel *k, const struct tt_limits *limits);
/* Maps counters and makes the rings, after the load. */
int tt_kernel_maps_open(struct tt_kernel *k, const struct tt_limits *limits);
int tt_kernel_scope_fill(struct tt_kernel *k, const struct tt_scope *scope, struct tt_kernel_report *report);
int tt_kernel_attach(struct tt_kernel *k, const char *program);

#endif
