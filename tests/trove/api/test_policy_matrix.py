"""Each rule and each request, with the tokens of five people: the page says what they are answered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trove.api import matrix
from tests.trove.api.world import make_store
from trove.api import policy
from trove.db.store import Store

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "policy-matrix.md"
OWN_RULES = {policy.ADMIN: ("403", "403", "yes", "403", "401"), policy.ANYBODY: ("yes", "yes", "yes", "yes", "401")}
"""By who is let through, what each of the people is answered."""


@pytest.fixture(scope="module")
def own_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = make_store(tmp_path_factory.mktemp("matrix"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def rows(own_store: Store) -> list[matrix.Row]:
    return list(matrix.ask(own_store))


def test_each_request_asks_a_rule_and_each_rule_is_asked(rows: list[matrix.Row]) -> None:
    assert [row.call.words for row in rows if not row.rules] == []
    assert {rule for row in rows for rule in row.rules} == set(policy.RULES)


def test_everybody_is_answered_as_the_rule_says(rows: list[matrix.Row]) -> None:
    for row in rows:
        told = tuple(row.answers[person] for person in matrix.PEOPLE)
        wanted = OWN_RULES.get(policy.RULES[row.rules[0]])
        if wanted is None:
            owned = any(part in row.call.path for part in matrix.OWNED)
            stranger = "404" if owned else "403" if "{owner}" in row.call.path else "yes"
            wanted = ("yes", "yes", "yes", stranger, "401")
        assert told == wanted, row.call.words


def test_the_page_is_the_present_one(rows: list[matrix.Row]) -> None:
    assert PAGE.read_text() == matrix.text(rows), "run packaging/policy_matrix.py"
