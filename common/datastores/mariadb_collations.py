"""MariaDB's character sets with their collations (10.11), as data.

A collation's full name is its character set's with one of these endings. Besides, the Unicode sets have the
``uca1400`` family (from 10.10 on), whose 184 members follow a rule and stand here as one.
"""

import re

from .mysqlfamily_collations import Charsets

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
    r"uca1400_((croatian|czech|danish|esperanto|estonian|german2|hungarian|icelandic|latvian|lithuanian|persian|polish"
    r"|roman|romanian|sinhala|slovak|slovenian|spanish|spanish2|swedish|turkish|vietnamese)_)?(nopad_)?a[is]_c[is]"
)
CHARSETS = Charsets("MariaDB", COLLATIONS, "utf8mb4_general_ci", _UCA1400, _UCA1400_SETS)
