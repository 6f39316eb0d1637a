#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Steady traffic for the demo: about 25 requests a second, a few of them slow or failing, until it is ended or the seconds are over."""
import http.client
import itertools
import sys
import time

ROUND = ["/cart/{}"] * 16 + ["/order", "/slow", "/broken", "/cart/{}", "/nothing"]


def main():
    port, end = int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for number, path in enumerate(itertools.cycle(ROUND)):
        if time.monotonic() > end:
            return
        try:
            if path == "/order":
                connection.request("POST", path, body=b'{"item":"tea"}')
            else:
                connection.request("GET", path.format(1 + number % 40))
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            connection.close()
        time.sleep(0.03)


main()
