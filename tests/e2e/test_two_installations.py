"""Two installations on one machine, one of an ordinary user's, side by side: neither notices the other."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests import ground, leftovers
from tests.installation import Installation, address, installation, sql

pytestmark = pytest.mark.server

ORDINARY = "trove-test-user"


@pytest.fixture
def ordinary_user() -> Iterator[str | None]:
    """The caller's own account when it is an ordinary one; else an account made for the test."""
    if os.geteuid() != 0:
        yield None
        return
    subprocess.run(["useradd", "--system", "--create-home", "--shell", "/bin/sh", ORDINARY], check=True)
    try:
        yield ORDINARY
    finally:
        subprocess.run(["userdel", "--remove", ORDINARY], check=True, capture_output=True)


def test_an_ordinary_users_installation_stands_beside_another(
        installed: Installation, ordinary_user: str | None) -> None:
    ours = installed.create("ours")
    with ground.directory(ordinary_user) as home, installation(home / "state", ordinary_user) as second:
        assert second.endpoint != installed.endpoint
        theirs = second.create("theirs")
        shown_ours, shown_theirs = installed.healthy(ours), second.healthy(theirs)
        assert address(shown_ours) != address(shown_theirs)
        for shown in (shown_ours, shown_theirs):
            assert sql(shown, "anna", "secret-anna", "SELECT DATABASE()", "shop") == ["shop"]
        assert installed.show(theirs) is None and second.show(ours) is None
        second.delete(theirs)
        second.gone(theirs)
        assert leftovers.of_instance(second.state, theirs, address(shown_theirs)) == {}
    assert leftovers.processes(str(home)) == []
    assert sql(shown_ours, "anna", "secret-anna", "SELECT 1") == ["1"]
    installed.delete(ours)
    installed.gone(ours)
