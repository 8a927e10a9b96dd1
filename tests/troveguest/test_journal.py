"""The journal remembers through restarts, tears and full disks, and forgets what is over."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec import Raw

from common.contract import types as t
from common.errors import Conflict, HostFailed
from troveguest import journal as journals
from troveguest.journal import Accepted, Journal, Wanted


def _order(operation_id: str, method: str = "restart") -> Accepted:
    return Accepted(operation_id=operation_id, method=method, arguments=Raw(b'{"password":"hunter2"}'),
                    accepted_at=1.0, deadline=2.0)


@contextmanager
def _opened(directory: Path) -> Iterator[Journal]:
    journal = Journal(directory)
    try:
        yield journal
    finally:
        journal.close()


def test_it_remembers_orders_results_and_what_is_wanted(tmp_path: Path) -> None:
    failure = t.Failure(code="engine_failed", message="It said no.", hint="Look.")
    with _opened(tmp_path) as journal:
        for name in ("one", "two", "three"):
            journal.accept(_order(name))
        journal.end("one", None)
        journal.end("two", failure)
        journal.mark_delivered("one")
        journal.want(Wanted(prepared_by="one", up=True))
    with _opened(tmp_path) as journal:
        assert [order.operation_id for order in journal.unfinished()] == ["three"]
        assert bytes(journal.unfinished()[0].arguments) == b'{"password":"hunter2"}'
        assert journal.undelivered() == [
            t.Ticket(operation_id="two", state=t.OperationState.FAILED, failure=failure)]
        states = {name: ticket.state.value for name in ("one", "two", "three") if (ticket := journal.ticket(name))}
        assert states == {"one": "done", "two": "failed", "three": "running"}
        assert journal.ticket("four") is None
        assert journal.wanted == Wanted(prepared_by="one", up=True)


def test_each_opening_is_counted(tmp_path: Path) -> None:
    counts = []
    for _ in range(3):
        with _opened(tmp_path) as journal:
            counts.append(journal.boot_count)
    assert counts == [1, 2, 3]


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_torn_last_line_is_dropped(tmp_path: Path, cut: int) -> None:
    with _opened(tmp_path) as journal:
        journal.accept(_order("one"))
        journal.accept(_order("two"))
    file = tmp_path / "journal"
    file.write_bytes(file.read_bytes()[:-cut])
    with _opened(tmp_path) as journal:
        assert [order.operation_id for order in journal.unfinished()] == ["one"]
        journal.accept(_order("three"))
    with _opened(tmp_path) as journal:
        assert [order.operation_id for order in journal.unfinished()] == ["one", "three"]


def test_a_line_that_somebody_changed_is_dropped_and_the_others_stay(tmp_path: Path) -> None:
    with _opened(tmp_path) as journal:
        journal.accept(_order("one"))
        journal.accept(_order("two"))
    file = tmp_path / "journal"
    *before, one, two, _ = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([*before, one[:-9] + b"A" * 9, two, b""]))
    with _opened(tmp_path) as journal:
        assert [order.operation_id for order in journal.unfinished()] == ["two"]


def test_what_is_over_is_forgotten_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "COMPACT_AFTER", 12)
    monkeypatch.setattr(journals, "REMEMBERED", 3)
    with _opened(tmp_path) as journal:
        journal.accept(_order("waiting"))
        for number in range(40):
            journal.accept(_order(f"op-{number}"))
            journal.end(f"op-{number}", None)
            if number != 20:
                journal.mark_delivered(f"op-{number}")
        assert len((tmp_path / "journal").read_bytes().splitlines()) < 25
    with _opened(tmp_path) as journal:
        assert [order.operation_id for order in journal.unfinished()] == ["waiting"]
        assert [ticket.operation_id for ticket in journal.undelivered()] == ["op-20"]
        assert journal.ticket("op-39") is not None and journal.ticket("op-5") is None


def test_two_agents_do_not_share_a_journal(tmp_path: Path) -> None:
    with _opened(tmp_path), pytest.raises(Conflict, match="Another agent"):
        Journal(tmp_path)
    with _opened(tmp_path) as journal:
        assert journal.boot_count == 2


def test_a_full_disk_refuses_new_orders_and_forgets_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, full = os.write, False

    def write(descriptor: int, data: bytes) -> int:
        if full:
            real(descriptor, data[:5])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    with _opened(tmp_path) as journal:
        journal.accept(_order("one"))
        full = True
        with pytest.raises(HostFailed, match="No space left"):
            journal.accept(_order("two"))
        journal.end("one", None)
        assert [ticket.operation_id for ticket in journal.undelivered()] == ["one"]
        full = False
        journal.accept(_order("three"))
    with _opened(tmp_path) as journal:
        assert [order.operation_id for order in journal.unfinished()] == ["one", "three"]


def test_nothing_of_an_order_is_shown(tmp_path: Path) -> None:
    assert "hunter2" not in repr(_order("one"))
    with _opened(tmp_path) as journal:
        journal.accept(_order("one"))
    assert b"hunter2" not in (tmp_path / "journal").read_bytes()


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(HostFailed, match=str(tmp_path / "none")):
        Journal(tmp_path / "none")
