"""The command: what it answers, what it refuses, and how little the resident agent loads."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.contract import CONTRACT_VERSION
from troveguest import __version__, cli

GAP = 78


def _write(directory: Path, extra: str = "") -> Path:
    (directory / "10-instance.conf").write_text(f"""\
[DEFAULT]
instance_id = 8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d
datastore = fake
datastore_version = 1.0
home = {directory}
address = 127.64.0.1
port = 3306
memory_mb = 512
host = fake
{extra}
[bus]
host = 127.0.0.1
username = guest-8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d
password = hunter2
[keys]
to_guest = MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=
from_guest = YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=
""")
    return directory


def test_it_tells_its_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["version"]) == 0
    assert capsys.readouterr().out == f"trove-guestagent {__version__}, contract {CONTRACT_VERSION}\n"


@pytest.mark.parametrize("words", [[], ["help"], ["--help"]])
def test_every_command_is_in_the_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    usage = capsys.readouterr().out
    assert [name for name in cli.COMMANDS if name not in ("help", "--help", "-h") and name not in usage] == []


def test_an_unknown_command_is_refused_with_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve"]) == cli.USAGE_FAULT
    assert "'serve'" in capsys.readouterr().err


def test_a_good_configuration_passes_the_check(tmp_path: Path) -> None:
    assert cli.main(["check", "--config-dir", str(_write(tmp_path))]) == 0
    assert cli.main(["check", f"--config-file={tmp_path}/10-instance.conf"]) == 0


@pytest.mark.parametrize(("extra", "words"), [
    ("volume = large", ["10-instance.conf", "[DEFAULT]", "volume"]),
    ("report_interval = never", ["report_interval", "'never'", "at least 0.1 and at most 60"]),
])
def test_a_bad_configuration_is_named(
        tmp_path: Path, extra: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--config-dir", str(_write(tmp_path, extra))]) == GAP
    said = capsys.readouterr().err
    assert [word for word in words if word not in said] == [] and "hunter2" not in said


@pytest.mark.parametrize("words", [["--config"], ["--config-dir"], ["somewhere"]])
def test_an_argument_that_means_nothing_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", *words]) == GAP
    assert words[0] in capsys.readouterr().err


def test_the_agent_does_not_start_without_a_state_directory(tmp_path: Path) -> None:
    ended = _python("from troveguest import cli; import sys; sys.exit(cli.main(['run', '--config-dir', sys.argv[1]]))",
                    str(_write(tmp_path)))
    assert ended.returncode == 1
    assert str(tmp_path / "state") in ended.stderr and "Traceback" not in ended.stderr


def test_the_resident_agent_loads_only_what_it_uses(tmp_path: Path) -> None:
    """Everything that ``run`` loads before it makes its parts."""
    ended = _python("""
import sys
from troveguest import cli, spare
spare.pathlib()
from troveguest import config, service
config.load([], [__import__("pathlib").Path(sys.argv[1])])
from troveguest.host import runit
print(*sys.modules)
""", str(_write(tmp_path)))
    loaded = set(ended.stdout.split())
    assert "troveguest.service" in loaded, ended.stderr
    unwanted = {"trove", "troveguest.place", "troveguest.datastores.fake", "troveguest.datastores.mariadb",
                "troveguest.host.fake", "troveguest.support", "common.findings",
                "argparse", "asyncio", "email", "http", "importlib.metadata", "ipaddress",
                "oslo_config", "pymysql", "random", "secrets", "subprocess", "tempfile", "unicodedata",
                "urllib.parse", "nacl.bindings", "cryptography"}
    assert unwanted & loaded == set()


@pytest.mark.parametrize("command", ["doctor", "run", "preflight"])
def test_libraries_of_another_python_are_said_to_be_that(tmp_path: Path, command: str) -> None:
    ended = _python("import sys; sys.modules['msgspec'] = None\n"
                    "from troveguest import cli; sys.exit(cli.main(sys.argv[1:]))", command)
    assert ended.returncode == 1 and "cannot be used by Python 3." in ended.stderr and "Traceback" not in ended.stderr


def test_what_pathlib_was_spared_comes_when_it_is_needed() -> None:
    ended = _python("from troveguest import spare; spare.pathlib(); import pathlib, sys;"
                    "before = 'urllib.parse' in sys.modules; print(before, pathlib.Path('/a b').as_uri())")
    assert ended.stdout == "False file:///a%20b\n", ended.stderr


def _python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run([sys.executable, "-S", "-c", code, *arguments], env=environment, capture_output=True,
                          text=True, timeout=60, check=False)
