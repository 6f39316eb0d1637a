// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "sink/json.h"

#define TT_DOCTOR_BYTES (1u << 20)

static void tt_string(struct tt_json *j, const char *key, const char *text)
{
	tt_json_key(j, key);
	tt_json_string(j, tt_span_str(text));
}

/* An empty text is none. */
static void tt_reason(struct tt_json *j, const char *key, const char *text)
{
	tt_json_key(j, key);
	if (text[0])
		tt_json_string(j, tt_span_str(text));
	else
		tt_json_null(j);
}

static void tt_flag(struct tt_json *j, const char *key, bool v)
{
	tt_json_key(j, key);
	tt_json_bool(j, v);
}

static void tt_json_features(struct tt_json *j, const struct tt_features *features)
{
	char why[256];

	tt_json_key(j, "features");
	tt_json_array(j);
	for (size_t i = 0; i < TT_FEATURE_MAX; i++) {
		tt_json_object(j);
		tt_string(j, "name", tt_feature_rows[i].name);
		tt_string(j, "since", tt_feature_rows[i].since);
		tt_string(j, "purpose", tt_feature_rows[i].purpose);
		tt_flag(j, "present", features->has[i]);
		tt_reason(j, "refused", features->refused[i] ? features->refused[i] : "");
		tt_reason(j, "reason", tt_feature_why(features, i, why, sizeof(why)));
		tt_json_object_end(j);
	}
	tt_json_array_end(j);
}

/* All sets there are. */
static void tt_json_sets(struct tt_json *j, const struct tt_kernel_report *report)
{
	tt_json_key(j, "hook_sets");
	tt_json_array(j);
	for (size_t i = 0; i < report->set_count; i++) {
		const struct tt_hook_verdict *v = &report->sets[i];

		tt_json_object(j);
		tt_string(j, "name", v->set->name);
		tt_reason(j, "form", v->set->form ? v->set->form : "");
		tt_string(j, "cost", v->set->cost);
		tt_string(j, "state", tt_hook_state_words[v->state]);
		tt_flag(j, "tried", v->state == TT_HOOK_CHOSEN || v->state == TT_HOOK_REFUSED);
		tt_flag(j, "chosen", v->chosen);
		tt_reason(j, "reason", v->reason);
		tt_json_object_end(j);
	}
	tt_json_array_end(j);
}

static void tt_json_hook(struct tt_json *j, const struct tt_hook_row *row, bool attached, const char *reason)
{
	tt_json_object(j);
	tt_string(j, "hook", row->hook);
	tt_string(j, "program", row->program);
	tt_flag(j, "attached", attached);
	tt_reason(j, "reason", reason);
	tt_string(j, "without", row->without);
	tt_json_object_end(j);
}

/* Those of the chosen set, then those any set is used with. */
static void tt_json_hooks(struct tt_json *j, const struct tt_doctor *d)
{
	tt_json_key(j, "hooks");
	tt_json_array(j);
	for (size_t i = 0; i < d->report.set_count; i++) {
		const struct tt_hook_verdict *v = &d->report.sets[i];

		for (size_t r = 0; v->chosen && r < v->set->count; r++) {
			const struct tt_hook_row *row = &v->set->rows[r];
			bool there = d->report.features.has[row->needs];

			if (there || row->need != TT_HOOK_IF_THERE)
				tt_json_hook(j, row, there, there ? "" : "this kernel does not have it");
		}
	}
	for (size_t i = 0; d->status == 0 && i < tt_hook_common.count; i++)
		tt_json_hook(j, &tt_hook_common.rows[i], d->report.common[i].chosen, d->report.common[i].reason);
	tt_json_array_end(j);
}

/* What a call takes longer; null: not measured. */
static void tt_json_plaintext(struct tt_json *j, const struct tt_doctor *d)
{
	static const char *const keys[TT_PLAINTEXT_COSTS] = {"plaintext_call_ns", "plaintext_stepped_call_ns"};

	for (size_t i = 0; i < TT_PLAINTEXT_COSTS; i++) {
		tt_json_key(j, keys[i]);
		if (d->plaintext_ns[i])
			tt_json_u64(j, d->plaintext_ns[i]);
		else
			tt_json_null(j);
	}
}

static void tt_json_programs(struct tt_json *j, const struct tt_doctor *d)
{
	tt_json_key(j, "programs");
	tt_json_array(j);
	for (size_t i = 0; i < d->program_count; i++) {
		tt_json_object(j);
		tt_string(j, "name", d->programs[i].name);
		tt_json_key(j, "verified_instructions");
		tt_json_u64(j, d->programs[i].verified);
		tt_json_object_end(j);
	}
	tt_json_array_end(j);
}

int tt_doctor_write_json(const struct tt_doctor *d, const char *path)
{
	struct tt_buf b tt_buf_auto = TT_BUF(TT_DOCTOR_BYTES);
	struct tt_json j = tt_json(&b);

	tt_json_object(&j);
	tt_string(&j, "version", TT_VERSION);
	tt_string(&j, "kernel", d->name.release);
	tt_string(&j, "machine", d->name.machine);
	tt_flag(&j, "ready", d->status == 0);
	tt_reason(&j, "error", d->error);
	tt_doctor_json_privileges(&j);
	tt_json_features(&j, &d->report.features);
	tt_json_sets(&j, &d->report);
	tt_json_hooks(&j, d);
	tt_flag(&j, "plaintext", d->plaintext);
	tt_json_plaintext(&j, d);
	tt_json_programs(&j, d);
	tt_json_object_end(&j);
	tt_buf_add_char(&b, '\n');
	if (b.failed)
		return -ENOMEM;
	FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	if (!out)
		return -errno;
	bool whole = fwrite(b.data, 1, b.len, out) == b.len;
	int r = (out == stdout ? fflush(out) : fclose(out)) == 0 && whole ? 0 : -errno;
	return r;
}
