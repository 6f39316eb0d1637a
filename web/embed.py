#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the page's files as the C table of src/web/assets.h: embed.py OUTPUT.c FILE..."""
import hashlib
import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def main(output, files):
    arrays, rows = [], []
    for number, path in enumerate(files):
        with open(path, "rb") as f:
            data = f.read()
        name = os.path.basename(path)
        kind = TYPES[os.path.splitext(name)[1]]
        etag = hashlib.sha256(data).hexdigest()[:16]
        url = "/" if name == "index.html" else "/" + name
        lines = [",".join(map(str, data[at:at + 32])) for at in range(0, len(data), 32)]
        arrays.append("static const uint8_t bytes_%d[] = {\n%s};\n" % (number, ",\n".join(lines)))
        rows.append('\t{"%s", "%s", "\\"%s\\"", bytes_%d, sizeof(bytes_%d)},\n' % (url, kind, etag, number, number))
    with open(output, "w") as f:
        f.write('// SPDX-License-Identifier: Apache-2.0\n#include "web/assets.h"\n\n%s\n' % "\n".join(arrays))
        f.write("const struct tt_asset tt_assets[] = {\n%s};\n\n" % "".join(rows))
        f.write("const size_t tt_asset_count = sizeof(tt_assets) / sizeof(tt_assets[0]);\n")


main(sys.argv[1], sys.argv[2:])
