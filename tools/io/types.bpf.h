/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's types of block I/O and files, as far as these programs read them; relocated when they are loaded, like those of
 * bpf/vmlinux. ___io tells them from other parts of the same types there.
 */
#ifndef TT_IO_TYPES_BPF_H
#define TT_IO_TYPES_BPF_H

#include "lib/prog.h"

/* uapi/linux/bpf.h */
enum { TT_MAP_TYPE_LRU_HASH = 9 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct super_block___io {
	u32 s_dev;
};

struct hlist_node___io {
	struct hlist_node___io *next;
};

struct hlist_head___io {
	struct hlist_node___io *first;
};

struct inode___io {
	umode_t i_mode;
	unsigned int i_nlink;
	u32 i_rdev;
	u32 i_generation;
	unsigned long i_ino;
	struct super_block___io *i_sb;
	struct hlist_head___io i_dentry;
};

struct qstr___io {
	u64 hash_len;
	const unsigned char *name;
};

struct dentry___io {
	struct dentry___io *d_parent;
	struct qstr___io d_name;
	union {
		struct hlist_node___io d_alias;
	} d_u;
};

/* Should d_u lose its name. */
struct dentry___bare {
	struct hlist_node___io d_alias;
};

struct address_space___io {
	struct inode___io *host;
};

/* Pages of a file are folios since 5.16; before, the same was said of the first page. */
struct folio___io {
	struct address_space___io *mapping;
	unsigned long index;
};

struct page___io {
	struct address_space___io *mapping;
	unsigned long index;
	unsigned long compound_head;
};

/* Its name where it may hold a mask (7.1). */
struct page___info {
	unsigned long compound_info;
};

struct file___io {
	struct inode___io *f_inode;
	unsigned int f_flags;
};

struct kiocb___io {
	struct file___io *ki_filp;
};

/* A direct request of the file systems that use iomap: private to it. */
struct iomap_dio___io {
	struct kiocb___io *iocb;
};

struct request_queue___io {
	const void *mq_ops;
};

struct gendisk___io {
	int major;
	int first_minor;
	struct request_queue___io *queue;
};

struct block_device___io {
	struct gendisk___io *bd_disk;
};

struct bvec_iter___io {
	u64 bi_sector;
	unsigned int bi_size;
	unsigned int bi_idx;
};

struct bio_vec___io {
	struct page___io *bv_page;
};

struct bio___io {
	struct bio___io *bi_next;
	struct block_device___io *bi_bdev;
	unsigned int bi_opf;
	u8 bi_status;
	struct bvec_iter___io bi_iter;
	void *bi_end_io;
	void *bi_private;
	struct bio_vec___io *bi_io_vec;
};

/* Before 5.12. */
struct bio___disk {
	struct gendisk___io *bi_disk;
};

struct request___io {
	struct bio___io *bio;
	u64 __sector;
	unsigned int __data_len;
};

#pragma clang attribute pop

#endif
