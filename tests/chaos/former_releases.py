"""Releases of the past, made from their commits: the agent's, and the programs of a control plane."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from trove.releases import building, shelf, sources

CHECKOUT = Path(__file__).resolve().parents[2]


def listed() -> list[dict[str, str]]:
    """With ``commit`` and ``contract``, the newest first."""
    return tomllib.loads((CHECKOUT / "packaging" / "releases.toml").read_text())["release"]


def tree(commit: str, target: Path) -> Path:
    """What the commit has. Skips the test where this clone does not have the commit, or git."""
    git = shutil.which("git")
    if git is None or subprocess.run([git, "cat-file", "-e", f"{commit}^{{commit}}"], cwd=CHECKOUT,
                                     capture_output=True).returncode:
        pytest.skip(f"This checkout has no commit {commit[:12]}: make a clone with the history.")
    whole = subprocess.run([git, "archive", commit], cwd=CHECKOUT, capture_output=True, check=True).stdout
    target.mkdir()
    subprocess.run(["tar", "-x", "-C", target], input=whole, check=True)
    return target


def agent(checkout: Path, target: Path) -> Path:
    """Its release for this machine, built from the sources of that commit."""
    building.build(target, sources.checkout(checkout), shelf.HERE)
    return target


def control_plane(checkout: Path, target: Path) -> Path:
    """Its directory of programs, with the libraries of the present one. ``target`` is on the present one's file system.
    """
    subprocess.run(["cp", "-al", sys.prefix, str(target)], check=True)
    packages = next(target.glob("lib/python*/site-packages"))
    for name in ("trove", "common"):
        shutil.rmtree(packages / name)
        shutil.copytree(checkout / name, packages / name)
    _replace(target / "bin" / "trovectl",
             f"#!{target}/bin/python\n" + (target / "bin" / "trovectl").read_text().partition("\n")[2], 0o755)
    _replace(target / ".own", "0" * 64, 0o644)
    return target / "bin"


def _replace(file: Path, text: str, mode: int) -> None:
    """By a new file: the old one is the present release's as well."""
    file.unlink()
    file.write_text(text)
    file.chmod(mode)


