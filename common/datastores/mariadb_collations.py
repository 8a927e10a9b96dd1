"""MariaDB's character sets with their collations (10.11), as data.

A collation's full name is its character set's with one of these endings. Besides, the Unicode sets have the
``uca1400`` family (from 10.10 on), whose 184 members follow a rule and stand here as one.
"""

import re

from common.errors import Invalid

_UNICODE = (
    "bin croatian_ci croatian_mysql561_ci czech_ci danish_ci esperanto_ci estonian_ci general_ci general_nopad_ci"
    " german2_ci hungarian_ci icelandic_ci latvian_ci lithuanian_ci myanmar_ci nopad_bin persian_ci polish_ci roman_ci"
    " romanian_ci sinhala_ci slovak_ci slovenian_ci spanish2_ci spanish_ci swedish_ci thai_520_w2 turkish_ci"
    " unicode_520_ci unicode_520_nopad_ci unicode_ci unicode_nopad_ci vietnamese_ci"
)
_GENERAL = "bin general_ci general_nopad_ci nopad_bin"
_SWEDISH = "bin nopad_bin swedish_ci swedish_nopad_ci"

_ENDINGS = (
    ("armscii8 ascii cp1256 cp850 cp852 cp866 geostd8 greek hebrew keybcs2", _GENERAL),
    ("koi8r koi8u macce macroman utf16le", _GENERAL),
    ("cp1250", f"{_GENERAL} croatian_ci czech_cs polish_ci"),
    ("cp1251", f"{_GENERAL} bulgarian_ci general_cs ukrainian_ci"),
    ("cp1257", f"{_GENERAL} lithuanian_ci"),
    ("latin2", f"{_GENERAL} croatian_ci czech_cs hungarian_ci"),
    ("latin7", f"{_GENERAL} estonian_cs general_cs"),
    ("dec8 swe7", _SWEDISH),
    ("latin1", f"{_SWEDISH} danish_ci general_ci general_cs german1_ci german2_ci spanish_ci"),
    ("latin5", "bin nopad_bin turkish_ci turkish_nopad_ci"),
    ("hp8", "bin english_ci english_nopad_ci nopad_bin"),
    ("tis620", "bin nopad_bin thai_ci thai_nopad_ci"),
    ("big5 gb2312 gbk", "bin chinese_ci chinese_nopad_ci nopad_bin"),
    ("cp932 eucjpms sjis ujis", "bin japanese_ci japanese_nopad_ci nopad_bin"),
    ("euckr", "bin korean_ci korean_nopad_ci nopad_bin"),
    ("utf16 utf32 utf8mb4", _UNICODE),
    ("ucs2 utf8mb3", f"{_UNICODE} general_mysql500_ci"),
    ("binary", ""),
)
COLLATIONS = {charset: frozenset(endings.split()) for charsets, endings in _ENDINGS for charset in charsets.split()}
"""The endings of the collations of each character set."""

_UCA1400_SETS = frozenset({"ucs2", "utf16", "utf32", "utf8mb3", "utf8mb4"})
_UCA1400 = re.compile(
    r"((croatian|czech|danish|esperanto|estonian|german2|hungarian|icelandic|latvian|lithuanian|persian|polish|roman"
    r"|romanian|sinhala|slovak|slovenian|spanish|spanish2|swedish|turkish|vietnamese)_)?(nopad_)?a[is]_c[is]"
)


def canonical(name: str) -> str:
    """A character set or collation in lower case, with ``utf8`` spelt as what it means to MariaDB: ``utf8mb3``."""
    lower = name.lower()
    return "utf8mb3" + lower[4:] if lower == "utf8" or lower.startswith("utf8_") else lower


def belongs(collation: str, charset: str) -> bool:
    """Whether a canonical collation is one of this canonical character set's."""
    if collation == charset == "binary":
        return True
    ending = collation.removeprefix(f"{charset}_")
    if ending.startswith("uca1400_"):
        return charset in _UCA1400_SETS and _UCA1400.fullmatch(ending[8:]) is not None
    return ending != collation and ending in COLLATIONS.get(charset, ())


def is_known(collation: str) -> bool:
    """Whether some character set has this canonical collation."""
    return any(belongs(collation, charset) for charset in COLLATIONS)


def check(character_set: str | None, collate: str | None) -> None:
    """Either may be None: the server's default. Raises Invalid for an unknown one, or for two that do not fit."""
    charset = None if character_set is None else canonical(character_set)
    if charset is not None and charset not in COLLATIONS:
        raise Invalid(f"MariaDB has no character set {charset!r}.", "Choose utf8mb4, or leave it out.")
    if collate is None:
        return
    collation = canonical(collate)
    if charset is None and not is_known(collation):
        raise Invalid(f"MariaDB has no collation {collate[:80]!r}.", "Choose utf8mb4_general_ci, or leave it out.")
    if charset is not None and not belongs(collation, charset):
        raise Invalid(f"The collation {collate[:80]!r} is none of the character set {charset}.",
                      f"Choose {charset}_bin, or leave the collation out.")
