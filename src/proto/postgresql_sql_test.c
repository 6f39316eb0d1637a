// SPDX-License-Identifier: Apache-2.0
/* Names of statements and portals that SQL changes, or that only the server knows. */
#include "base/own.h"
#include "proto/postgresql_test.h"

#define PREPARED(name, text) \
	PARSE(name, text);   \
	SYNC;                \
	PARSED;              \
	READY
#define ASKED(text, status) \
	Q(text);            \
	TAG("OK");          \
	S('Z', status)
#define RAN(portal, name, status) \
	BIND(portal, name);       \
	EXECUTE(portal);          \
	SYNC;                     \
	BOUND;                    \
	TAG("SELECT 0");          \
	S('Z', status)
#define UNKNOWN(rq) "EXECUTE|-|OK|-|" rq "|19|in" SYSTEM "EXECUTE,db.response.returned_rows=0\n"
#define SAID(op, text, rq) DONE(op, text, rq, "14", "")

/* Names that SQL took away or gave to something else: what they stood for before did not run. */
static void forgets_names_changed_by_sql(void **state)
{
	static const struct {
		const char *text;
		bool forgets;
	} said[] = {
		{"deallocate n", true},
		{"DEALLOCATE PREPARE \"n\";", true},
		{" /* x */ Prepare N as select 2", true},
		{"select 1; deallocate all", true},
		{"discard all", true},
		{"deallocate --\nn", true},
		{"deallocate u&\"\\006e\"", true},
		{"discard plans", false},
		{"deallocate \"N\"", false},
		{"deallocate nn; close n", false},
		{"select 'a deallocate n'", false},
		{"deallocate", false},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(said); i++) {
		for (int extended = 0; extended < (strchr(said[i].text, ';') ? 1 : 2); extended++) {
			tt_script_auto struct tt_script s = {0};
			char body[64];
			size_t len = strlen(said[i].text) + 1;
			memcpy(body + 1, said[i].text, len);
			memset(body + 1 + len, 0, 2);
			body[0] = 0;

			OPEN;
			PREPARED("n", "SELECT 1");
			if (extended) {
				message(&s, TT_SAY_CLIENT, 'P', body, len + 3);
				C('B', "\0\0\0\0\0\0\0\0");
				EXECUTE("");
				SYNC;
				PARSED;
				BOUND;
			} else {
				message(&s, TT_SAY_CLIENT, 'Q', body + 1, len);
			}
			TAG("X");
			READY;
			RAN("", "n", "I");
			tt_free_auto char *lines = tt_talk(&tt_proto_postgresql, s.line);
			const char *last = strstr(lines, said[i].forgets ? UNKNOWN("24")
									 : DONE("SELECT", "SELECT 1", "24", "19", ROWS("0")));
			if (!last || last[strcspn(last, "\n") + 1])
				fail_msg("%s: %s", said[i].text, lines);
		}
	}
}

/* Which portal it is that has the name only the server knows: its Bind may have been refused. */
static void doubts_portals_bound_again(void **state)
{
	tt_script_auto struct tt_script s = {0};

	OPEN;
	PREPARED("a", "SELECT 1");
	PREPARED("b", "SELECT 2");
	ASKED("BEGIN", "T");
	RAN("p", "a", "T");
	BIND("p", "b");
	SYNC;
	ERROR("ERROR", "42P03", "exists");
	S('Z', "E");
	ASKED("ROLLBACK TO x", "T");
	EXECUTE("p");
	SYNC;
	TAG("SELECT 0");
	S('Z', "T");
	ASKED("COMMIT", "I");
	RAN("p", "b", "I"); /* no portal outlives its transaction */
	ASKED("DECLARE p CURSOR WITH HOLD FOR SELECT 3", "I");
	RAN("p", "b", "I");
#define PREPARING(text) DONE("PREPARE", text, "23", "11", "")
	CHECK(LOGGED_IN PREPARING("SELECT 1") PREPARING("SELECT 2") SAID("BEGIN", "BEGIN", "11")
		      DONE("SELECT", "SELECT 1", "26", "19",
			   ROWS("0")) "SYNC|-|42P03|42P03|20|41|" SYSTEM
				      "SYNC,db.response.status_code=42P03\n" SAID(
					      "ROLLBACK", "ROLLBACK TO x",
					      "19") "EXECUTE|-|OK|-|11|14|in" SYSTEM
						    "EXECUTE,db.response.returned_rows=0\n" SAID("COMMIT", "COMMIT", "12")
							    DONE("SELECT", "SELECT 2", "26", "19", ROWS("0"))
								    SAID("DECLARE", "DECLARE p CURSOR WITH HOLD FOR SELECT 3",
									 "45") UNKNOWN("26"));
}

TT_UNIT_TESTS(cmocka_unit_test(forgets_names_changed_by_sql), cmocka_unit_test(doubts_portals_bound_again))
