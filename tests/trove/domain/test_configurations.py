"""What a group of settings changes."""

import pytest

from trove.datastores import catalogue
from trove.domain.configurations import Change, plan, standing, touched
from trove.domain.states import Task

MARIADB = catalogue("mariadb", "10.11")
WITHOUT = {"max_connections": "102", "wait_timeout": "28800"}


def test_a_plan_says_what_is_live_and_what_wants_a_restart() -> None:
    assert plan(MARIADB, {}, {"max_connections": "200", "innodb_log_buffer_size": "4194304"}, WITHOUT) == (
        Change("innodb_log_buffer_size", None, "4194304", live=False),
        Change("max_connections", "102", "200", live=True))


def test_what_is_dropped_goes_back_to_what_there_is_without_it() -> None:
    assert plan(MARIADB, {"max_connections": "200", "wait_timeout": "60"}, {"wait_timeout": "60"}, WITHOUT) == (
        Change("max_connections", "200", "102", live=True),)


def test_what_is_so_already_is_no_change() -> None:
    assert plan(MARIADB, {}, {"max_connections": "102"}, WITHOUT) == ()
    assert touched({"a": "1"}, {"b": "2"}) == {"a", "b"}


@pytest.mark.parametrize(("task", "has", "due", "waiting", "said"), [
    (Task.NONE, "200", False, False, "in_force"), (Task.RESTARTING, "200", False, False, "in_force"),
    (Task.NONE, "200", False, True, "restart_required"), (Task.NONE, "100", False, True, "different"),
    (Task.RESTART_FAILED, "100", False, False, "different"), (Task.RESTARTING, "100", True, True, "pending"),
    (Task.CONFIGURING, "200", False, False, "pending"), (Task.BUILDING, "200", False, False, "pending"),
    (Task.BUILD_FAILED, "200", False, False, "pending")])
def test_an_instance_says_how_far_its_group_has_come(task: Task, has: str, due: bool, waiting: bool, said: str) -> None:
    found = standing(task, {"max_connections": has}, {"max_connections": "200"}, due=due, waiting=waiting)
    assert found.value == said
