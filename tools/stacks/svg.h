/* SPDX-License-Identifier: Apache-2.0 */
/* A flame graph: one SVG file that needs nothing else. Frames say their share when pointed at, and fill the width when clicked.
 */
#ifndef TT_STACKS_SVG_H
#define TT_STACKS_SVG_H

#include "tools/stacks/fold.h"

/* `f` is sorted. `title` stands above; `unit` behind values ("samples"). What does not fit sets to->failed. */
void tt_flame_graph(const struct tt_fold *f, const char *title, const char *unit, struct tt_buf *to);

/* Text as it may stand in XML: & < > " ' escaped. It is to be valid UTF-8 without control characters (tt_symbols_clean). */
void tt_xml_text(struct tt_buf *to, const char *text, size_t len);

#endif
