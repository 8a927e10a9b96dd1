"""Releases whose agent is a few lines that a test gives."""

from pathlib import Path

from trove.providers import release


def make(target: Path, program: str = "def main():\n    return 0\n") -> Path:
    """``program`` is the text of ``troveguest.cli``; it has a function ``main``."""
    package = target / "lib" / "troveguest"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "cli.py").write_text(program)
    information = target / "lib" / "troveguest-1.2.3.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: troveguest\nVersion: 1.2.3\n")
    release.finish(target)
    return target
