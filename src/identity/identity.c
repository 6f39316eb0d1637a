// SPDX-License-Identifier: Apache-2.0
#include "identity/identity.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "identity/container.h"
#include "identity/identity_core.h"
#include "identity/proc.h"
#include "identity/process.h"
#include "identity/service.h"
#include "identity/text.h"

struct tt_identities {
	const struct tt_limits *limits;
	struct tt_processes processes;
	char *root;	/* NULL: /proc is not used */
	tt_proc_fn ask; /* NULL: it is read from below root */
	void *ask_ctx;
	char host[TT_IDENTITY_NAME_LEN]; /* empty: not this one */
	uint64_t unknown;
	uint64_t look_second; /* the looks of which are counted */
	uint32_t looks;
	struct tt_identity nobody; /* the answer for processes that do not get into the table */
	struct tt_identity late;   /* and for those of which there is but the name they were given along with */
};

/* The same after a restart: a container by its own id, anything else by host and service. Never a process number. */
static void tt_identity_instance(const struct tt_identities *ids, struct tt_identity *i)
{
	char text[2 * TT_IDENTITY_NAME_LEN] = "";

	if (i->container_id[0])
		snprintf(text, sizeof(text), "%.12s", i->container_id);
	else if (ids->host[0])
		snprintf(text, sizeof(text), "%s:%s", ids->host, i->service);
	tt_text_set(i->instance, sizeof(i->instance), tt_span_str(text));
}

int tt_identities_new_at(struct tt_identities **ret, const struct tt_limits *limits, const char *root, const char *host)
{
	struct tt_identities *ids = calloc(1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;

	ids->limits = limits;
	tt_text_set(ids->host, sizeof(ids->host), tt_span_str(host));
	tt_text_set(ids->nobody.service, sizeof(ids->nobody.service), TT_SPAN_LIT("unknown"));
	tt_identity_instance(ids, &ids->nobody);
	if (root)
		ids->root = strdup(root);
	if ((root && !ids->root) || tt_processes_init(&ids->processes, limits) < 0) {
		tt_identities_free(ids);
		return -ENOMEM;
	}
	*ret = ids;
	return 0;
}

int tt_identities_new(struct tt_identities **ret, const struct tt_limits *limits, bool use_proc)
{
	char host[256] = "";

	/* What was captured or recorded may have been so anywhere. */
	if (!use_proc || gethostname(host, sizeof(host) - 1) < 0)
		host[0] = 0;
	return tt_identities_new_at(ret, limits, use_proc ? "" : NULL, host);
}

struct tt_identities *tt_identities_free(struct tt_identities *ids)
{
	if (!ids)
		return NULL;
	tt_processes_free(&ids->processes);
	free(ids->root);
	free(ids);
	return NULL;
}

void tt_identities_ask(struct tt_identities *ids, tt_proc_fn fn, void *ctx)
{
	ids->ask = fn;
	ids->ask_ctx = ctx;
}

/* --- names
 * ---------------------------------------------------------------------------------------------------------------------- */

static void tt_process_name(const struct tt_identities *ids, struct tt_process *p, struct tt_span args, struct tt_span file)
{
	struct tt_identity *i = &p->identity;

	if (p->asked_service[0])
		memcpy(i->service, p->asked_service, sizeof(i->service));
	else
		tt_service_name(args, file, i->comm, i->service);
	if (!i->service[0])
		tt_text_set(i->service, sizeof(i->service), TT_SPAN_LIT("unknown"));
	tt_identity_instance(ids, i);
}

/* What the environment asks for, else the pod's workload, else the container's name. */
static void tt_process_asked(struct tt_process *p, const struct tt_proc *proc)
{
	memcpy(p->identity.container_id, proc->container_id, sizeof(p->identity.container_id));
	tt_text_set(p->asked_service, sizeof(p->asked_service), tt_span_str(proc->asked_service));
	if (p->asked_service[0])
		return;
	if (proc->pod[0])
		tt_text_set(p->asked_service, sizeof(p->asked_service), tt_container_workload(tt_span_str(proc->pod)));
	else
		tt_text_set(p->asked_service, sizeof(p->asked_service), tt_span_str(proc->container));
}

static int tt_identities_proc(const struct tt_identities *ids, uint32_t pid, struct tt_proc *ret)
{
	return ids->ask ? ids->ask(ids->ask_ctx, pid, ret) : tt_proc_read(ret, ids->root, pid);
}

/* Asks /proc, once. Nothing changes if the process is gone or its number is another's now. */
static void tt_process_look(struct tt_identities *ids, struct tt_process *p)
{
	struct tt_proc proc;

	p->look = false;
	if (!ids->root || p->end_ns || tt_identities_proc(ids, p->identity.tgid, &proc) < 0)
		return;
	uint64_t start = p->identity.start_ns;
	if (!start || start / TT_PROC_TICK_NS == proc.start_ns / TT_PROC_TICK_NS) {
		if (!start)
			p->identity.start_ns = proc.start_ns;
		memcpy(p->identity.comm, proc.comm, sizeof(p->identity.comm));
		p->ppid = proc.ppid;
		p->nothing = false;
		tt_process_asked(p, &proc);
		tt_process_name(ids, p, tt_buf_span(&proc.args), tt_span_str(proc.file));
	}
	tt_proc_free(&proc);
}

/* --- records
 * --------------------------------------------------------------------------------------------------------------------- */

static struct tt_process *tt_identities_get(struct tt_identities *ids, uint32_t tgid, uint64_t start_ns)
{
	struct tt_process *p = tt_processes_find(&ids->processes, tgid, start_ns);
	if (!p)
		return tt_processes_add(&ids->processes, tgid, start_ns);
	if (start_ns)
		p->identity.start_ns = start_ns; /* exact, where /proc gave a tick */
	tt_processes_used(&ids->processes, p);
	return p;
}

/* A child is what its parent was. */
static void tt_process_inherit(struct tt_process *p, const struct tt_process *parent)
{
	uint32_t tgid = p->identity.tgid;
	uint64_t start_ns = p->identity.start_ns;

	p->identity = parent->identity;
	p->identity.tgid = tgid;
	p->identity.start_ns = start_ns;
	memcpy(p->asked_service, parent->asked_service, sizeof(p->asked_service));
}

static void tt_process_comm(struct tt_process *p, const char comm[static TT_COMM_LEN])
{
	tt_text_set(p->identity.comm, sizeof(p->identity.comm), tt_span(comm, strnlen(comm, TT_COMM_LEN)));
}

/* The process a child comes from, as it is now; a copy, since making room for the child may drop it. */
static struct tt_process tt_identities_parent(struct tt_identities *ids, uint32_t ppid)
{
	struct tt_process *p = tt_processes_find(&ids->processes, ppid, 0);

	if (!p && ids->root && (p = tt_processes_add(&ids->processes, ppid, 0)))
		p->nothing = p->look = true;
	if (p && p->look)
		tt_process_look(ids, p);
	return p ? *p : (struct tt_process){.nothing = true};
}

static void tt_identities_fork(struct tt_identities *ids, const struct tt_process_record *r)
{
	struct tt_process parent = tt_identities_parent(ids, r->ppid);
	struct tt_process *p = tt_identities_get(ids, r->rec.tgid, r->rec.start_ns);
	if (!p)
		return;
	p->ppid = r->ppid;
	if (p->execed)
		return; /* records of several rings: it is another program already */
	p->nothing = false;
	if (!parent.nothing) {
		tt_process_inherit(p, &parent);
	} else {
		tt_process_comm(p, r->comm);
		p->look = true;
		tt_process_name(ids, p, tt_span(NULL, 0), tt_span(NULL, 0));
	}
}

static struct tt_span tt_record_text(const char *text, uint16_t len, size_t most)
{
	return tt_span(text, TT_MIN((size_t)len, most));
}

/*
 * What the environment asks for is only to be had while the process is there, so it is looked at with the first word of it and
 * not when the name is wanted. On a host where much is started that would cost more than it gives: beyond so many a second the
 * others are looked at when they are asked for.
 */
#define TT_EXEC_LOOKS_A_SECOND 100

static void tt_identities_exec_look(struct tt_identities *ids, struct tt_process *p, uint64_t now_ns)
{
	uint64_t second = now_ns / 1000000000u;

	if (second != ids->look_second) {
		ids->look_second = second;
		ids->looks = 0;
	}
	if (ids->looks++ < TT_EXEC_LOOKS_A_SECOND)
		tt_process_look(ids, p);
}

static void tt_identities_exec(struct tt_identities *ids, const struct tt_process_record *r)
{
	struct tt_process *p = tt_identities_get(ids, r->rec.tgid, r->rec.start_ns);
	if (!p)
		return;
	p->ppid = r->ppid;
	p->nothing = false;
	p->look = true; /* the environment and the rest of long arguments, if it is still there */
	p->execed = true;
	tt_process_comm(p, r->comm);
	struct tt_span file = tt_record_text(r->file, r->file_len, sizeof(r->file));
	while (file.len && !file.data[file.len - 1])
		file.len--;
	tt_process_name(ids, p, tt_record_text(r->args, r->args_len, sizeof(r->args)), file);
	tt_identities_exec_look(ids, p, r->rec.time_ns);
}

static void tt_identities_exit(struct tt_identities *ids, const struct tt_process_record *r)
{
	struct tt_process *p = tt_processes_find(&ids->processes, r->rec.tgid, r->rec.start_ns);
	if (!p) {
		p = tt_processes_add(&ids->processes, r->rec.tgid, r->rec.start_ns);
		if (!p)
			return;
		p->nothing = true;
	}
	if (p->nothing) {
		tt_process_comm(p, r->comm);
		p->nothing = !p->identity.comm[0];
		tt_process_name(ids, p, tt_span(NULL, 0), tt_span(NULL, 0));
	}
	tt_processes_end(&ids->processes, p, r->rec.time_ns);
}

static void tt_identities_told(struct tt_identities *ids, const struct tt_identity_record *r)
{
	struct tt_process *p = tt_identities_get(ids, r->rec.tgid, r->rec.start_ns);
	if (!p)
		return;
	struct tt_identity *i = &p->identity;
	tt_text_set(i->comm, sizeof(i->comm), tt_span(r->comm, strnlen(r->comm, sizeof(r->comm))));
	tt_text_set(i->service, sizeof(i->service), tt_span(r->service, strnlen(r->service, sizeof(r->service))));
	tt_text_set(i->instance, sizeof(i->instance), tt_span(r->instance, strnlen(r->instance, sizeof(r->instance))));
	tt_text_set(i->container_id, sizeof(i->container_id),
		    tt_span(r->container_id, strnlen(r->container_id, sizeof(r->container_id))));
	if (!i->service[0])
		tt_text_set(i->service, sizeof(i->service), TT_SPAN_LIT("unknown"));
	p->nothing = p->look = false;
}

void tt_identities_record(struct tt_identities *ids, const struct tt_record *rec)
{
	switch (rec->type) {
	case TT_REC_FORK:
		tt_identities_fork(ids, (const struct tt_process_record *)rec);
		break;
	case TT_REC_EXEC:
		tt_identities_exec(ids, (const struct tt_process_record *)rec);
		break;
	case TT_REC_EXIT:
		tt_identities_exit(ids, (const struct tt_process_record *)rec);
		break;
	case TT_REC_IDENTITY:
		tt_identities_told(ids, (const struct tt_identity_record *)rec);
		break;
	default:
		break;
	}
}

/* --- answers
 * --------------------------------------------------------------------------------------------------------------------- */

static const struct tt_identity *tt_identities_nobody(struct tt_identities *ids, uint32_t tgid, uint64_t start_ns)
{
	ids->unknown++;
	ids->nobody.tgid = tgid;
	ids->nobody.start_ns = start_ns;
	return &ids->nobody;
}

const struct tt_identity *tt_identities_find(struct tt_identities *ids, uint32_t tgid, uint64_t start_ns, uint64_t cgroup_id)
{
	struct tt_process *p = tgid ? tt_processes_find(&ids->processes, tgid, start_ns) : NULL;

	if (!p && tgid && ids->root) {
		p = tt_processes_add(&ids->processes, tgid, start_ns);
		if (p)
			p->look = p->nothing = true;
	}
	if (!p)
		return tt_identities_nobody(ids, tgid, start_ns);
	if (p->look)
		tt_process_look(ids, p);
	tt_processes_used(&ids->processes, p);
	return p->nothing ? tt_identities_nobody(ids, tgid, start_ns) : &p->identity;
}

const struct tt_identity *tt_identities_named(struct tt_identities *ids, uint32_t tgid, uint64_t start_ns, const char *comm)
{
	const struct tt_identity *known = tt_identities_find(ids, tgid, start_ns, 0);

	if (known != &ids->nobody || !comm || !comm[0])
		return known;
	struct tt_process p = {.identity = {.tgid = tgid, .start_ns = start_ns}};
	tt_process_comm(&p, comm);
	tt_process_name(ids, &p, tt_span(NULL, 0), tt_span(NULL, 0));
	ids->late = p.identity;
	return &ids->late;
}

void tt_identities_advance(struct tt_identities *ids, uint64_t now_ns)
{
	uint64_t grace = ids->limits->value[TT_LIMIT_PROCESS_GRACE] * 1000000000ull;
	struct tt_process *p;

	while ((p = ids->processes.ended.first) && now_ns > p->end_ns && now_ns - p->end_ns > grace)
		tt_processes_drop(&ids->processes, p);
}

void tt_identities_seed(struct tt_identities *ids)
{
	char path[256];

	if (!ids->root)
		return;
	snprintf(path, sizeof(path), "%s/proc", ids->root);
	DIR *dir = opendir(path);
	for (const struct dirent *e; dir && (e = readdir(dir));) {
		if (isdigit(e->d_name[0]) && ids->processes.count < ids->processes.max)
			tt_identities_find(ids, (uint32_t)strtoul(e->d_name, NULL, 10), 0, 0);
	}
	if (dir)
		closedir(dir);
}

struct tt_identity_record tt_identity_to_record(const struct tt_identity *identity, uint64_t time_ns)
{
	struct tt_identity_record r = {.rec = {.type = TT_REC_IDENTITY,
					       .version = TT_RECORD_VERSION,
					       .len = sizeof(r),
					       .time_ns = time_ns,
					       .tgid = identity->tgid,
					       .start_ns = identity->start_ns}};

	memcpy(r.comm, identity->comm, sizeof(r.comm));
	memcpy(r.service, identity->service, sizeof(r.service));
	memcpy(r.instance, identity->instance, sizeof(r.instance));
	memcpy(r.container_id, identity->container_id, sizeof(r.container_id));
	return r;
}

void tt_identities_stats(const struct tt_identities *ids, struct tt_identities_stats *ret)
{
	*ret = (struct tt_identities_stats){
		.processes = ids->processes.count, .evicted = ids->processes.evicted, .unknown = ids->unknown};
}
