// SPDX-License-Identifier: Apache-2.0
/* The words and answers of org.apache.zookeeper.server.command. */
#include "proto/zookeeper_word.h"

#include "base/own.h"

/* What the answer begins with: `#` stands for a number. NULL: nothing that is always the same. */
static const struct {
	char word[ZOOKEEPER_WORD_BYTES + 1];
	const char *answer;
} words[] = {
	{"conf", "clientPort="},
	{"cons", " /"},
	{"crst", "Connection stats reset."},
	{"dirs", "datadir_size: "},
	{"dump", "SessionTracker dump:"},
	{"envi", "Environment:"},
	{"gtmk", "#\n"},
	{"hash", NULL},
	{"icfg", NULL},
	{"isro", "null"},
	{"isro", "ro"},
	{"isro", "rw"},
	{"mntr", "zk_version\t"},
	{"ruok", "imok"},
	{"srst", "Server stats reset."},
	{"srvr", "Zookeeper version: "},
	{"stat", "Zookeeper version: "},
	{"stmk", "#\n"},
	{"sysp", "System Properties:"},
	{"wchc", "0x"},
	{"wchp", "/"},
	{"wchs", "# connections watching "},
};

/* The first behind the word itself. */
static const char not_listed[] = " is not executed because it is not in the whitelist.";
static const char not_serving[] = "This ZooKeeper instance is not currently serving requests";

static bool is_word(size_t row, struct tt_span said)
{
	return tt_span_starts(said, tt_span(words[row].word, ZOOKEEPER_WORD_BYTES));
}

bool zookeeper_word_alone(struct tt_span said)
{
	struct tt_span behind = tt_span_sub(said, ZOOKEEPER_WORD_BYTES, said.len);
	bool known = false;

	for (size_t i = 0; i < TT_ARRAY_LEN(words) && !known; i++)
		known = is_word(i, said);
	return known && (!behind.len || tt_span_eq(behind, TT_SPAN_LIT("\n")) || tt_span_eq(behind, TT_SPAN_LIT("\r")) ||
			 tt_span_eq(behind, TT_SPAN_LIT("\r\n")));
}

/* Does it begin so, or may it yet? */
static enum tt_verdict begins(struct tt_span s, const char *with)
{
	if (*with == '#') {
		size_t digits = 0;
		while (digits < s.len && s.data[digits] >= '0' && s.data[digits] <= '9')
			digits++;
		if (!digits)
			return TT_NO;
		s = tt_span_sub(s, digits, s.len);
		with++;
	}
	struct tt_span beginning = tt_span_str(with);
	if (tt_span_starts(s, beginning))
		return TT_YES;
	return tt_span_starts(beginning, s) ? TT_MAYBE : TT_NO;
}

static enum tt_verdict judge_refusal(struct tt_span word, struct tt_span s)
{
	enum tt_verdict verdict = begins(s, not_serving);
	struct tt_span named = tt_span_sub(s, 0, ZOOKEEPER_WORD_BYTES);

	if (verdict == TT_NO && tt_span_starts(word, named))
		return begins(tt_span_sub(s, named.len, s.len), not_listed);
	return verdict;
}

static enum tt_verdict judge_answer(struct tt_span word, struct tt_span s)
{
	enum tt_verdict best = judge_refusal(word, s);

	for (size_t i = 0; i < TT_ARRAY_LEN(words) && best != TT_YES; i++) {
		enum tt_verdict verdict = is_word(i, word) && words[i].answer ? begins(s, words[i].answer) : TT_NO;
		best = TT_MAX(best, verdict);
	}
	return best;
}

enum tt_verdict zookeeper_word_judge(const struct tt_first *first)
{
	struct tt_span answer = first->side[TT_RESPONSES];

	if (!answer.len)
		return first->ended[TT_RESPONSES] ? TT_NO : TT_MAYBE;
	enum tt_verdict verdict = first->from_start[TT_RESPONSES] ? judge_answer(first->side[TT_REQUESTS], answer) : TT_NO;
	return verdict == TT_MAYBE && first->ended[TT_RESPONSES] ? TT_NO : verdict;
}
