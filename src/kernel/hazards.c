// SPDX-License-Identifier: Apache-2.0
#include "kernel/hazards.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#include "base/own.h"

/*
 * Versions from `first` on, up to but without `fixed`, in which the repair is; a row for each tree that was repaired. Others are
 * known for what telltale does not use: LRU maps (7.0), sockmaps (6.6.128, 6.12.75), stacks of user programs (6.11).
 */
static const struct hazard {
	enum tt_feature feature;
	struct tt_version first;
	struct tt_version fixed;
	const char *reason;
} hazards[] = {
	/* A task asleep in a function with fexit returns into its trampoline; detaching freed it (e21aa341785c). */
	{TT_FEATURE_FEXIT,
	 {5, 5, 0},
	 {5, 10, 28},
	 "detaching fexit programs from functions that sleep crashes it (mended in 5.10.28)"},
	{TT_FEATURE_FEXIT,
	 {5, 11, 0},
	 {5, 11, 12},
	 "detaching fexit programs from functions that sleep crashes it (mended in 5.11.12)"},
};

static int version_compare(struct tt_version a, struct tt_version b)
{
	if (a.major != b.major)
		return a.major < b.major ? -1 : 1;
	if (a.minor != b.minor)
		return a.minor < b.minor ? -1 : 1;
	return a.patch == b.patch ? 0 : a.patch < b.patch ? -1 : 1;
}

static void refuse(struct tt_features *f, enum tt_feature feature, const char *reason)
{
	f->has[feature] = false;
	f->refused[feature] = reason;
}

/* What programs keep per CPU must not be changed under them, so they hold preemption off, where they can. */
static void preempted_refuse(struct tt_features *f, enum tt_called_by by, enum tt_feature feature,
			     const struct tt_running *running)
{
	const struct tt_version calls = {6, 15, 0};

	if (!f->preempted[by])
		return;
	if (!f->has[TT_FEATURE_PREEMPT_DISABLE])
		refuse(f, feature, "it preempts programs, which cannot hold that off (bpf_preempt_disable, 6.10)");
	/* The verifier did not know then what such functions might do (b2bb703434bc: whether they sleep). */
	else if (version_compare(running->version, calls) < 0)
		refuse(f, feature, "it preempts programs, and one that holds that off may not call functions (before 6.15)");
}

void tt_hazards_apply(struct tt_features *f, const struct tt_running *running)
{
	for (size_t i = 0; i < TT_ARRAY_LEN(hazards); i++) {
		const struct hazard *h = &hazards[i];

		if (version_compare(running->version, h->first) >= 0 && version_compare(running->version, h->fixed) < 0)
			refuse(f, h->feature, h->reason);
	}
	const struct tt_version trampolines = {5, 11, 0}, uprobes = {6, 0, 0};
	f->preempted[TT_CALLED_BY_TRAMPOLINE] = running->preemptible && version_compare(running->version, trampolines) >= 0;
	f->preempted[TT_CALLED_BY_TRACEPOINT] &= running->preemptible;
	f->preempted[TT_CALLED_BY_UPROBE] = running->preemptible && version_compare(running->version, uprobes) >= 0;
	preempted_refuse(f, TT_CALLED_BY_TRAMPOLINE, TT_FEATURE_FEXIT, running);
	preempted_refuse(f, TT_CALLED_BY_UPROBE, TT_FEATURE_UPROBE, running);
}

/* "5.10.262", wherever in the text digits begin; what is missing is 0. */
static const char *version_take(const char *text, struct tt_version *ret)
{
	struct tt_version v = {0};
	unsigned *const parts[] = {&v.major, &v.minor, &v.patch};

	for (size_t i = 0; i < TT_ARRAY_LEN(parts); i++) {
		char *end;

		*parts[i] = (unsigned)strtoul(text, &end, 10);
		if (end == text)
			break;
		text = end;
		if (*text != '.')
			break;
		text++;
	}
	*ret = v;
	return text;
}

/* Distributions name their packages after a version and patch on: Debian tells the true one in the build, Ubuntu in a file. */
static void version_parse(const struct tt_running_texts *t, struct tt_version *ret)
{
	const char *debian = t->build ? strstr(t->build, " Debian ") : NULL;
	const char *ubuntu = t->signature ? strrchr(t->signature, ' ') : NULL;

	if (debian)
		version_take(debian + strlen(" Debian "), ret);
	else if (ubuntu)
		version_take(ubuntu + 1, ret);
	else if (t->release)
		version_take(t->release, ret);
}

/* A parameter of the kernel's command line: the value of the last word that sets it. What follows "--" is not the kernel's. */
static const char *parameter_of(const char *command, const char *name)
{
	const char *found = NULL;
	size_t len = strlen(name);

	for (const char *word = command; word && *word; word += strcspn(word, " \t")) {
		word += strspn(word, " \t");
		if (strncmp(word, "--", 2) == 0 && strcspn(word, " \t") == 2)
			break;
		if (strncmp(word, name, len) == 0 && word[len] == '=')
			found = word + len + 1;
	}
	return found;
}

static bool word_is(const char *text, const char *word)
{
	size_t len = strlen(word);

	return strncmp(text, word, len) == 0 && !(text[len] >= 'a' && text[len] <= 'z');
}

/* What it is if nobody tells it: a line of its configuration (in 5.16 and 5.17 of another name). */
static bool built_not_preempted(const char *config)
{
	static const char *const lines[] = {"CONFIG_PREEMPT_NONE=y\n", "CONFIG_PREEMPT_VOLUNTARY=y\n",
					    "CONFIG_PREEMPT_NONE_BEHAVIOUR=y\n", "CONFIG_PREEMPT_VOLUNTARY_BEHAVIOUR=y\n"};

	for (size_t i = 0; config && i < TT_ARRAY_LEN(lines); i++) {
		if (strstr(config, lines[i]))
			return true;
	}
	return false;
}

/*
 * How a kernel that can be told at boot was told; it says so itself where debugfs can be read: "none voluntary (full) lazy". Not
 * known at all: the careful answer. From 7.0 on (7dadeaa6e851) "none" and "voluntary" exist on few processors, and what is left
 * of them on the command line is passed over.
 */
static bool preempts_as_told(const struct tt_running_texts *t, struct tt_version version)
{
	const struct tt_version always = {7, 0, 0};
	const char *chosen = t->preempt ? strchr(t->preempt, '(') : NULL;
	const char *how = chosen ? chosen + 1 : parameter_of(t->command, "preempt");

	if (!chosen && version_compare(version, always) >= 0)
		return true;

	if (!how)
		return !built_not_preempted(t->config);
	return !word_is(how, "none") && !word_is(how, "voluntary");
}

void tt_running_parse(const struct tt_running_texts *t, struct tt_running *ret)
{
	*ret = (struct tt_running){0};
	version_parse(t, &ret->version);
	if (t->build && strstr(t->build, "PREEMPT_DYNAMIC"))
		ret->preemptible = preempts_as_told(t, ret->version);
	else
		ret->preemptible = !t->build || strstr(t->build, "PREEMPT");
}

static const char *file_read(const char *path, char *ret, size_t size)
{
	tt_close_auto int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, size - 1);

	if (n <= 0)
		return NULL;
	ret[n] = 0;
	ret[strcspn(ret, "\n")] = 0;
	return ret;
}

/* The lines of a configuration that are about preemption; it may be packed. */
static const char *config_read(const char *path, char *ret, size_t size)
{
	gzFile file = gzopen(path, "rbe");
	char line[256];
	size_t len = 0;

	if (!file)
		return NULL;
	ret[0] = 0;
	while (gzgets(file, line, sizeof(line))) {
		size_t n = strlen(line);

		if (strncmp(line, "CONFIG_PREEMPT", strlen("CONFIG_PREEMPT")) != 0 || len + n >= size)
			continue;
		memcpy(ret + len, line, n + 1);
		len += n;
	}
	gzclose(file);
	return len ? ret : NULL;
}

void tt_running_ask(struct tt_running *ret)
{
	char signature[256], preempt[128], command[4096], config[1024], path[128];
	struct utsname name;

	uname(&name);
	snprintf(path, sizeof(path), "/boot/config-%s", name.release);
	const struct tt_running_texts texts = {
		.release = name.release,
		.build = name.version,
		.signature = file_read("/proc/version_signature", signature, sizeof(signature)),
		.preempt = file_read("/sys/kernel/debug/sched/preempt", preempt, sizeof(preempt)),
		.command = file_read("/proc/cmdline", command, sizeof(command)),
		.config = config_read("/proc/config.gz", config, sizeof(config)) ?: config_read(path, config, sizeof(config)),
	};
	tt_running_parse(&texts, ret);
}
