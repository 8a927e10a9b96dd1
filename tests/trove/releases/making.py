"""Releases whose agent is a few lines that a test gives, made for this machine."""

import os
import sys
from pathlib import Path

from trove.releases import building

HERE = building.Target("fake", "{}.{}".format(*sys.version_info), os.uname().machine)


def make(target: Path, program: str = "def main():\n    return 0\n", made_for: building.Target = HERE) -> Path:
    """``program`` is the text of ``troveguest.cli``; it has a function ``main``."""
    package = target / "lib" / "troveguest"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "cli.py").write_text(program)
    building.finish(target, version="1.2.3", contract="1.1", target=made_for, licences=[])
    return target
