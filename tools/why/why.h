/* SPDX-License-Identifier: (Apache-2.0 OR GPL-2.0-only) */
/* The two sides of `telltale why` agree on what those of `telltale sched` do. */
#ifndef TT_WHY_H
#define TT_WHY_H

#include "tools/sched/sched.h"

#endif
