# SPDX-License-Identifier: Apache-2.0
"""Java libraries for servers Debian has no package of, fetched by Maven (`mvn`) into ~/.cache/telltale-golden and kept there."""
import pathlib
import subprocess

CACHE = pathlib.Path.home() / ".cache" / "telltale-golden"
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>golden</groupId><artifactId>golden</artifactId><version>1</version><dependencyManagement><dependencies>
{}</dependencies></dependencyManagement><dependencies>
{}</dependencies></project>
"""
ROW = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>{}</dependency>\n"
LIST = "<type>pom</type><scope>import</scope>"
# Repositories that libraries name and that are gone are not asked: an empty one stands for all but Maven's own.
SETTINGS = """<settings><mirrors><mirror><id>nothing</id><mirrorOf>*,!central</mirrorOf><url>{}</url></mirror></mirrors></settings>
"""


def libraries(name, *coordinates, versions=()):
    """The class path of `group:artifact:version`s and of all they need; `versions` are lists of them (BOMs) that settle what is left open."""
    home = CACHE / name
    if not (home / "lib").is_dir():
        home.mkdir(parents=True, exist_ok=True)
        rows = ["".join(ROW.format(*c.split(":"), kind) for c in which) for which, kind in ((versions, LIST), (coordinates, ""))]
        (home / "pom.xml").write_text(POM.format(*rows))
        (home / "nothing").mkdir(exist_ok=True)
        (home / "settings.xml").write_text(SETTINGS.format((home / "nothing").as_uri()))
        subprocess.run(["mvn", "-q", "-B", "-s", "settings.xml", "dependency:copy-dependencies", "-DoutputDirectory=lib", "-DincludeScope=runtime"],
                       cwd=home, check=True)
    return f"{home}/lib/*"
