"""MySQL's character sets with their collations (9.7), as data. A collation's full name is its character set's with one
of these endings."""

from .mysqlfamily_collations import Charsets

_UNICODE = (
    "bin croatian_ci czech_ci danish_ci esperanto_ci estonian_ci general_ci german2_ci hungarian_ci icelandic_ci"
    " latvian_ci lithuanian_ci persian_ci polish_ci roman_ci romanian_ci sinhala_ci slovak_ci slovenian_ci spanish2_ci"
    " spanish_ci swedish_ci turkish_ci unicode_520_ci unicode_ci vietnamese_ci"
)
_LANGUAGES = "bg bs cs da de_pb eo es es_trad et gl hr hu is la lt lv mn_cyrl nb nn pl ro ru sk sl sr_latn sv tr vi"
_UCA_900 = " ".join((
    "0900_ai_ci 0900_as_ci 0900_as_cs 0900_bin ja_0900_as_cs ja_0900_as_cs_ks zh_0900_as_cs",
    *(f"{language}_0900_{strength}" for language in _LANGUAGES.split() for strength in ("ai_ci", "as_cs")),
))
_GENERAL = "bin general_ci"

_ENDINGS = (
    ("armscii8 ascii cp1256 cp850 cp852 cp866 geostd8 greek hebrew keybcs2", _GENERAL),
    ("koi8r koi8u macce macroman utf16le", _GENERAL),
    ("cp1250", f"{_GENERAL} croatian_ci czech_cs polish_ci"),
    ("cp1251", f"{_GENERAL} bulgarian_ci general_cs ukrainian_ci"),
    ("cp1257", f"{_GENERAL} lithuanian_ci"),
    ("latin2", f"{_GENERAL} croatian_ci czech_cs hungarian_ci"),
    ("latin7", f"{_GENERAL} estonian_cs general_cs"),
    ("dec8 swe7", "bin swedish_ci"),
    ("latin1", f"{_GENERAL} danish_ci general_cs german1_ci german2_ci spanish_ci swedish_ci"),
    ("latin5", "bin turkish_ci"),
    ("hp8", "bin english_ci"),
    ("tis620", "bin thai_ci"),
    ("big5 gb2312 gbk", "bin chinese_ci"),
    ("gb18030", "bin chinese_ci unicode_520_ci"),
    ("cp932 eucjpms sjis ujis", "bin japanese_ci"),
    ("euckr", "bin korean_ci"),
    ("utf16 utf32", _UNICODE),
    ("ucs2", f"{_UNICODE} general_mysql500_ci"),
    ("utf8mb3", f"{_UNICODE} general_mysql500_ci tolower_ci"),
    ("utf8mb4", f"{_UNICODE} {_UCA_900}"),
    ("binary", ""),
)
COLLATIONS = {charset: frozenset(endings.split()) for charsets, endings in _ENDINGS for charset in charsets.split()}
"""The endings of the collations of each character set."""

CHARSETS = Charsets("MySQL", COLLATIONS, "utf8mb4_0900_ai_ci")
