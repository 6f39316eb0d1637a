// SPDX-License-Identifier: Apache-2.0
#include "sink/sqlnorm.h"

#include <stdlib.h>

#include "harness/unit.h"

struct sql_case {
	const char *in;
	const char *out;
};

static void check(struct tt_sql_rules rules, const struct sql_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		tt_buf_auto struct tt_buf b = TT_BUF(4096);
		assert_int_equal(tt_sql_normalise(&b, tt_span_str(cases[i].in), &rules), 0);
		assert_true(b.len <= strlen(cases[i].in));
		assert_int_equal(tt_buf_add_char(&b, 0), 0);
		assert_string_equal((char *)b.data, cases[i].out);
	}
}

static void normalises_nothing(void **state)
{
	tt_buf_auto struct tt_buf b = TT_BUF(16);
	assert_int_equal(tt_sql_normalise(&b, tt_span(NULL, 0), &(struct tt_sql_rules){.dialect = TT_SQL_TSQL}), 0);
	assert_int_equal(b.len, 0);
}

static void normalises_common_sql(void **state)
{
	static const struct sql_case cases[] = {
		{"", ""},
		{"SELECT 1", "SELECT ?"},
		{"SELECT  a,\n\tb FROM t1 WHERE id=42;", "SELECT a, b FROM t1 WHERE id=?"},
		{"SELECT * FROM t WHERE a = 'it''s' AND b='x'", "SELECT * FROM t WHERE a = ? AND b=?"},
		{"SELECT * FROM t WHERE a IN (1,2, 3)", "SELECT * FROM t WHERE a IN (?)"},
		{"SELECT * FROM t WHERE a IN (SELECT b FROM u WHERE c IN (1, 2))",
		 "SELECT * FROM t WHERE a IN (SELECT b FROM u WHERE c IN (?))"},
		{"INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y'),(3,'z')", "INSERT INTO t (a, b) VALUES (?)"},
		{"SELECT f(1), g(2, x)", "SELECT f(?), g(?, x)"},
		{"SELECT (1) + (2)", "SELECT (?) + (?)"},
		{"SELECT -- hush\n 1 /* and 'this' */ + 2", "SELECT ? + ?"},
		{"/* app:web */ SELECT a/**/b", "SELECT a b"},
		{"SELECT 1.5e-3, .5, 0xFF, 1e10, 2nd", "SELECT ?, ?, ?, ?, ?"},
		{"WHERE a + -5 > 0 AND b - -5 > 0 AND c*-5 > d / -5", "WHERE a + ? > ? AND b - ? > ? AND c*? > d / ?"},
		{"WHERE a = -1 AND b=-2 AND c - 3 > +4 AND d IN (-1, 2)", "WHERE a = ? AND b=? AND c - ? > ? AND d IN (?)"},
		{"SELECT X'ff', N'name', b'01', _utf8'x'", "SELECT ?, ?, ?, ?"},
		{"SELECT a WHERE b = ? AND c IN (?, ?)", "SELECT a WHERE b = ? AND c IN (?)"},
		{"COMMIT ; ", "COMMIT"},
		{"SELECT caf\xc3\xa9 FROM t", "SELECT caf\xc3\xa9 FROM t"},
		{"SELECT COUNT(*) FROM t", "SELECT COUNT(*) FROM t"},
		{"))((", "))(("},
	};

	for (int dialect = TT_SQL_STANDARD; dialect <= TT_SQL_POSTGRESQL; dialect++)
		check((struct tt_sql_rules){.dialect = dialect}, cases, TT_ARRAY_LEN(cases));
}

static void knows_mysql(void **state)
{
	static const struct sql_case cases[] = {
		{"SELECT 'a\\'b', \"c\\\"d\", `e``f`", "SELECT ?, ?, `e``f`"},
		{"SELECT 'a\\\\', secret", "SELECT ?, secret"},
		{"SELECT 1 # it's over\n, 2", "SELECT ? , ?"},
		{"SELECT 5--1", "SELECT ?--?"},
		{"SELECT 5-- 'x'", "SELECT ?"},
		{"/*!40101 SET NAMES utf8 */", "SET NAMES utf8"},
		{"SELECT a.*/*it's*/ FROM t WHERE b='x'", "SELECT a.* FROM t WHERE b=?"},
		{"SET @x$y = 'v'", "SET @x$y = ?"},
		{"SELECT /*+ HINT */ 1", "SELECT ?"},
	};
	check((struct tt_sql_rules){TT_SQL_MYSQL, TT_QUOTING_BACKSLASH, false}, cases, TT_ARRAY_LEN(cases));
}

static void knows_postgresql(void **state)
{
	static const struct sql_case cases[] = {
		{"SELECT \"Col\"\"x\", 'C:\\', 'y'", "SELECT \"Col\"\"x\", ?, ?"},
		{"SELECT E'a'\n'b\\'c', 'd' 'e'", "SELECT ?, ? ?"},
		{"SELECT E'it\\'s', e'\\\\', 'z'", "SELECT ?, ?, ?"},
		{"SELECT $$a 'b' c$$, $fn$ x $$ y $fn$, $1, $23", "SELECT ?, ?, ?, ?"},
		{"SELECT U&'d\\0061t', U&\"d\"", "SELECT ?, U&\"d\""},
		{"SELECT 1 /* a /* nested 'x' */ b */ + 2", "SELECT ? + ?"},
		{"SELECT a#>'{x}'", "SELECT a#>?"},
		{"SELECT x::int, '5'::int", "SELECT x::int, ?::int"},
		{"SELECT a$b FROM t", "SELECT a$b FROM t"},
	};
	check((struct tt_sql_rules){TT_SQL_POSTGRESQL, TT_QUOTING_PLAIN, false}, cases, TT_ARRAY_LEN(cases));
}

static void knows_cql_and_clickhouse(void **state)
{
	static const struct sql_case cql[] = {
		{"SELECT a FROM t // user hunter2 asked", "SELECT a FROM t"},
		{"SELECT a FROM t // 'x\nWHERE b='C:\\' AND c=$$it's$$", "SELECT a FROM t WHERE b=? AND c=?"},
	};
	static const struct sql_case clickhouse[] = {
		{"SELECT 'it\\'s', `a\\`b` --it's\n, 2 # it's", "SELECT ?, `a\\`b` , ?"},
		{"SELECT $a$it's$a$ /* /* ' */ ' */", "SELECT ?"},
	};
	check((struct tt_sql_rules){.dialect = TT_SQL_CQL}, cql, TT_ARRAY_LEN(cql));
	check((struct tt_sql_rules){.dialect = TT_SQL_CLICKHOUSE}, clickhouse, TT_ARRAY_LEN(clickhouse));
}

static void knows_tsql(void **state)
{
	static const struct sql_case cases[] = {
		{"SELECT [a'], ' hunter2 ', [b']", "SELECT [a'], ?, [b']"},
		{"SELECT [a]]'b], 'x', [c d].[e]", "SELECT [a]]'b], ?, [c d].[e]"},
		{"SELECT \"x''y\", 'it\"s', N'z\\'", "SELECT ?, ?, ?"},
		{"/* /* ' */ */ SELECT 'x' , 'y'", "SELECT ? , ?"},
		{"/* /* x */ hunter2 */ SELECT 1", "SELECT ?"},
		{"SELECT $12.5, $action, #t.a FROM #t", "SELECT ?, $action, #t.a FROM #t"},
		{"SELECT @v = a FROM t WHERE b = @p AND c = @@ROWCOUNT", "SELECT @v = a FROM t WHERE b = @p AND c = @@ROWCOUNT"},
		{"EXEC sp_x @p = \"hunter2\"", "EXEC sp_x @p = ?"},
		{"EXEC sp_x @p = hunter2, @q = @r OUTPUT", "EXEC sp_x @p = ?, @q = @r OUTPUT"},
		{"EXEC p .5, hunter2", "EXEC p ?, ?"},
		{"exec @rc = [a b].dbo.sp_x hunter2, show, DEFAULT", "exec @rc = [a b].dbo.sp_x ?, ?, DEFAULT"},
		{"sp_who hunter2", "sp_who ?"},
		{"[sp_who] [hunter2]", "[sp_who] ?"},
		{"EXEC a 'x' SELECT b FROM t EXECUTE c hunter2", "EXEC a ? SELECT b FROM t EXECUTE c ?"},
		{"EXEC ('SELECT a'); SELECT b FROM t", "EXEC (?); SELECT b FROM t"},
		{"EXECUTE AS LOGIN = 'x'; SELECT b", "EXECUTE AS LOGIN = ?; SELECT b"},
		{"GRANT EXECUTE ON p TO bob", "GRANT EXECUTE ON p TO bob"},
	};
	check((struct tt_sql_rules){.dialect = TT_SQL_TSQL}, cases, TT_ARRAY_LEN(cases));
}

/* What the quotes stand for is not known, or the text is not what its writer meant: no literal comes out under any reading. */
static void hides_what_is_doubtful(void **state)
{
	static const struct {
		struct tt_sql_rules rules;
		struct sql_case sql;
	} cases[] = {
		{{TT_SQL_MYSQL, TT_QUOTING_PLAIN, false}, {"UPDATE u SET dir='C:\\' , pw='ZZ'", "UPDATE u SET dir=? , pw=?"}},
		{{TT_SQL_MYSQL, TT_QUOTING_UNKNOWN, false},
		 {"UPDATE u SET a='x', dir='C:\\' , pw='ZZ'", "UPDATE u SET a=?, dir=?"}},
		{{TT_SQL_MYSQL, TT_QUOTING_UNKNOWN, false}, {"UPDATE u SET a='x\\\\', b='\\n'", "UPDATE u SET a=?, b=?"}},
		{{TT_SQL_POSTGRESQL, TT_QUOTING_BACKSLASH, false},
		 {"UPDATE u SET n='it\\'s', pw='ZZ'", "UPDATE u SET n=?, pw=?"}},
		{{TT_SQL_POSTGRESQL, TT_QUOTING_UNKNOWN, false}, {"UPDATE u SET n='it\\'s', pw='ZZ'", "UPDATE u SET n=?"}},
		{{TT_SQL_STANDARD, TT_QUOTING_UNKNOWN, false}, {"UPDATE u SET n='it\\'s', pw='ZZ'", "UPDATE u SET n=?"}},
		/* An apostrophe that was not doubled. */
		{{TT_SQL_POSTGRESQL, TT_QUOTING_PLAIN, false},
		 {"UPDATE u SET i=1, name='O'Brien', pw='ZZ'", "UPDATE u SET i=?, name=?"}},
		{{TT_SQL_POSTGRESQL, TT_QUOTING_PLAIN, false},
		 {"UPDATE u SET name='O'Brien', s='it's', pw='ZZ'", "UPDATE u SET name=?"}},
		{{TT_SQL_MYSQL, TT_QUOTING_BACKSLASH, false}, {"SET name='rock 'ZZ' roll'", "SET name=?"}},
		{{TT_SQL_MYSQL, TT_QUOTING_BACKSLASH, false}, {"SET name=N'a' ZZ', b='c'", "SET name=?"}},
		{{TT_SQL_MYSQL, TT_QUOTING_BACKSLASH, true}, {"SET i=1, name='a' ZZ 'b'", "SET i=?"}},
		{{TT_SQL_MYSQL, TT_QUOTING_BACKSLASH, true}, {"SELECT a FROM t WHERE ZZ", "SELECT a FROM t WHERE ZZ"}},
		/* A value without its quotes, or in a name's. */
		{{TT_SQL_POSTGRESQL, TT_QUOTING_PLAIN, true},
		 {"SELECT * FROM u WHERE pw = \"ZZ\"", "SELECT * FROM u WHERE pw = ?"}},
		{{TT_SQL_POSTGRESQL, TT_QUOTING_PLAIN, true},
		 {"SELECT * FROM u WHERE pw LIKE ZZ", "SELECT * FROM u WHERE pw LIKE ?"}},
		{{TT_SQL_POSTGRESQL, TT_QUOTING_PLAIN, true}, {"INSERT INTO u VALUES (1, ZZ)", "INSERT INTO u VALUES ?"}},
		{{TT_SQL_POSTGRESQL, TT_QUOTING_PLAIN, true}, {"SELECT f(ZZ)", "SELECT f(?"}},
		{{TT_SQL_POSTGRESQL, TT_QUOTING_PLAIN, true}, {"/* ZZ */ ZZ", "?"}},
		{{TT_SQL_POSTGRESQL, TT_QUOTING_PLAIN, true}, {"SELECT a; ZZ", "SELECT a; ?"}},
		{{TT_SQL_MYSQL, TT_QUOTING_BACKSLASH, true}, {"CREATE USER a IDENTIFIED BY ZZ", "CREATE USER a IDENTIFIED BY ?"}},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++)
		check(cases[i].rules, &cases[i].sql, 1);
}

/* What SET gives a parameter may be a bare word, or a name in quotes. */
static void hides_what_is_set(void **state)
{
	static const struct sql_case postgresql[] = {
		{"set my.token = ZZ", "set my.token = ?"},
		{"SET LOCAL my.token TO ZZ, ZZ ; SELECT a = b", "SET LOCAL my.token TO ?, ? ; SELECT a = b"},
		{"SET SESSION \"my\".token = \"ZZ\"", "SET SESSION \"my\".token = ?"},
		{"set x = ZZ ZZ.\"ZZ\"", "set x = ?.?"},
		{"ALTER ROLE bob IN DATABASE d SET my.token TO ZZ", "ALTER ROLE bob IN DATABASE d SET my.token TO ?"},
		{"alter system set \"a\".b = ZZ", "alter system set \"a\".b = ?"},
		{"CREATE FUNCTION f() RETURNS int SET my.token = ZZ AS 'x'",
		 "CREATE FUNCTION f() RETURNS int SET my.token = ? ?"},
		{"/* x */ SET my.token = ZZ -- x", "SET my.token = ?"},
		{"BEGIN; SET my.token TO ZZ; UPDATE t SET a = b", "BEGIN; SET my.token TO ?; UPDATE t SET a = b"},
		/* No parameter is set. */
		{"UPDATE t SET a = b, c = d", "UPDATE t SET a = b, c = d"},
		{"ALTER TABLE t RENAME a TO b", "ALTER TABLE t RENAME a TO b"},
		{"CREATE TABLE t (a int REFERENCES u ON DELETE SET NULL, CHECK (a = b))",
		 "CREATE TABLE t (a int REFERENCES u ON DELETE SET NULL, CHECK (a = b))"},
		{"ALTER TABLE t ALTER a SET DATA TYPE b USING c = d", "ALTER TABLE t ALTER a SET DATA TYPE b USING c = d"},
		{"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"},
	};
	static const struct sql_case mysql[] = {
		{"SET GLOBAL a.b = ZZ, @@session.c := ZZ", "SET GLOBAL a.b = ?, @@session.c := ?"},
		{"SET x = `ZZ`; SELECT `a` = b", "SET x = ?; SELECT `a` = b"},
		{"SET @a = @b, c = f(d, e), g = ZZ", "SET @a = @b, c = f(d, e), g = ?"},
		{"SET @a = (SELECT b FROM c WHERE d = e)", "SET @a = (SELECT b FROM c WHERE d = e)"},
		{"/*!40101 SET x = ZZ */;SET NAMES utf8, y = ZZ", "SET x = ? ;SET NAMES utf8, y = ?"},
		{"SET STATEMENT a = ZZ FOR UPDATE t SET b = c", "SET STATEMENT a = ? FOR UPDATE t SET b = c"},
		{"INSERT INTO t SET a = b", "INSERT INTO t SET a = b"},
	};

	check((struct tt_sql_rules){TT_SQL_POSTGRESQL, TT_QUOTING_PLAIN, false}, postgresql, TT_ARRAY_LEN(postgresql));
	check((struct tt_sql_rules){.dialect = TT_SQL_STANDARD}, postgresql, TT_ARRAY_LEN(postgresql));
	check((struct tt_sql_rules){TT_SQL_MYSQL, TT_QUOTING_BACKSLASH, false}, mysql, TT_ARRAY_LEN(mysql));
}

/* However a statement is cut, no byte of its literals comes out. */
static void leaks_nothing_when_cut(void **state)
{
	static const struct {
		enum tt_sql_dialect dialect;
		const char *sql;
	} cases[] = {
		{TT_SQL_MYSQL, "INSERT INTO t VALUES ('ZZ\\'ZZ', \"ZZ\"\"ZZ\", 'ZZ''ZZ', _utf8'ZZ') # ZZ"},
		{TT_SQL_MYSQL, "SELECT a /* ZZ */ FROM t -- ZZ"},
		{TT_SQL_POSTGRESQL, "INSERT INTO t VALUES (E'ZZ\\'ZZ', 'ZZ''ZZ', $$ZZ$$, $q$ZZ$ZZ$q$, U&'ZZ', X'ZZ')"},
		{TT_SQL_POSTGRESQL, "SELECT a /* ZZ /* ZZ */ ZZ */ FROM t -- ZZ"},
		{TT_SQL_STANDARD, "INSERT INTO t VALUES ('ZZ''ZZ', N'ZZ')"},
		{TT_SQL_POSTGRESQL, "SET \"a\".b = ZZ, \"ZZ\" ; ALTER ROLE c SET d TO ZZ"},
		{TT_SQL_MYSQL, "SET a = ZZ, b = `ZZ`, @c := ZZ"},
		{TT_SQL_TSQL, "INSERT [a']]'] VALUES ('ZZ''ZZ', N'ZZ', \"ZZ'ZZ\") /* ZZ /* ' */ ZZ */ EXEC p ZZ, @a = [ZZ]"},
	};

	for (size_t i = 0; i < TT_ARRAY_LEN(cases); i++) {
		for (size_t len = 0; len <= strlen(cases[i].sql); len++) {
			tt_buf_auto struct tt_buf b = TT_BUF(4096);
			tt_free_auto char *copy = malloc(len + 1); /* so that a read past the cut is found */
			memcpy(copy, cases[i].sql, len);
			assert_int_equal(
				tt_sql_normalise(&b, tt_span(copy, len), &(struct tt_sql_rules){.dialect = cases[i].dialect}), 0);
			assert_null(b.len ? memchr(b.data, 'Z', b.len) : NULL);
		}
	}
}

static void survives_any_bytes(void **state)
{
	unsigned seed = 1;
	for (int round = 0; round < 3000; round++) {
		static const char alphabet[] = "'\"`[]\\$()?,-/*#;eE1 x\n\xff_&U!M";
		char text[40];
		size_t len = (size_t)(rand_r(&seed) % (int)sizeof(text));
		for (size_t i = 0; i < len; i++)
			text[i] = alphabet[rand_r(&seed) % (int)(sizeof(alphabet) - 1)];
		for (int dialect = TT_SQL_STANDARD; dialect < TT_SQL_DIALECTS; dialect++) {
			tt_buf_auto struct tt_buf b = TT_BUF(len + 1); /* not a byte more than it may need */
			assert_int_equal(tt_sql_normalise(&b, tt_span(text, len),
							  &(struct tt_sql_rules){.dialect = dialect, .refused = round & 1}),
					 0);
			assert_true(b.len <= len);
		}
	}
}

TT_UNIT_TESTS(cmocka_unit_test(normalises_nothing), cmocka_unit_test(normalises_common_sql), cmocka_unit_test(knows_mysql),
	      cmocka_unit_test(knows_postgresql), cmocka_unit_test(knows_cql_and_clickhouse), cmocka_unit_test(knows_tsql),
	      cmocka_unit_test(hides_what_is_doubtful), cmocka_unit_test(hides_what_is_set),
	      cmocka_unit_test(leaks_nothing_when_cut), cmocka_unit_test(survives_any_bytes))
