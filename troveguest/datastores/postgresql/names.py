"""Values and names in SQL. Of all that comes from outside, nothing gets into a statement but through these two."""

from common.errors import Invalid


class Identifier:
    """A name that stands in SQL as an identifier. Takes any text that the rules let through."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def sql(self) -> str:
        """Between double quotes, where only the double quote is special. Raises Invalid."""
        return '"' + _checked(self.name).replace('"', '""') + '"'


def literal(value: str) -> str:
    """Between single quotes, where only the single quote is special (``standard_conforming_strings``, which every
    session of ours sets). Raises Invalid."""
    return "'" + _checked(value).replace("'", "''") + "'"


def _checked(text: str) -> str:
    """Raises Invalid for what ends the statement's text, or cannot be sent."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise Invalid(f"The text {text[:80]!r} holds a NUL or half a character, which PostgreSQL cannot keep.")
    return text
