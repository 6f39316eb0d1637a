// SPDX-License-Identifier: Apache-2.0
#include "symbols/symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/now.h"
#include "base/own.h"
#include "symbols/debug_file.h"
#include "symbols/demangle.h"
#include "symbols/perf_map.h"

#define MAPS_MOST (256u << 10)
/* Who is looked at says how long its list of functions is: a look takes so much of it, all looks so much; a list with so many
 * lines that are none is none. */
#define PERF_PIECE (128u << 10)
#define PERF_LOOK (8u << 20)
#define PERF_MOST (64u << 20)
#define PERF_BAD_MOST 1024
/* All files of a process may make so much to be read. */
#define FILES_MOST (512u << 20)
/* What is not found is looked for anew so often; but a look's time at most one part in so many. */
#define AGAIN_NS 100000000ull
#define AGAIN_SHARE 20

/* Of a file, as it was opened; len 0: not known. */
struct stamp {
	uint8_t data[TT_SYMBOLS_STAMP_MOST];
	size_t len;
};

struct mapping {
	uint64_t start, end, offset, dev, inode;
	struct stamp stamp;
	bool refused;  /* its file is not to be had */
	uint32_t path; /* in the process's text, ended by 0 */
};

struct process {
	uint32_t pid;
	uint64_t image;
	uint64_t used, looked_ns;
	struct mapping *list;
	size_t count;
	struct tt_buf text; /* of its maps */
	uint64_t perf_at, perf_again_ns, perf_bad;
	bool perf_over;	     /* no more of its list is read */
	uint64_t files_left; /* bytes of files that may be read for it */
	struct tt_functions perf;
};

struct file {
	uint64_t dev, inode;
	struct stamp stamp;
	uint64_t used;
	struct tt_elf elf;
	struct tt_functions functions;
};

struct tt_symbols {
	const struct tt_symbols_source *source;
	void *ctx;
	struct process *processes;
	struct file *files;
	size_t process_count, processes_most, file_count, files_most;
	uint64_t clock; /* of uses */
	uint64_t share; /* of the budget, for a table */
	struct tt_functions_budget budget;
	struct tt_symbols_counts counts;
};

int tt_symbols_new(struct tt_symbols **ret, const struct tt_symbols_source *source, void *ctx, const struct tt_limits *limits)
{
	struct tt_symbols *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->source = source;
	s->ctx = ctx;
	s->processes_most = limits->value[TT_LIMIT_SYMBOL_PROCESSES];
	s->files_most = limits->value[TT_LIMIT_SYMBOL_FILES];
	s->budget.left = limits->value[TT_LIMIT_SYMBOL_BYTES];
	s->share = s->budget.left / 4;
	*ret = s;
	return 0;
}

static void process_free(struct process *p)
{
	free(p->list);
	tt_buf_free(&p->text);
	tt_functions_free(&p->perf);
}

struct tt_symbols *tt_symbols_free(struct tt_symbols *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->process_count; i++)
		process_free(&s->processes[i]);
	for (size_t i = 0; i < s->file_count; i++)
		tt_functions_free(&s->files[i].functions);
	free(s->processes);
	free(s->files);
	free(s);
	return NULL;
}

struct tt_symbols_counts tt_symbols_counts(const struct tt_symbols *s)
{
	struct tt_symbols_counts c = s->counts;

	c.no_room += s->budget.refused;
	return c;
}

/* --- room --- */

static struct tt_functions functions_new(struct tt_symbols *s, bool newest)
{
	struct tt_functions f = TT_FUNCTIONS(&s->budget);

	f.most = s->share;
	f.newest = newest;
	return f;
}

static void file_drop(struct tt_symbols *s, struct file *f)
{
	tt_functions_free(&f->functions);
	*f = s->files[--s->file_count];
}

/* The list is read from its beginning on, where it is wanted again. */
static void perf_drop(struct tt_symbols *s, struct process *p)
{
	tt_functions_free(&p->perf);
	p->perf = functions_new(s, true);
	p->perf_at = p->perf_bad = 0;
	p->perf_over = false;
}

/* So that a table may take its share: those not used for longest give way, but `own`'s. */
static void room_make(struct tt_symbols *s, const struct process *own, uint64_t bytes)
{
	while (s->budget.left < bytes) {
		struct file *file = NULL;
		struct process *process = NULL;

		for (size_t i = 0; i < s->file_count; i++) {
			if (s->files[i].functions.spent && (!file || s->files[i].used < file->used))
				file = &s->files[i];
		}
		for (size_t i = 0; i < s->process_count; i++) {
			struct process *p = &s->processes[i];
			if (p != own && p->perf.spent && (!process || p->used < process->used))
				process = p;
		}
		if (!file && !process)
			return;
		s->counts.no_room++;
		if (file && (!process || file->used < process->used))
			file_drop(s, file);
		else
			perf_drop(s, process);
	}
}

/* --- what a process has mapped --- */

/* "begin-end rwxp offset major:minor inode  path"; the path is ended by 0 where it stands. */
static bool mapping_read(struct tt_buf *text, char *line, struct mapping *ret)
{
	char *at = NULL;

	*ret = (struct mapping){0};
	ret->start = strtoull(line, &at, 16);
	if (*at != '-')
		return false;
	ret->end = strtoull(at + 1, &at, 16);
	at = *at == ' ' ? strchr(at + 1, ' ') : NULL;
	if (!at)
		return false;
	ret->offset = strtoull(at, &at, 16);
	ret->dev = strtoull(at, &at, 16) << 32;
	if (*at != ':')
		return false;
	ret->dev |= strtoull(at + 1, &at, 16);
	ret->inode = strtoull(at, &at, 10);
	at += strspn(at, " ");
	ret->path = (uint32_t)((uint8_t *)at - text->data);
	return true;
}

static int mappings_parse(struct process *p)
{
	char *next = (char *)p->text.data;
	size_t room = 0;

	p->count = 0;
	for (char *line; (line = strsep(&next, "\n"));) {
		struct mapping m;
		if (!mapping_read(&p->text, line, &m))
			continue;
		if (p->count == room) {
			room = room ? 2 * room : 32;
			struct mapping *more = reallocarray(p->list, room, sizeof(*more));
			if (!more)
				return -ENOMEM;
			p->list = more;
		}
		p->list[p->count++] = m;
	}
	return 0;
}

/* What it had stays known, where it is gone. */
static int process_look(struct tt_symbols *s, struct process *p)
{
	tt_buf_auto struct tt_buf text = TT_BUF(MAPS_MOST + 1);

	p->looked_ns = tt_now_ns();
	text.max = MAPS_MOST;
	int r = s->source->maps(s->ctx, p->pid, &text);
	if (r < 0 || !text.len)
		return r < 0 ? r : -ESRCH;
	text.max = MAPS_MOST + 1;
	if ((r = tt_buf_add_char(&text, 0)) < 0)
		return r;
	tt_buf_free(&p->text);
	p->text = text;
	text = TT_BUF(0);
	return mappings_parse(p);
}

/* A place for one more: a new one, or that of the one not used for longest. */
static struct process *process_place(struct tt_symbols *s)
{
	struct process *oldest = s->processes;

	if (s->process_count < s->processes_most) {
		struct process *more = reallocarray(s->processes, s->process_count + 1, sizeof(*more));
		if (!more)
			return NULL;
		s->processes = more;
		return &s->processes[s->process_count++];
	}
	for (size_t i = 0; i < s->process_count; i++)
		oldest = s->processes[i].used < oldest->used ? &s->processes[i] : oldest;
	s->counts.no_room++;
	process_free(oldest);
	return oldest;
}

static struct process *process_find(struct tt_symbols *s, uint32_t pid, uint64_t image)
{
	for (size_t i = 0; i < s->process_count; i++) {
		if (s->processes[i].pid == pid && (!image || s->processes[i].image == image)) {
			s->processes[i].used = ++s->clock;
			return &s->processes[i];
		}
	}
	struct process *p = process_place(s);
	if (!p)
		return NULL;
	*p = (struct process){
		.pid = pid, .image = image, .used = ++s->clock, .files_left = FILES_MOST, .perf = functions_new(s, true)};
	(void)process_look(s, p); /* one that has no maps is gone */
	return p;
}

static struct mapping *mapping_find(const struct process *p, uint64_t address)
{
	for (size_t i = 0; i < p->count; i++) {
		if (address >= p->list[i].start && address < p->list[i].end)
			return &p->list[i];
	}
	return NULL;
}

/* --- files --- */

/* What a file is read through. */
struct through {
	const struct tt_symbols *s;
	struct process *process;
	uint64_t start;
};

static int through_read(void *ctx, uint64_t offset, size_t most, struct tt_buf *to)
{
	const struct through *t = ctx;
	size_t before = to->len;

	if (most > t->process->files_left)
		return -EDQUOT;
	int r = t->s->source->file(t->s->ctx, t->process->pid, t->start, offset, most, to);
	t->process->files_left -= TT_MIN(to->len - before, most);
	return r;
}

static struct file *file_place(struct tt_symbols *s)
{
	struct file *oldest = s->files;

	if (s->file_count < s->files_most) {
		struct file *more = reallocarray(s->files, s->file_count + 1, sizeof(*more));
		if (!more)
			return NULL;
		s->files = more;
		return &s->files[s->file_count++];
	}
	for (size_t i = 0; i < s->file_count; i++)
		oldest = s->files[i].used < oldest->used ? &s->files[i] : oldest;
	s->counts.no_room++;
	tt_functions_free(&oldest->functions);
	return oldest;
}

static bool stamp_take(const struct tt_symbols *s, const struct process *p, const struct mapping *m, struct stamp *ret)
{
	tt_buf_auto struct tt_buf b = TT_BUF(sizeof(ret->data));

	*ret = (struct stamp){0};
	if (s->source->stamp(s->ctx, p->pid, m->start, &b) < 0 || !b.len)
		return false;
	memcpy(ret->data, b.data, b.len);
	ret->len = b.len;
	return true;
}

static bool stamp_same(const struct stamp *a, const struct stamp *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* False: it was not read, or is another one meanwhile: the process is gone or runs something else. */
static bool file_read(struct tt_symbols *s, struct process *p, const struct mapping *m, struct file *f)
{
	struct through t = {s, p, m->start};
	struct stamp after;

	room_make(s, p, s->share);
	int r = tt_elf_read(through_read, &t, &f->functions, &f->elf);
	s->counts.too_much += r == -EDQUOT;
	if (r == -ESRCH || r == -ENOENT || r == -EDQUOT || !stamp_take(s, p, m, &after) || !stamp_same(&after, &f->stamp))
		return false;
	if (!f->elf.whole)
		(void)tt_debug_file_read("", (const char *)p->text.data + m->path, &f->elf, &f->functions);
	return true;
}

/* One that cannot be read has no functions, and is not asked for again as long as it is remembered. */
static struct file *file_find(struct tt_symbols *s, struct process *p, struct mapping *m)
{
	if (m->refused || (!m->stamp.len && !stamp_take(s, p, m, &m->stamp))) {
		m->refused = true;
		return NULL;
	}
	for (size_t i = 0; i < s->file_count; i++) {
		if (s->files[i].inode == m->inode && s->files[i].dev == m->dev && stamp_same(&s->files[i].stamp, &m->stamp)) {
			s->files[i].used = ++s->clock;
			return &s->files[i];
		}
	}
	struct file f = {
		.dev = m->dev, .inode = m->inode, .stamp = m->stamp, .used = ++s->clock, .functions = functions_new(s, false)};
	bool read = file_read(s, p, m, &f);
	struct file *place = read ? file_place(s) : NULL;
	/* Another process that has the file may be asked. */
	m->refused = !read;
	if (!place) {
		tt_functions_free(&f.functions);
		return NULL;
	}
	*place = f;
	return place;
}

/* --- names --- */

/* How many bytes of `text` are one character of UTF-8 (RFC 3629), not a control character; 0: none. */
static size_t character(const uint8_t *text)
{
	static const struct {
		uint8_t mask, head, more;
		uint32_t least;
	} forms[] = {{0x80, 0, 0, 0x20}, {0xe0, 0xc0, 1, 0xa0}, {0xf0, 0xe0, 2, 0x800}, {0xf8, 0xf0, 3, 0x10000}};

	for (size_t i = 0; i < TT_ARRAY_LEN(forms); i++) {
		if ((*text & forms[i].mask) != forms[i].head)
			continue;
		uint32_t code = *text & (uint8_t)~forms[i].mask;
		for (size_t k = 1; k <= forms[i].more; k++) {
			if ((text[k] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (text[k] & 0x3f);
		}
		if (code < forms[i].least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) || code == 0x7f ||
		    (code & 0xfffe) == 0xfffe)
			return 0;
		return forms[i].more + 1u;
	}
	return 0;
}

int tt_symbols_clean(struct tt_buf *to, const char *name)
{
	const uint8_t *at = (const uint8_t *)name;
	int r = *at ? 0 : tt_buf_add_char(to, '?');

	while (r == 0 && *at) {
		size_t n = character(at);
		if (n == 0 || *at == ';')
			r = tt_buf_add_char(to, n ? ':' : '?');
		else
			r = tt_buf_add(to, at, n);
		at += n ? n : 1;
	}
	return r;
}

static int add_name(struct tt_buf *to, const char *name)
{
	char *plain = tt_demangle(name);
	int r;

	if (plain && strlen(plain) > TT_FUNCTION_NAME_MOST)
		plain[TT_FUNCTION_NAME_MOST] = 0;
	r = tt_symbols_clean(to, plain ? plain : name);
	free(plain);
	return r;
}

/* A piece of the list. False: there is no more for now, or for good. */
static bool perf_piece(struct tt_symbols *s, struct process *p)
{
	tt_buf_auto struct tt_buf text = TT_BUF(PERF_PIECE);
	uint64_t refused = s->budget.refused;

	if (s->source->perf_map(s->ctx, p->pid, p->perf_at, PERF_PIECE, &text) < 0 || !text.len)
		return false;
	/* A hole; or no lines at all. */
	const uint8_t *end = memchr(text.data, 0, text.len);
	size_t len = end ? (size_t)(end - text.data) : text.len;
	size_t n = tt_perf_map_parse(&p->perf, tt_span(text.data, len), &p->perf_bad);
	p->perf_at += n;
	p->perf_over = end || p->perf_bad > PERF_BAD_MOST || p->perf_at >= PERF_MOST || s->budget.refused > refused;
	s->counts.too_much += p->perf_over;
	return !p->perf_over && n && text.len == PERF_PIECE;
}

/* Code of no file: what was compiled while the program ran. */
static const char *perf_name(struct tt_symbols *s, struct process *p, uint64_t address)
{
	const char *name = tt_functions_find(&p->perf, address);
	uint64_t now = tt_now_ns(), from = p->perf_at;

	if (name || p->perf_over || now < p->perf_again_ns)
		return name;
	room_make(s, p, s->share - TT_MIN(s->share, p->perf.spent));
	/* What was added since the last look. */
	while (p->perf_at - from < PERF_LOOK && perf_piece(s, p))
		;
	name = tt_functions_find(&p->perf, address);
	uint64_t end = tt_now_ns(), pause = (end - now) * AGAIN_SHARE;
	p->perf_again_ns = end + (pause > AGAIN_NS ? pause : AGAIN_NS);
	return name;
}

static int add_place(struct tt_buf *to, const char *path, uint64_t offset)
{
	const char *slash = strrchr(path, '/');
	char name[256], text[320];

	snprintf(name, sizeof(name), "%s", slash && slash[1] ? slash + 1 : path);
	snprintf(text, sizeof(text), "[%.*s+0x%" PRIx64 "]", (int)strcspn(name, " "), name, offset);
	return tt_symbols_clean(to, text);
}

static int add_mapped(struct tt_symbols *s, struct process *p, struct mapping *m, uint64_t address, struct tt_buf *to)
{
	const char *path = (const char *)p->text.data + m->path;
	struct file *f = m->inode ? file_find(s, p, m) : NULL;
	uint64_t offset = address - m->start + m->offset, in_file = f ? tt_elf_address(&f->elf, offset) : 0;

	/* Some compile into files of memory. */
	const char *name = in_file ? tt_functions_find(&f->functions, in_file) : perf_name(s, p, address);
	if (name)
		return add_name(to, name);
	s->counts.no_function++;
	if (*path == '[') /* [vdso] */
		return tt_symbols_clean(to, path);
	return m->inode ? add_place(to, path, in_file ? in_file : offset) : tt_buf_add_str(to, "[unknown]");
}

/* The executable mapping the code lies in; NULL: none. */
static struct mapping *code_find(struct tt_symbols *s, struct process *p, uint64_t code)
{
	struct mapping *m = p ? mapping_find(p, code) : NULL;

	if (!m && p && tt_now_ns() - p->looked_ns >= AGAIN_NS && process_look(s, p) == 0)
		m = mapping_find(p, code);
	return m;
}

bool tt_symbols_is_code(struct tt_symbols *s, uint32_t pid, uint64_t image, uint64_t address, bool returned)
{
	return code_find(s, process_find(s, pid, image), returned && address ? address - 1 : address);
}

int tt_symbols_add(struct tt_symbols *s, uint32_t pid, uint64_t image, uint64_t address, bool returned, struct tt_buf *to)
{
	struct process *p = process_find(s, pid, image);
	uint64_t code = returned && address ? address - 1 : address;
	struct mapping *m = code_find(s, p, code);

	if (m)
		return add_mapped(s, p, m, code, to);
	if (!p || !p->count)
		s->counts.gone++;
	return tt_buf_add_str(to, "[unknown]");
}
