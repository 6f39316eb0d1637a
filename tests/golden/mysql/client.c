// SPDX-License-Identifier: Apache-2.0
/* A client on MariaDB's own library, for the captures: what the command line and PyMySQL do not do. Usage: client PORT. */
#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static MYSQL *open_connection(unsigned int port)
{
	MYSQL *c = mysql_init(NULL);
	unsigned int on = 1;

	mysql_options(c, MYSQL_OPT_LOCAL_INFILE, &on);
	if (!mysql_real_connect(c, "127.0.0.1", "shop", "shop", "shop", port, NULL, CLIENT_MULTI_STATEMENTS)) {
		fprintf(stderr, "connect: %s\n", mysql_error(c));
		exit(1);
	}
	return c;
}

static MYSQL_STMT *prepare(MYSQL *c, const char *text)
{
	MYSQL_STMT *s = mysql_stmt_init(c);
	if (mysql_stmt_prepare(s, text, strlen(text)))
		fprintf(stderr, "prepare %s: %s\n", text, mysql_stmt_error(s));
	return s;
}

static void rows(MYSQL_STMT *s)
{
	while (mysql_stmt_fetch(s) == 0)
		;
	mysql_stmt_free_result(s);
}

static void select_by_number(MYSQL *c)
{
	MYSQL_STMT *s = prepare(c, "SELECT id, note FROM t WHERE id > ? ORDER BY id");

	for (int id = 0; id < 3; id++) {
		MYSQL_BIND b = {.buffer_type = MYSQL_TYPE_LONG, .buffer = &id};
		mysql_stmt_bind_param(s, &b);
		mysql_stmt_execute(s);
		rows(s);
	}
	mysql_stmt_reset(s);
	mysql_stmt_close(s);
}

static void insert_long_data(MYSQL *c)
{
	MYSQL_STMT *s = prepare(c, "INSERT INTO t (id, note) VALUES (?, ?)");
	int id = 100;
	MYSQL_BIND b[2] = {{.buffer_type = MYSQL_TYPE_LONG, .buffer = &id}, {.buffer_type = MYSQL_TYPE_BLOB}};

	mysql_stmt_bind_param(s, b);
	mysql_stmt_send_long_data(s, 1, "a long ", 7);
	mysql_stmt_send_long_data(s, 1, "value", 5);
	mysql_stmt_execute(s);
	mysql_stmt_execute(s); /* the key is there now */
	mysql_stmt_close(s);
}

static void insert_in_bulk(MYSQL *c)
{
	MYSQL_STMT *s = prepare(c, "INSERT INTO t (id) VALUES (?)");
	int ids[] = {201, 202, 203, 204};
	unsigned int n = 4;
	MYSQL_BIND b = {.buffer_type = MYSQL_TYPE_LONG, .buffer = ids};

	mysql_stmt_attr_set(s, STMT_ATTR_ARRAY_SIZE, &n);
	mysql_stmt_bind_param(s, &b);
	mysql_stmt_execute(s);
	mysql_stmt_close(s);
}

static void fetch_through_a_cursor(MYSQL *c)
{
	MYSQL_STMT *s = mysql_stmt_init(c);
	unsigned long type = CURSOR_TYPE_READ_ONLY;
	unsigned long ahead = 2;
	static const char text[] = "SELECT id FROM t ORDER BY id";

	mysql_stmt_attr_set(s, STMT_ATTR_CURSOR_TYPE, &type);
	mysql_stmt_attr_set(s, STMT_ATTR_PREFETCH_ROWS, &ahead);
	mysql_stmt_prepare(s, text, sizeof(text) - 1);
	mysql_stmt_execute(s);
	rows(s);
	mysql_stmt_close(s);
}

/* MariaDB: prepared and executed in one go, without waiting for the statement's number. */
static void execute_directly(MYSQL *c)
{
	MYSQL_STMT *s = mysql_stmt_init(c);

	mariadb_stmt_execute_direct(s, "SELECT 'directly'", 17);
	rows(s);
	mysql_stmt_close(s);
	s = mysql_stmt_init(c);
	mariadb_stmt_execute_direct(s, "SELECT nothing FROM nowhere", 27);
	mysql_stmt_close(s);
}

static void several_results(MYSQL *c)
{
	mysql_query(c, "UPDATE t SET note = 'new' WHERE id < 3; SELECT id FROM t WHERE id < 3; CALL two_results()");
	do {
		MYSQL_RES *r = mysql_store_result(c);
		if (r)
			mysql_free_result(r);
	} while (mysql_next_result(c) == 0);
}

static void load_a_file(MYSQL *c)
{
	FILE *f = fopen("rows.csv", "w");
	for (int i = 0; i < 50; i++)
		fprintf(f, "%d\tfrom a file\n", 300 + i);
	fclose(f);
	if (mysql_query(c, "LOAD DATA LOCAL INFILE 'rows.csv' INTO TABLE t"))
		fprintf(stderr, "load: %s\n", mysql_error(c));
	mysql_query(c, "LOAD DATA LOCAL INFILE 'missing.csv' INTO TABLE t");
}

static void commands(MYSQL *c)
{
	mysql_ping(c);
	mysql_stat(c);
	mysql_select_db(c, "mysql");
	mysql_select_db(c, "nowhere");
	mysql_set_server_option(c, MYSQL_OPTION_MULTI_STATEMENTS_OFF);
	MYSQL_RES *r = mysql_list_fields(c, "user", NULL);
	if (r)
		mysql_free_result(r);
	mysql_kill(c, 999999);
	mysql_dump_debug_info(c);
	mysql_refresh(c, REFRESH_STATUS);
	mysql_change_user(c, "shop", "shop", "shop");
	mysql_reset_connection(c);
	mysql_change_user(c, "shop", "wrong", "shop");
}

int main(int argc, char **argv)
{
	MYSQL *c = open_connection((unsigned int)atoi(argv[1]));

	if (argc > 2 && strcmp(argv[2], "commands") == 0) {
		several_results(c);
		load_a_file(c);
		commands(c);
	} else {
		select_by_number(c);
		insert_long_data(c);
		insert_in_bulk(c);
		fetch_through_a_cursor(c);
		execute_directly(c);
	}
	mysql_close(c);
	return 0;
}
