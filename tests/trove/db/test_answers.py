"""Claims of requests with an Idempotency-Key, on both stores."""

import threading

import pytest

from common.errors import Conflict, OverQuota
from common.secret import Secret
from tests.trove.world import wanted
from trove.db.answers import Answer, Answers, UnderWay, name
from trove.db.commands import Commands
from trove.db.store import Store

ONCE = name("p", "key")


def test_of_many_claims_at_once_one_is_granted(store: Store) -> None:
    answers, begun, granted, refused = Answers(store), threading.Barrier(4), list[int](), list[int]()

    def claim(number: int) -> None:
        begun.wait(20)
        try:
            assert answers.claim(ONCE, b"request") is None
            granted.append(number)
        except UnderWay:
            refused.append(number)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(granted), len(refused)) == (1, 3)


def test_an_answer_is_kept_and_another_request_refused(store: Store) -> None:
    answers, answer = Answers(store), Answer(200, Secret("text"))
    assert answers.claim(ONCE, b"request") is None
    answers.keep(ONCE, answer)
    assert answers.claim(ONCE, b"request") == Answers(store).claim(ONCE, b"request") == answer
    with pytest.raises(Conflict, match="another request"):
        answers.claim(ONCE, b"another")


def test_the_claim_of_a_former_life_is_taken_over(store: Store) -> None:
    assert Answers(store).claim(ONCE, b"request") is None
    answers = Answers(store)
    assert answers.claim(ONCE, b"request") is None
    with pytest.raises(UnderWay):
        answers.claim(ONCE, b"request")


def test_an_answer_that_could_not_be_kept_holds_nobody_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Answers(store)
    for end in (lambda: answers.keep(ONCE, Answer(200, Secret("text"))), lambda: answers.release(ONCE)):
        assert answers.claim(ONCE, b"request") is None
        with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
            patch.setattr(store, "write", lambda: _raise(OSError("full")))
            end()
        assert answers.claim(ONCE, b"request") is None
        answers.release(ONCE)


def test_a_claim_that_another_life_took_over_is_its_own(store: Store) -> None:
    former, later = Answers(store), Answers(store)
    assert former.claim(ONCE, b"request") is None
    assert later.claim(ONCE, b"request") is None
    former.release(ONCE)
    former.keep(ONCE, Answer(200, Secret("former")))
    later.keep(ONCE, answer := Answer(202, Secret("later")))
    assert former.claim(ONCE, b"request") == answer


def test_a_refused_creation_leaves_the_key_free(store: Store, commands: Commands) -> None:
    answers = Answers(store)
    assert answers.claim(ONCE, b"request") is None
    with pytest.raises(OverQuota):
        commands.create_instance("p", wanted(volume_gb=1000), request_id="r", once=ONCE)
    answers.release(ONCE)
    assert answers.claim(ONCE, b"another") is None


def test_what_is_done_under_a_claim_is_not_done_again(store: Store, commands: Commands) -> None:
    """Also when its answer could not be made: the claim outlives the release."""
    answers = Answers(store)
    assert answers.claim(ONCE, b"request") is None
    made = commands.create_instance("p", wanted(), request_id="r", once=ONCE)
    answers.release(ONCE)
    assert answers.claim(ONCE, b"request") is None
    assert commands.create_instance("p", wanted(), request_id="r", once=ONCE) == made
    assert len(commands.list_instances("p").items) == 1


def _raise(error: Exception) -> None:
    raise error
