/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which file a bio belongs to, and that file's name. */
#ifndef TT_IO_FILE_BPF_H
#define TT_IO_FILE_BPF_H

#include "tools/tool.bpf.h"

#include "lib/args.h"
#include "tools/io/io.h"
#include "tools/io/types.bpf.h"

TT_TOOL_CONFIG(struct tt_io_config);

#define TT_MODE_TYPE 0170000
#define TT_MODE_BLOCK 0060000
/* Low bits of a page's mapping: the page is no file's. */
#define TT_MAPPING_NO_FILE 3ull
/* Higher than any page's address, lower than any mask a page's compound_info holds instead of one. */
#define TT_COMPOUND_MASKS 0xffffffff00000000ull

/* A pointer field as a plain number, which may be compared, masked and kept. */
#define TT_ADDRESS(type, ptr, field) tt_read_word((const void *)((__u64)(ptr) + bpf_core_field_offset(type, field)))

struct {
	__uint(type, TT_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct tt_io_file);
	__type(value, struct tt_io_names);
} tt_io_files SEC(".maps");

/* Scratch, one a CPU: process context only. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tt_io_names);
} tt_io_works SEC(".maps");

/* The whole of the pages the first of which this may be. */
TT_INLINE __u64 tt_page_head(__u64 page)
{
	/* Before 5.18 `page` is a pointer to the verifier, which may not be masked: that stands where no such kernel comes. */
	if (bpf_core_field_exists(((struct page___info *)0)->compound_info)) {
		__u64 info = TT_ADDRESS(struct page___info, page, compound_info);
		if (info & 1 && info >= TT_COMPOUND_MASKS)
			return page & info;
		return info & 1 ? info - 1 : page;
	}
	__u64 head = TT_ADDRESS(struct page___io, page, compound_head);
	return head & 1 ? head - 1 : page;
}

TT_INLINE __u64 tt_folio_mapping(__u64 folio)
{
	if (bpf_core_type_exists(struct folio___io))
		return TT_ADDRESS(struct folio___io, folio, mapping);
	return TT_ADDRESS(struct page___io, folio, mapping);
}

TT_INLINE __u64 tt_folio_index(__u64 folio)
{
	if (bpf_core_type_exists(struct folio___io))
		return TT_READ(struct folio___io, folio, index);
	return TT_READ(struct page___io, folio, index);
}

/* Fills in which file an inode is. */
TT_INLINE void tt_file_of(struct tt_io_file *file, __u64 inode)
{
	if ((TT_READ(struct inode___io, inode, i_mode) & TT_MODE_TYPE) == TT_MODE_BLOCK) {
		file->kind = TT_IO_FILE_DISK;
		file->dev = TT_READ(struct inode___io, inode, i_rdev);
		return;
	}
	__u64 sb = TT_ADDRESS(struct inode___io, inode, i_sb);
	file->kind = TT_IO_FILE;
	file->ino = TT_READ(struct inode___io, inode, i_ino);
	file->dev = TT_READ(struct super_block___io, sb, s_dev);
	file->generation = TT_READ(struct inode___io, inode, i_generation);
}

/* --- its name --- */

/* One of the names it has. 0: it has none. */
TT_INLINE __u64 tt_inode_dentry(__u64 inode)
{
	__u64 alias = TT_ADDRESS(struct inode___io, inode, i_dentry.first);

	if (!alias)
		return 0;
	if (bpf_core_field_exists(((struct dentry___io *)0)->d_u))
		return alias - bpf_core_field_offset(struct dentry___io, d_u.d_alias);
	return alias - bpf_core_field_offset(struct dentry___bare, d_alias);
}

TT_INLINE void tt_names_read(struct tt_io_names *n, __u64 dentry)
{
	n->dentry = dentry;
	n->name_hash = TT_READ(struct dentry___io, dentry, d_name.hash_len);
	n->count = 0;
	n->cut = 1;
	for (int i = 0; i < TT_IO_NAMES_MOST; i++) {
		__u64 parent = TT_ADDRESS(struct dentry___io, dentry, d_parent);
		if (!parent || parent == dentry) {
			n->cut = 0;
			break;
		}
		__u64 name = TT_ADDRESS(struct dentry___io, dentry, d_name.name);
		if (bpf_probe_read_kernel_str(n->name[i], TT_IO_NAME_LEN, (const void *)name) < 0)
			tt_failed(TT_PLACE_KERNEL_READ);
		n->count = i + 1;
		dentry = parent;
	}
}

/* Sees to it that the user side finds the name the file has now. */
TT_INLINE void tt_file_name(struct tt_io_file *file, __u64 inode)
{
	struct tt_io_names *n = bpf_map_lookup_elem(&tt_io_files, file);
	bool deleted = TT_READ(struct inode___io, inode, i_nlink) == 0;
	__u64 dentry = tt_inode_dentry(inode);
	__u32 cpu = bpf_get_smp_processor_id();

	if (n && (!dentry || (n->dentry == dentry && n->name_hash == TT_READ(struct dentry___io, dentry, d_name.hash_len)))) {
		n->deleted = deleted;
		return;
	}
	n = bpf_map_lookup_elem(&tt_io_works, &cpu);
	if (!n)
		return;
	n->dentry = n->name_hash = n->count = 0;
	n->deleted = deleted;
	n->cut = 0;
	if (dentry)
		tt_names_read(n, dentry);
	bpf_map_update_elem(&tt_io_files, file, n, BPF_ANY);
}

/* --- whose bytes a bio moves --- */

struct tt_io_found {
	__u64 inode; /* 0: not known */
	__u64 index; /* of the first page, where the bytes are those of the page cache */
	bool cached;
};

/* A direct request of iomap says which file it is for, whoever submits it. */
TT_INLINE __u64 tt_bio_iomap_inode(__u64 bio)
{
	if (!tt_tool_config.iomap_end || TT_ADDRESS(struct bio___io, bio, bi_end_io) != tt_tool_config.iomap_end)
		return 0;
	__u64 dio = TT_ADDRESS(struct bio___io, bio, bi_private);
	__u64 iocb = TT_ADDRESS(struct iomap_dio___io, dio, iocb);
	__u64 file = TT_ADDRESS(struct kiocb___io, iocb, ki_filp);
	return TT_ADDRESS(struct file___io, file, f_inode);
}

/* The file whose descriptor the call in flight has as its first argument, if that call does such a thing. */
TT_INLINE __u64 tt_call_file(enum tt_io_call want)
{
	if (!tt_tool_config.has_task_regs)
		return 0;
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u64 number = TT_ARG_NUMBER(regs);
	if (number >= TT_IO_CALL_NUMBERS || tt_tool_config.call[number] != want || tt_is_compat(task))
		return 0;
	__u32 fd = TT_ARG1(regs);
	__u64 files = TT_ADDRESS(struct task_struct, task, files);
	if (!files)
		return 0;
	__u64 fdt = TT_ADDRESS(struct files_struct, files, fdt);
	if (fd >= TT_READ(struct fdtable, fdt, max_fds))
		return 0;
	__u64 slots = TT_ADDRESS(struct fdtable, fdt, fd);
	return tt_read_word((const void *)(slots + 8ull * fd));
}

TT_INLINE struct tt_io_found tt_bio_file(__u64 bio, bool user, enum tt_io_op op)
{
	struct tt_io_found found = {};

	found.inode = tt_bio_iomap_inode(bio);
	if (found.inode)
		return found;
	__u64 called = user ? tt_call_file(op == TT_IO_READ ? TT_IO_CALL_READ : TT_IO_CALL_WRITE) : 0;
	if (op == TT_IO_READ || op == TT_IO_WRITE) {
		__u64 vec = TT_ADDRESS(struct bio___io, bio, bi_io_vec);
		if (!vec)
			return found;
		vec += TT_READ(struct bio___io, bio, bi_iter.bi_idx) * sizeof(struct bio_vec);
		__u64 page = TT_ADDRESS(struct bio_vec___io, vec, bv_page);
		__u64 folio = page ? tt_page_head(page) : 0;
		__u64 mapping = folio ? tt_folio_mapping(folio) : 0;
		if (mapping && !(mapping & TT_MAPPING_NO_FILE)) {
			found.inode = TT_ADDRESS(struct address_space___io, mapping, host);
			found.index = tt_folio_index(folio);
			found.cached = true;
			return found;
		}
	}
	if (called)
		found.inode = TT_ADDRESS(struct file___io, called, f_inode);
	return found;
}

#endif
