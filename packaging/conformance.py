"""Draws ``docs/reference/conformance.md`` from a run of the agent's suite: what each engine did on which real server.

``.venv/bin/python packaging/conformance.py [REPORT …]`` reads JUnit reports, by default the one that ``bin/test``
leaves. A test holds the page against the conformance kit.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from common import datastores  # noqa: E402
from troveguest import conformance as kit  # noqa: E402

PAGE = CHECKOUT / "docs" / "reference" / "conformance.md"
REPORT = CHECKOUT / "build" / "test" / "guest.xml"
ENGINE_OF = {"MariaDB": "mariadb", "MySQL": "mysql", "PostgreSQL": "postgresql", "Redis": "redis", "Valkey": "redis"}
"""By the name of the server."""
_BEHAVIOUR = re.compile(r"test_(?:life|serving)\[(.+)\]")
_HEAD = """\
# Conformance

Written by `packaging/conformance.py` from the report of `bin/test`; a test fails when the kit has another capability or
behaviour than this page. The kit (`troveguest/conformance/`) has behaviours that every engine must show, as far as it
has the capability; each was shown on real servers, whose versions stand in the table. Where an engine lacks a
capability (`-`), REST answers from its manifest and asks no agent.

"""


@dataclass
class Shown:
    """What one server was seen to do: behaviours of the kit, and how many tests of its engine's own."""

    behaviours: set[str] = field(default_factory=set)
    own: int = 0


def behaviours(engine: str) -> list[str]:
    """Of the kit, those that the engine must show, by their names; the capability stands before the first dash."""
    known = (*kit.LIFE, *kit.serving(datastores.manifest(engine)))
    return [kit.identify(each) for each in known]


def read(reports: Iterable[Path]) -> dict[str, Shown]:
    """By the server's name and version. Raises ValueError for a test that failed."""
    found: dict[str, Shown] = {}
    for report in reports:
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))  # noqa: S314 - bin/test wrote it
        modules = {case.get("classname"): server for case in cases if (server := _server(case))}
        for case in cases:
            # a test that starts no server is of the one that its module has
            if server := _server(case) or modules.get(case.get("classname"), ""):
                _note(case, found.setdefault(server, Shown()), server)
    return dict(sorted(found.items()))


def _server(case: ElementTree.Element) -> str:
    return next((each.get("value", "") for each in case.iter("property") if each.get("name") == "server"), "")


def _note(case: ElementTree.Element, shown: Shown, server: str) -> None:
    if case.find("failure") is not None or case.find("error") is not None:
        raise ValueError(f"{case.get('name')} failed on {server}: mend that first.")
    if case.find("skipped") is not None:
        return
    if behaviour := _BEHAVIOUR.fullmatch(case.get("name", "")):
        shown.behaviours.add(behaviour[1])
    else:
        shown.own += 1


def text(found: Mapping[str, Shown]) -> str:
    """The page. Servers on which only tests of their own ran are left out."""
    servers = {server: shown for server, shown in found.items() if shown.behaviours}
    every = dict.fromkeys(name for server in servers for name in behaviours(engine_of(server)))
    capabilities = dict.fromkeys(name.partition("-")[0] for name in every)
    lines = [*_table(("", *servers), (_counts(each, servers) for each in capabilities)),
             _row(("further tests of the engine alone", *(str(shown.own) for shown in servers.values())))]
    for capability in capabilities:
        names = [name for name in every if name.startswith(f"{capability}-")]
        rows = ((name.partition("-")[2].replace("_", " "), *_marks(name, servers)) for name in names)
        lines += ["", f"## {capability}", "", *_table(("", *servers), rows)]
    return _HEAD + "\n".join(lines) + "\n"


def engine_of(server: str) -> str:
    return ENGINE_OF[server.split()[0]]


def _counts(capability: str, servers: Mapping[str, Shown]) -> tuple[str, ...]:
    """How many of the behaviours that there are were shown."""
    return (capability, *(_share(capability, behaviours(engine_of(server)), shown.behaviours)
                          for server, shown in servers.items()))


def _share(capability: str, expected: Iterable[str], shown: set[str]) -> str:
    mine = {name for name in expected if name.startswith(f"{capability}-")}
    return f"{len(mine & shown)} of {len(mine)}" if mine else "-"


def _marks(name: str, servers: Mapping[str, Shown]) -> Iterator[str]:
    for server, shown in servers.items():
        expected = name in behaviours(engine_of(server))
        yield "yes" if name in shown.behaviours else "**not run**" if expected else "-"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield _row(head)
    yield "|" + "---|" * len(head)
    yield from map(_row, rows)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> int:
    PAGE.write_text(text(read([Path(word) for word in sys.argv[1:]] or [REPORT])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
