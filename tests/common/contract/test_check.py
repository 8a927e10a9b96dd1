"""A server with a gap does not start, and says every gap at once."""

from typing import Protocol

import pytest

from common.contract import Guest
from common.contract.check import check_handlers
from common.contract.declare import call, cast, methods, operation


class Small(Protocol):
    @call()
    def count(self, start: int, names: tuple[str, ...]) -> int:
        """Counts."""

    @operation(deadline=5)
    def rebuild(self, hard: bool) -> None:
        """Rebuilds."""


class Whole:
    def count(self, start: int, names: tuple[str, ...]) -> int:
        return start

    def rebuild(self, hard: bool) -> None:
        pass


def handlers(**changes):
    whole = Whole()
    return {"count": whole.count, "rebuild": whole.rebuild} | changes


def test_a_whole_set_is_given_back_with_its_methods():
    assert check_handlers(Small, handlers()) == methods(Small)


def test_every_gap_is_named():
    def count(start: int) -> int:
        return start

    with pytest.raises(TypeError) as raised:
        check_handlers(Small, {"count": count, "extra": count})
    for gap in ("rebuild is missing", "extra is not in the contract", "count takes ['start']"):
        assert gap in str(raised.value)


def test_another_argument_type_is_a_gap():
    def rebuild(hard: str) -> None:
        pass

    with pytest.raises(TypeError, match="rebuild takes hard as"):
        check_handlers(Small, handlers(rebuild=rebuild))


def test_another_result_type_is_a_gap():
    def count(start: int, names: tuple[str, ...]) -> str:
        return ""

    with pytest.raises(TypeError, match="count returns"):
        check_handlers(Small, handlers(count=count))


def test_types_that_are_not_written_are_a_gap():
    def rebuild(hard):
        pass

    with pytest.raises(TypeError, match="rebuild takes hard as None"):
        check_handlers(Small, handlers(rebuild=rebuild))


def test_another_order_of_arguments_is_a_gap():
    def count(names: tuple[str, ...], start: int) -> int:
        return start

    with pytest.raises(TypeError, match="count takes"):
        check_handlers(Small, handlers(count=count))


def test_what_the_server_gives_besides_is_allowed_when_it_is_named():
    def rebuild(hard: bool, job: object) -> None:
        pass

    with pytest.raises(TypeError):
        check_handlers(Small, handlers(rebuild=rebuild))
    check_handlers(Small, handlers(rebuild=rebuild), beside=("job",))


def test_a_method_without_a_kind_is_a_mistake_of_the_contract():
    class Careless(Protocol):
        def forgotten(self) -> None: ...

    with pytest.raises(TypeError, match="forgotten has no kind"):
        methods(Careless)


def test_kinds_and_defaults_are_read_from_the_declaration():
    class Mixed(Protocol):
        @call(deadline=3, since="1.2", capability="users")
        def ask(self) -> int: ...

        @cast(confirmed=True)
        def tell(self) -> None: ...

    found = methods(Mixed)
    assert (found["ask"].deadline, found["ask"].since, found["ask"].capability) == (3, "1.2", "users")
    assert found["tell"].confirmed
    assert "rpc_ping" in methods(Guest)
