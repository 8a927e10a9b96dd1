"""A creation fails, somebody mends the cause, and the same creation is retried: nothing has to be asked for again."""

import os
from typing import Any

import pytest

from tests import leftovers
from tests.awaiting import until
from tests.installation import Installation, address, sql

pytestmark = [pytest.mark.server, pytest.mark.skipif(os.geteuid() != 0, reason="fills a volume of its own")]


def operation(installed: Installation, operation_id: str) -> dict[str, Any]:
    status, answer = installed.request("GET", f"/operations/{operation_id}")
    assert status == 200, answer
    shown: dict[str, Any] = answer["operation"]
    return shown


def act(installed: Installation, operation_id: str, action: str) -> tuple[int, Any]:
    return installed.request("POST", f"/operations/{operation_id}", {action: {}})


def creation_of(installed: Installation, instance: str) -> str:
    status, answer = installed.request("GET", f"/instances/{instance}/operations")
    assert status == 200 and [row["kind"] for row in answer["operations"]] == ["create"], answer
    return str(answer["operations"][0]["id"])


def ended(installed: Installation, operation_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        shown = operation(installed, operation_id)
        return None if shown["state"] in ("asked", "running") else shown

    found: dict[str, Any] = until(look, 180, "the operation ends")
    return found


def serves_and_goes(installed: Installation, instance: str) -> None:
    """With what was asked for in the first place; and no trace of two attempts is left afterwards."""
    shown = installed.healthy(instance)
    assert "fault" not in shown
    assert sql(shown, "anna", "secret-anna", "SELECT DATABASE()", "shop") == ["shop"]
    installed.delete(instance)
    installed.gone(instance)
    assert leftovers.of_instance(installed.state, instance, address(shown)) == {}


def test_a_creation_goes_on_when_its_disk_has_room_again(installed: Installation) -> None:
    instance = installed.create("full")
    first = creation_of(installed, instance)
    volume = installed.home(instance) / "volume"
    until(lambda: os.path.ismount(volume), 60, "the volume is there", every=0.005)
    filler = volume / "filler"
    free = os.statvfs(volume).f_bavail * os.statvfs(volume).f_frsize
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - 20 * 2**20)
    failed = ended(installed, first)
    assert (failed["state"], failed["step"], failed["last_error"]["code"]) == ("failed", "prepare", "no_space"), failed
    assert act(installed, first, "cancel")[0] == 409

    filler.unlink()
    status, answer = act(installed, first, "retry")
    assert status == 202, answer
    assert act(installed, first, "retry")[0] == 409, "it is under way"
    again = ended(installed, answer["operation"]["id"])
    assert (again["state"], again["last_error"]) == ("done", None), again
    serves_and_goes(installed, instance)


def test_a_creation_that_was_called_off_goes_on(installed: Installation) -> None:
    instance = installed.create("hasty")
    first = creation_of(installed, instance)
    until(lambda: operation(installed, first)["step"] == "prepare", 60, "the guest is at work", every=0.01)
    assert act(installed, first, "cancel")[0] == 202
    assert ended(installed, first)["state"] == "cancelled"
    shown = installed.show(instance)
    assert shown is not None and shown["status"] == "ERROR" and "called the creation off" in shown["fault"]["message"]

    status, answer = act(installed, first, "retry")
    assert status == 202, answer
    assert ended(installed, answer["operation"]["id"])["state"] == "done"
    serves_and_goes(installed, instance)
