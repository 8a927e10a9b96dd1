"""The next release of the control plane, made from the one under test: flows with other steps, and another schema."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

MARK = '''

@step("Marks the operation.", patience=30)
def mark(work: Work) -> None:
    with work.write() as connection:
        connection.exec_driver_sql(f"UPDATE operations SET mark = 'marked' WHERE id = '{work.operation_id}'")
'''

MIGRATION = '''"""Of the next release."""

import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = "%s"


def upgrade() -> None:
    op.add_column("operations", sa.Column("mark", sa.Text()))
'''


def make(target: Path) -> Path:
    """Its directory of programs. ``target`` is on the file system of the present one, whose files it shares."""
    subprocess.run(["cp", "-al", sys.prefix, str(target)], check=True)
    package = next(target.glob("lib/python*/site-packages")) / "trove"
    _change(target / "bin" / "trovectl", "#!.*", f"#!{target}/bin/python")
    _change(target / ".own", r"\S+", "0" * 64)
    flows = package / "taskmanager"
    _change(flows / "create.py", r"    run\(place\)\n", "    run(place)\n    run(mark)\n")  # a step in the middle,
    _change(flows / "create.py", r"\bawait_agent\b", "await_first_word")  # one of another name,
    _change(flows / "restart.py", r"    run\(turn", "    run(mark)\n    run(turn")  # one before all others,
    _change(flows / "delete.py", r"    run\(close_bus\)\n", "    run(close_bus)\n    run(mark)\n")  # one at the end
    for name in ("create", "restart", "delete"):
        _change(flows / f"{name}.py", r"\Z", MARK)
    _migrate(package / "db" / "migrations")
    return target / "bin"


def _migrate(migrations: Path) -> None:
    source = (migrations / "__init__.py").read_text()
    former, = re.findall(r'HEAD = "(\d+)"', source)
    _change(migrations / "__init__.py", f'HEAD = "{former}"', 'HEAD = "9001"')
    (migrations / "versions" / "9001_next.py").write_text(MIGRATION % former)


def _change(file: Path, pattern: str, by: str) -> None:
    """In a new file: the old one is the present release's as well."""
    text, count = re.subn(pattern, lambda _match: by, file.read_text())
    assert count, f"{file} has no {pattern}"
    aside = file.with_name(f"{file.name}.new")
    aside.write_text(text)
    shutil.copymode(file, aside)
    aside.rename(file)
