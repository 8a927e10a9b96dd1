"""What a group of settings changes."""

from trove.datastores import catalogue
from trove.domain.configurations import Change, plan, touched

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
