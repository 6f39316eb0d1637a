// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

const struct tt_command_row tt_commands[] = {
	{"agent", TT_COMMAND_AGENT, NULL, "observe the host (or a part of it); serve metrics, service map, API and page",
	 tt_agent_main},
	{"run", TT_COMMAND_RUN, "-- COMMAND [ARGUMENT]...", "observe one command and its descendants until it ends", tt_run_main},
	{"watch", TT_COMMAND_WATCH, NULL, "show exchanges as they happen, one line each", tt_watch_main},
	{"read", TT_COMMAND_READ, "FILE...", "read captures (pcap, pcapng) and recordings; - is standard input", tt_read_main},
	{"doctor", TT_COMMAND_DOCTOR, NULL, "say what this kernel offers, which hooks are chosen and why", tt_doctor_main},
	{0},
};
