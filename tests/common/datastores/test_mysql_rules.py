"""Where MySQL's manifest takes and refuses otherwise than MariaDB's."""

import pytest

from common.datastores.mariadb import MANIFEST as MARIADB
from common.datastores.mysql import MANIFEST
from common.errors import Invalid, Refused


@pytest.mark.parametrize(("name", "word"), [("x" * 33, "at most 32"), (" a", "begins with a blank")])
def test_user_names_that_mariadb_alone_takes(name: str, word: str) -> None:
    MARIADB.check_user(name, "%")
    with pytest.raises(Invalid, match=word) as caught:
        MANIFEST.check_user(name, "%")
    assert "MySQL" in caught.value.message


def test_a_password_has_an_end() -> None:
    MANIFEST.check_password("ä" * 128)
    MARIADB.check_password("ä" * 129)
    with pytest.raises(Invalid, match="256 bytes"):
        MANIFEST.check_password("ä" * 129)


@pytest.mark.parametrize(("name", "is_a_file"), [
    ("undo_001", True), ("undo001", False), ("mysql_upgrade_history", True)])
def test_the_servers_files_are_no_databases(name: str, is_a_file: bool) -> None:
    if is_a_file:
        MARIADB.check_database(name)
        with pytest.raises(Refused):
            MANIFEST.check_database(name)
    else:
        MANIFEST.check_database(name)


@pytest.mark.parametrize(("charset", "collation", "fits"), [
    ("utf8mb4", "utf8mb4_0900_ai_ci", True), (None, "utf8mb4_zh_0900_as_cs", True), ("utf8", "utf8_general_ci", True),
    ("utf8mb4", "utf8mb4_uca1400_ai_ci", False), (None, "utf8mb4_general_nopad_ci", False),
    ("utf8mb3", "latin1_bin", False), ("gb18030", None, True), ("klingon", None, False), ("binary", "binary", True),
])
def test_character_sets(charset: str | None, collation: str | None, fits: bool) -> None:
    if fits:
        MANIFEST.check_charset(charset, collation)
        return
    with pytest.raises(Invalid):
        MANIFEST.check_charset(charset, collation)
