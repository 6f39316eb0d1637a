// SPDX-License-Identifier: Apache-2.0
#include "cli/reload.h"

#include "cli/options.h"

/* Limits that are read whenever they are needed and that nothing was sized by. */
static const enum tt_limit tt_live_limits[] = {
	TT_LIMIT_STREAM_HOLD,
	TT_LIMIT_CONNECTION_IDLE,
	TT_LIMIT_EXCHANGE_TIMEOUT,
	TT_LIMIT_PROCESS_GRACE,
};

int tt_reload(struct tt_config *config, tt_config_text_fn text, void *ctx)
{
	struct tt_buf names tt_buf_auto = TT_BUF(4096);
	struct tt_config fresh;

	tt_config_file_from(text, ctx);
	int r = tt_options_reload(&fresh);
	if (r < 0) {
		tt_warn("the configuration stays as it was");
		return r;
	}
	for (size_t i = 0; i < TT_ARRAY_LEN(tt_live_limits); i++)
		config->limits.value[tt_live_limits[i]] = fresh.limits.value[tt_live_limits[i]];
	config->log_level = fresh.log_level;
	tt_log_set_level(config->log_level);

	tt_options_differences(config, &fresh, &names);
	if (names.len)
		tt_warn("configuration read again; at the next start only: %.*s", (int)names.len, (const char *)names.data);
	else
		tt_info("configuration read again");
	tt_config_free(&fresh);
	return 0;
}
