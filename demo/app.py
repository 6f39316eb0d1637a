#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small shop: reads carts from MariaDB, caches in Redis. `/slow` waits in the database, `/broken` asks it for a table that is not there."""
import argparse
import http.server
import json
import threading

import pymysql
import redis


class Shop:
    def __init__(self, args):
        self.args = args
        self.local = threading.local()

    def database(self):
        if not hasattr(self.local, "database"):
            self.local.database = pymysql.connect(host="127.0.0.1", port=self.args.mariadb, user="shop", password="shop", database="shop",
                                                  autocommit=True)
        return self.local.database

    def cache(self):
        if not hasattr(self.local, "cache"):
            self.local.cache = redis.Redis(port=self.args.redis)
        return self.local.cache

    def query(self, sql, *values):
        with self.database().cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()

    def cart(self, number):
        key = f"cart:{number}"
        known = self.cache().get(key)
        if known:
            return json.loads(known)
        rows = self.query("SELECT item, amount FROM carts WHERE id = %s", number)
        if not rows:
            return None
        self.cache().setex(key, 1, json.dumps(rows))
        return rows


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes
    shop = None

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        try:
            if self.path.startswith("/cart/"):
                cart = self.shop.cart(int(self.path.removeprefix("/cart/")))
                self.answer(200 if cart else 404, cart)
            elif self.path == "/slow":
                self.answer(200, self.shop.query("SELECT SLEEP(0.3)"))
            elif self.path == "/broken":
                self.answer(200, self.shop.query("SELECT * FROM no_such_table WHERE secret = 'x'"))
            else:
                self.answer(404, None)
        except (pymysql.Error, redis.RedisError) as error:
            self.answer(500, {"error": type(error).__name__})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.shop.query("INSERT INTO orders (note) VALUES (%s)", "demo")
        self.answer(201, {"ordered": True})

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mariadb", type=int, required=True)
    parser.add_argument("--redis", type=int, required=True)
    args = parser.parse_args()
    Handler.shop = Shop(args)
    http.server.ThreadingHTTPServer(("127.0.0.1", args.port), Handler).serve_forever()


main()
