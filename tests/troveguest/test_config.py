"""The agent's options: each has help, and none is shown that is secret."""

from pathlib import Path

from troveguest import config, options

MINIMUM = """\
[DEFAULT]
instance_id = 8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d
datastore = fake
datastore_version = 1.0
home = /nowhere
address = 127.64.0.1
port = 3306
memory_mb = 512
"""

SECRETS = """\
[bus]
host = 127.0.0.1
username = guest-8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d
password = hunter2

[keys]
to_guest = MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=
from_guest = YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=
"""


def test_settings_and_secrets_come_from_a_directory(tmp_path: Path) -> None:
    (tmp_path / "10-instance.conf").write_text(MINIMUM)
    (tmp_path / "20-secrets.conf").write_text(SECRETS)
    found, unknown = config.load([], [tmp_path])
    assert unknown == []
    assert found.default.memory_mb == 512
    assert found.bus.password.reveal() == "hunter2"
    assert "hunter2" not in repr(found) and "MDEy" not in repr(found)


def test_each_option_has_help() -> None:
    every = [option for section in options.declared(config.Options).values() for option in section.values()]
    assert every
    assert [option.name for option in every if not option.help.endswith(".")] == []
