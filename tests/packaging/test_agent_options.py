"""The agent's options as real oslo.config ones: oslo's generator and validator find them by their entry point."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from oslo_config import cfg

from troveguest import config, options, oslo_options

CHECKOUT = Path(__file__).resolve().parents[2]
SAMPLE = CHECKOUT / "docs" / "reference" / "troveguest.conf.sample"

COMPLETE = """\
[DEFAULT]
instance_id = 8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d
datastore = mariadb
datastore_version = 10.11
home = /nowhere
address = 127.64.0.1
port = 3306
memory_mb = 512
use_json = yes
report_interval = 2.5

[bus]
host = 127.0.0.1
username = guest-8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d
password = "hunter2 $$"

[keys]
to_guest = MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=
from_guest = YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=
"""


@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """An environment in which the agent's distribution is found, with the entry points that its project declares."""
    project = tomllib.loads((CHECKOUT / "packaging" / "troveguest" / "pyproject.toml").read_text())["project"]
    information = tmp_path / "path" / f"troveguest-{project['version']}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: troveguest\nVersion: {project['version']}\n")
    lines = [line for group, points in project["entry-points"].items()
             for line in (f"[{group}]", *(f"{name} = {target}" for name, target in points.items()))]
    (information / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return {**os.environ, "PYTHONPATH": f"{CHECKOUT}:{information.parent}"}


def _tool(name: str, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / name
    return subprocess.run([program, "--namespace", "troveguest", *words], env=environment, capture_output=True,
                          text=True, check=False)


def test_the_sample_file_is_the_present_one(installed: dict[str, str]) -> None:
    done = _tool("oslo-config-generator", installed, "--wrap-width", "110")
    assert done.returncode == 0, done.stderr
    assert SAMPLE.read_text() == done.stdout


@pytest.mark.parametrize(("line", "good"), [("", True), ("nonsense = 1", False)])
def test_the_validator_knows_every_option(tmp_path: Path, installed: dict[str, str], line: str, good: bool) -> None:
    file = tmp_path / "agent.conf"
    file.write_text(f"{COMPLETE}{line}\n")
    done = _tool("oslo-config-validator", installed, "--input-file", str(file))
    assert (done.returncode == 0) is good, done.stderr
    assert ("nonsense" in done.stdout + done.stderr) is not good


def test_both_readers_read_the_same(tmp_path: Path) -> None:
    (tmp_path / "agent.conf").write_text(COMPLETE)
    conf = cfg.ConfigOpts()
    for section, opts in oslo_options.list_opts():
        conf.register_opts(opts, group=None if section == "DEFAULT" else section)
    conf(["--config-dir", str(tmp_path)], project="test", default_config_files=[], default_config_dirs=[])
    ours, unknown = config.load([], [tmp_path])
    assert unknown == []
    for section, declared in options.declared(config.Options).items():
        group, struct = conf if section == "DEFAULT" else conf[section], getattr(ours, section.lower())
        for name, option in declared.items():
            value = getattr(struct, name)
            assert group[name] == (value.reveal() if option.secret else value), name


def test_one_version_is_told_and_packaged() -> None:
    from troveguest import __version__

    project = tomllib.loads((CHECKOUT / "packaging" / "troveguest" / "pyproject.toml").read_text())["project"]
    assert __version__ == project["version"]
