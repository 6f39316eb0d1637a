# SPDX-License-Identifier: Apache-2.0
"""Java libraries for servers Debian has no package of, fetched by Maven (`mvn`) into ~/.cache/telltale-golden and kept there."""
import pathlib
import subprocess

CACHE = pathlib.Path.home() / ".cache" / "telltale-golden"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>golden</groupId><artifactId>golden</artifactId><version>1</version><dependencies>
{}</dependencies></project>
"""
ROW = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>\n"


def libraries(name, *coordinates):
    """The class path of `group:artifact:version`s and of all they need."""
    home = CACHE / name
    if not (home / "lib").is_dir():
        home.mkdir(parents=True, exist_ok=True)
        (home / "pom.xml").write_text(POM.format("".join(ROW.format(*c.split(":")) for c in coordinates)))
        subprocess.run(["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"], cwd=home, check=True)
    return f"{home}/lib/*"
