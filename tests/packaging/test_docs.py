"""The pages that people write: what they point at is there, and what is there has its place in them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = sorted([*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")])
DECISIONS = sorted((CHECKOUT / "docs" / "adr").glob("*.md"))
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_PATH = re.compile(r"`((?:bin|common|docs|packaging|tests|trove|troveguest)/[\w./{},-]*)`")


def prose(page: Path) -> str:
    """``page`` without its indented and fenced examples, which quote programs and answers."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return "\n".join(line for line in text.splitlines() if not line.startswith("    "))


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of ``page``, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> Iterator[str]:
    for target in _LINK.findall(prose(page)):
        where, _, anchor = target.partition("#")
        if "://" in where:
            continue
        found = page.parent / where if where else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            yield target


def named_paths(text: str) -> set[str]:
    """The paths below the checkout that ``text`` names in backquotes; ``a/{b,c}.py`` names two."""
    return {whole for path in _PATH.findall(text) for whole in _spread(path)}


def _spread(path: str) -> list[str]:
    braces = re.fullmatch(r"(.*)\{(.*)\}(.*)", path)
    if braces is None:
        return [path]
    before, choices, behind = braces.groups()
    return [f"{before}{choice}{behind}" for choice in choices.split(",")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_no_link_is_dead_and_every_path_exists(page: Path) -> None:
    assert list(dead_links(page)) == []
    assert {path for path in named_paths(prose(page)) if not (CHECKOUT / path).exists()} == set()


def test_the_architecture_names_every_package() -> None:
    packages = {str(found.parent.relative_to(CHECKOUT)) for top in ("common", "troveguest", "trove")
                for found in (CHECKOUT / top).rglob("__init__.py")}
    named = named_paths((CHECKOUT / "docs" / "architecture.md").read_text())
    assert packages - {path.rstrip("/") for path in named} == set()


def test_decisions_have_numbers_of_their_own_and_are_listed() -> None:
    numbers = [file.name[:4] for file in DECISIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert all(file.read_text().startswith(f"# {int(file.name[:4])}. ") for file in DECISIONS)
    listed = _LINK.findall((CHECKOUT / "docs" / "architecture.md").read_text())
    assert {f"adr/{file.name}" for file in DECISIONS} <= set(listed)


def test_a_dead_link_and_a_path_that_is_gone_are_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n[x](#a-page) [y](#no) [z](gone.md) [w](https://example.org) `bin/up` `trove/{a,b}.py`\n")
    assert list(dead_links(page)) == ["#no", "gone.md"]
    assert named_paths(prose(page)) == {"bin/up", "trove/a.py", "trove/b.py"}
