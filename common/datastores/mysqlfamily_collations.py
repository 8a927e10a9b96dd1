"""Which character sets and collations go together in the MySQL family. On instances the server itself knows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from common.errors import Invalid

_NONE = re.compile("(?!)")


def canonical(name: str) -> str:
    """A character set or collation in lower case, with ``utf8`` spelt as what it means to the servers: ``utf8mb3``."""
    lower = name.lower()
    return "utf8mb3" + lower[4:] if lower == "utf8" or lower.startswith("utf8_") else lower


@dataclass(frozen=True)
class Charsets:
    """``collations`` has by character set the endings of its collations' names; those of ``ruled`` sets may also end as
    ``rule`` has it. ``proposed`` is a collation for who named one that there is not."""

    title: str
    collations: Mapping[str, frozenset[str]]
    proposed: str
    rule: re.Pattern[str] = _NONE
    ruled: frozenset[str] = frozenset()

    def belongs(self, collation: str, charset: str) -> bool:
        """Whether a canonical collation is one of this canonical character set's."""
        if collation == charset == "binary":
            return True
        ending = collation.removeprefix(f"{charset}_")
        if charset in self.ruled and self.rule.fullmatch(ending):
            return True
        return ending != collation and ending in self.collations.get(charset, ())

    def check(self, character_set: str | None, collate: str | None) -> None:
        """Either may be None: the server's default. Raises Invalid for an unknown one, or for two that do not fit."""
        charset = None if character_set is None else canonical(character_set)
        if charset is not None and charset not in self.collations:
            raise Invalid(f"{self.title} has no character set {charset!r}.", "Choose utf8mb4, or leave it out.")
        if collate is None:
            return
        collation = canonical(collate)
        if charset is None and not any(self.belongs(collation, each) for each in self.collations):
            raise Invalid(f"{self.title} has no collation {collate[:80]!r}.",
                          f"Choose {self.proposed}, or leave it out.")
        if charset is not None and not self.belongs(collation, charset):
            raise Invalid(f"The collation {collate[:80]!r} is none of the character set {charset}.",
                          f"Choose {charset}_bin, or leave the collation out.")
