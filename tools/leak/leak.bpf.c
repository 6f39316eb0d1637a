// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tools/leak/kernel.bpf.h"
#include "tools/leak/process.bpf.h"
