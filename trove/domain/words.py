"""What others say in a text of their own choosing, as it may be kept and shown."""

import re
from collections.abc import Callable

_STEERING = re.compile("[^\n\t\x20-\x7e\xa0-\u200d\u2010-\u2027\u202f-\u2065\u206a-\U0010ffff]")
"""What moves a cursor, changes colours, ends a string of C, or turns the direction of writing."""


def visible(text: str, written: Callable[[str], str] = lambda sign: sign.encode("unicode_escape").decode()) -> str:
    """With each sign that would steer a terminal ``written`` out (``\\x1b``); line ends and tabs stay."""
    return _STEERING.sub(lambda found: written(found[0]), text)


def plain(text: str, most: int) -> str:
    """The same in one line of at most ``most`` characters, cut where it is longer."""
    line = visible(" ".join(text[:most + 1].split()))
    return line if len(line) <= most else f"{line[:most - 1]}…"
