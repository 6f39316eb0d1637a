// SPDX-License-Identifier: Apache-2.0
/* For tests of the options: they describe commands and run none. */
#include "cli/commands.h"

#define TT_NO_COMMAND(name)                                                   \
	int tt_##name##_main(struct tt_config *config, int argc, char **argv) \
	{                                                                     \
		return 1;                                                     \
	}

TT_NO_COMMAND(agent)
TT_NO_COMMAND(run)
TT_NO_COMMAND(watch)
TT_NO_COMMAND(read)
TT_NO_COMMAND(doctor)
