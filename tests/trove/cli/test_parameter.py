"""``trovectl parameter`` against the API."""

from tests.trove.cli.served import Served
from tests.trove.cli.typed import document, trovectl


def test_parameters_are_listed_and_shown(api: Served) -> None:
    table = trovectl("parameter", "list", "mariadb", api=api).stdout
    assert table.split()[:5] == ["NAME", "TAKES", "UNIT", "DEFAULT", "RESTART"]
    [line] = [line for line in table.splitlines() if line.startswith("max_connections ")]
    assert "10 to 100000" in line and "151" in line and "yes" not in line
    shown = trovectl("parameter", "show", "mariadb", "binlog-row-image", "--version", "10.11", api=api).stdout
    assert "MINIMAL, NOBLOB, FULL" in shown
    assert document("parameter", "show", "mariadb", "max_connections", api=api)["parameter"]["max"] == 100000
    names = [row["name"] for row in document("parameter", "list", "mariadb", api=api)["parameters"]]
    assert "sql_mode" in names and "datadir" not in names
