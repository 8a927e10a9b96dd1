"""A creation that cannot give what was asked for says what is missing; it is never ACTIVE in silence."""

import os
import pwd
import signal
import subprocess
from pathlib import Path

import pytest

from tests.awaiting import until
from tests.installation import Installation

pytestmark = [pytest.mark.server, pytest.mark.skipif(os.geteuid() != 0, reason="becomes another account")]


def service_pid(installed: Installation, instance: str, service: str) -> int:
    try:
        return installed.service_pid(instance, service)
    except FileNotFoundError:
        return 0


def broken(installed: Installation, instance: str) -> dict | None:
    shown = installed.show(instance)
    assert shown is not None and shown["status"] != "ACTIVE", shown
    return shown if shown["status"] == "ERROR" else None


def take_a_grant_table_away(home: Path, account: str) -> bool:
    """As the account that the server trusts: without this table no account can be made or granted anything."""
    sockets = list((home / "run").glob("*.sock"))
    become = ["setpriv", "--reuid", account, "--regid", account, "--init-groups"]
    client = ["mariadb", "--no-defaults", f"--user={account}", *(f"--socket={socket}" for socket in sockets)]
    rename = "RENAME TABLE mysql.db TO mysql.db_away"
    renamed = [*become, *client, "-e", rename]
    return bool(sockets) and subprocess.run(renamed, capture_output=True, timeout=30).returncode == 0


def test_the_user_that_the_server_refuses_is_named_in_the_fault(installed: Installation) -> None:
    instance = installed.create("strict", users=("weak",))
    agent = until(lambda: service_pid(installed, instance, "agent"), 60, "the agent runs", every=0.01)
    until(lambda: service_pid(installed, instance, "database"), 60, "the server starts", every=0.01)
    os.kill(agent, signal.SIGSTOP)  # before it can make users: the server that just started is not ready yet
    try:
        account = pwd.getpwuid(os.stat(f"/proc/{agent}").st_uid).pw_name
        home = installed.home(instance)
        until(lambda: take_a_grant_table_away(home, account), 60, "the server does as its administrator says")
    finally:
        os.kill(agent, signal.SIGCONT)
    shown = until(lambda: broken(installed, instance), 120, "the creation fails")
    assert "weak" in shown["fault"]["message"], shown["fault"]
    installed.delete(instance)
    installed.gone(instance)


def test_a_full_disk_is_named_in_the_fault(installed: Installation) -> None:
    instance = installed.create("full")
    volume = installed.home(instance) / "volume"
    until(lambda: os.path.ismount(volume), 60, "the volume is there", every=0.005)
    filler = volume / "filler"
    free = os.statvfs(volume).f_bavail * os.statvfs(volume).f_frsize
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - 20 * 2**20)
    shown = until(lambda: broken(installed, instance), 180, "the creation fails")
    assert "full" in shown["fault"]["message"] or "space" in shown["fault"]["message"], shown["fault"]
    installed.delete(instance)
    installed.gone(instance)
