"""What others say may be shown: it steers no terminal, forges no line and does not go on for ever."""

import pytest

from trove.domain.words import plain, visible


@pytest.mark.parametrize(("said", "shown"), [
    ("All is well.", "All is well."),
    ("one\r\n two\tthree", "one two three"),
    ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
    ("nul\x00 del\x7f csi\x9b31m", "nul\\x00 del\\x7f csi\\x9b31m"),
    ("user\u202egnp.exe", "user\\u202egnp.exe"),
    ("é 日本 \U0001f600", "é 日本 \U0001f600"),
    ("", ""),
])
def test_one_line_without_what_steers(said: str, shown: str) -> None:
    assert plain(said, 100) == shown


@pytest.mark.parametrize("said", ["x" * 10**6, "\x1b" * 10**6, "a b " * 10**5])
def test_it_is_cut(said: str) -> None:
    shown = plain(said, 50)
    assert len(shown) <= 50 and shown.isprintable()


def test_lines_and_tabs_of_a_table_stay() -> None:
    assert visible("a\tb\n\x1b") == "a\tb\n\\x1b"
