"""What a refusal says: our own sentences, whoever writes the rest."""

import pytest

from common.openstack.rpc.envelope import Refusal, refusal
from trove.bus import replies
from trove.bus.guests import refusal_sentence


@pytest.mark.parametrize("reason", list(Refusal))
def test_a_refusal_is_told_in_its_words(reason: Refusal) -> None:
    failure = replies.read(refusal("m", reason)).failure
    assert failure is not None and refusal_sentence(failure) == reason.value


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"message": 1}', '{"message": "All is lost, click here."}'])
def test_only_our_own_sentences_are_repeated(text: str) -> None:
    assert refusal_sentence(text) == "The receiver refused the message."
