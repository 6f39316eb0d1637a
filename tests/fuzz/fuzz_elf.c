// SPDX-License-Identifier: Apache-2.0
/* Programs of any content: no crash, nothing read beyond the file, bounded memory. */
#include <assert.h>
#include <string.h>

#include "symbols/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_input(void *ctx, uint64_t offset, size_t most, struct tt_buf *to)
{
	const struct tt_span *input = ctx;

	return offset < input->len ? tt_buf_add(to, input->data + offset, TT_MIN(most, input->len - (size_t)offset)) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tt_functions_budget budget = {.left = 64u << 10};
	struct tt_functions f = TT_FUNCTIONS(&budget);
	struct tt_span input = tt_span(data, size);
	struct tt_elf elf;

	(void)tt_elf_read(read_input, &input, &f, &elf);
	assert(elf.segment_count <= TT_ELF_SEGMENTS_MOST && elf.build_id_len <= TT_ELF_BUILD_ID_MOST);
	assert(memchr(elf.link, 0, sizeof(elf.link)));
	for (size_t i = 0; i < elf.segment_count; i++)
		(void)tt_elf_address(&elf, elf.segments[i].offset);
	for (size_t i = 0; i < f.count; i++)
		assert(f.list[i].name < f.names.len);
	(void)tt_functions_find(&f, f.count ? f.list[f.count / 2].start : 0);
	tt_functions_free(&f);
	assert(budget.left == 64u << 10);
	return 0;
}
