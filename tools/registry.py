#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the table of tools (tools/runner.h): registry.py OUTPUT.c README.md... A tool's name is its folder's."""
import pathlib
import re
import sys


def literal(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').split("\n")
    return "\n\t\t".join(f'"{line}\\n"' for line in escaped[:-1])


def row(path):
    name = path.parent.name
    text = path.read_text()
    paragraphs = text.split("\n\n")
    if not re.fullmatch(rf"# telltale {name}\n?", paragraphs[0]) or len(paragraphs) < 2 or not text.endswith("\n"):
        sys.exit(f"{path}: want '# telltale {name}', an empty line, and a paragraph that says what it shows")
    summary = " ".join(paragraphs[1].split()).rstrip(".").replace("\\", "\\\\").replace('"', '\\"')
    return f'\t{{"{name}", &tt_tool_{name}, "{summary}",\n\t\t{literal(text)},\n\t\ttt_{name}__elf_bytes}},\n'


def main(output, readmes):
    names = [path.parent.name for path in readmes]
    with open(output, "w", encoding="utf-8") as f:
        f.write('// SPDX-License-Identifier: Apache-2.0\n#include "shared/kernel.h"\n#include "shared/tool.h"\n#include "tools/runner.h"\n\n')
        # A skeleton names the types of the programs' variables: the tool's header has them.
        f.write("".join(f'#include "tools/{name}/{name}.h"\n#include "{name}.skel.h"\n' for name in names))
        f.write("".join(f"\nextern const struct tt_tool tt_tool_{name};" for name in names))
        f.write("\n\nconst struct tt_tool_entry tt_tools[] = {\n%s};\n\n" % "".join(row(path) for path in readmes))
        f.write("const size_t tt_tool_count = sizeof(tt_tools) / sizeof(tt_tools[0]);\n")


main(sys.argv[1], [pathlib.Path(path) for path in sys.argv[2:]])
