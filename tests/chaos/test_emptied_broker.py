"""The broker loses its disk: logins, queues and exchanges of all guests are gone."""

import shutil

import pytest

from tests.awaiting import until
from tests.installation import Installation

pytestmark = pytest.mark.server


def test_instances_are_reached_again_after_the_broker_lost_everything(battered: Installation) -> None:
    instance = battered.create("books")
    before = battered.healthy(instance)
    server = battered.service_pid(instance, "database")
    battered.down()
    shutil.rmtree(battered.state / "rabbit" / "var" / "data")
    battered.up()
    reached = until(lambda: battered.show(instance)["service_status_updated"] > before["service_status_updated"], 60,
                    "the agent is heard again")
    assert reached
    status, listed = battered.request("GET", f"/instances/{instance}/users")
    assert (status, [user["name"] for user in listed["users"]]) == (200, ["anna"])
    assert battered.service_pid(instance, "database") == server
    battered.delete(instance)
    battered.gone(instance)
