"""Quoting of names, and what patterns in grants mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.datastores.mysqlfamily import grant_pattern
from troveguest.datastores.mysqlfamily.access import granted, in_grant, opens
from troveguest.datastores.mysqlfamily.sql import Identifier

texts = st.text(st.characters(exclude_characters="\0"))


@pytest.mark.parametrize(("name", "quoted"), [
    ("a", "`a`"), ("", "``"), ("a`b", "`a``b`"), ("``", "``````"), ("a'b\"", "`a'b\"`"), ("a\\`", "`a\\```"),
    ("%s", "`%s`"),
])
def test_identifiers(name: str, quoted: str) -> None:
    assert Identifier(name).sql() == quoted


@given(texts)
def test_an_identifier_ends_where_it_ends(name: str) -> None:
    quoted = Identifier(name).sql()
    assert quoted[0] == quoted[-1] == "`"
    assert "`" not in quoted[1:-1].replace("``", "")
    assert quoted[1:-1].replace("``", "`") == name


def test_nul_is_no_part_of_an_identifier() -> None:
    with pytest.raises(ValueError, match="NUL"):
        Identifier("a\0b").sql()


@given(texts, texts)
def test_a_grant_opens_one_database(name: str, other: str) -> None:
    pattern = grant_pattern(name)
    assert granted(pattern) == name
    assert opens(pattern, name)
    assert opens(pattern, other) == (other == name)


def test_grants_are_escaped_and_quoted() -> None:
    assert in_grant("a_`b%").sql() == "`a\\_``b\\%`"


@pytest.mark.parametrize(("pattern", "database", "whether"), [
    ("a_b", "axb", True), ("a_b", "a_b", True), ("a\\_b", "axb", False), ("%", "", True), ("%", "a\nb", True),
    ("a%", "ba", False), ("a\\%", "a%", True), ("a\\%", "ab", False), ("a\\\\", "a\\", True), ("a\\", "a\\", True),
    ("_", "", False), (".*", "ab", False),
])  # fmt: skip
def test_wildcards(pattern: str, database: str, whether: bool) -> None:
    assert opens(pattern, database) is whether


@pytest.mark.parametrize(("pattern", "name"), [
    ("a", "a"), ("a_b", None), ("a%", None), ("a\\_b", "a_b"), ("\\\\_", None),
])
def test_what_a_pattern_names(pattern: str, name: str | None) -> None:
    assert granted(pattern) == name
