// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/sched/held.bpf.h"
#include "tools/sched/programs.bpf.h"
