"""Draws the reference pages that say what the code says: the life of an instance, and the options of both sides.

``.venv/bin/python packaging/pages.py`` writes them anew below ``docs/reference``; a test fails when one is not current.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from oslo_config import cfg  # noqa: E402

from common import states  # noqa: E402
from common.contract.types import ServiceStatus  # noqa: E402
from trove import config as control  # noqa: E402
from troveguest import config as guest  # noqa: E402

DIRECTORY = CHECKOUT / "docs" / "reference"
_WRITTEN = "Written by `packaging/pages.py`; a test fails when it is not what the code says."


def state_machine() -> str:
    """The table of ``common.states`` as a diagram and tables."""
    return "\n".join((
        "# The life of an instance", "", f"From `common/states.py`. {_WRITTEN}", "",
        "```mermaid", *_diagram(), "```", "",
        "What the control plane is doing with an instance has one writer. Anything that is not in this table is",
        "refused with 422. From every state a path leads to *deleted*.", "",
        *_table(("from", "event", "to", "meaning"), _edges()), "",
        "## `status`", "", *_table(("the control plane is", "`status`"), _statuses()), "",
        "## `operating_status`", "",
        "It is what the agent last reported, shown only while nothing is under way (`status` ACTIVE) and else empty.",
        f"It is ERROR when there was no report for {states.HEARTBEAT_EXPIRY:.0f} seconds, or none ever.", "",
        *_table(("the agent reports", "`operating_status`", "users and databases can be managed"), _observed()), "",
    ))


def options() -> str:
    """The options of control plane and agent, side by side."""
    sides = {"control plane": control.list_opts(), "agent": guest.list_opts()}
    return "\n".join((
        "# Options", "", f"From `trove/config.py` and `troveguest/config.py`. {_WRITTEN}", "",
        "Each program reads its own options and knows nothing of the other's. The control plane reads `trove.conf` in",
        "the state directory, which need not be there. An agent's files are written by whoever places it, in",
        "`instances/<id>/config`; nobody edits them by hand. Sample files:",
        "[control plane](trove.conf.sample), [agent](troveguest.conf.sample).", "",
        *_table(("section", *sides), _counts(sides.values())), "",
        *(line for side, sections in sides.items() for line in _side(side, sections)),
    ))


PAGES: dict[str, Callable[[], str]] = {"state-machine.md": state_machine, "options.md": options}


def _diagram() -> Iterator[str]:
    yield "stateDiagram-v2"
    yield f"    [*] --> {states.Task.BUILDING.value}"
    for edge in states.EDGES:
        yield f"    {edge.source.value} --> {edge.target.value}: {_words(edge.event.value)}"
    yield f"    {states.Task.DELETED.value} --> [*]"


def _edges() -> Iterator[tuple[str, ...]]:
    for edge in states.EDGES:
        yield _words(edge.source.value), _words(edge.event.value), _words(edge.target.value), edge.sentence


def _statuses() -> Iterator[tuple[str, ...]]:
    for task in states.Task:
        idle = "doing nothing (none)" if task is states.Task.NONE else _words(task.value)
        yield idle, states.status(task)


def _observed() -> Iterator[tuple[str, ...]]:
    for seen in ServiceStatus:
        serves = states.serves(states.Task.NONE, seen, 0)
        yield _words(seen.value), states.operating_status(states.Task.NONE, seen, 0), "yes" if serves else "no"


def _counts(sides: Iterable[list[tuple[str, list[cfg.Opt]]]]) -> Iterator[tuple[str, ...]]:
    """How many options each side has in a section."""
    counted = [Counter({section: len(opts) for section, opts in side}) for side in sides]
    for section in dict.fromkeys(section for side in counted for section in side):
        yield f"`[{section}]`", *(str(side[section] or "none") for side in counted)


def _side(side: str, sections: list[tuple[str, list[cfg.Opt]]]) -> Iterator[str]:
    for section, opts in sections:
        yield f"## `[{section}]` of the {side}"
        yield ""
        yield from _table(("option", "default", "takes", "meaning"), map(_option, opts))
        yield ""


def _option(option: cfg.Opt) -> tuple[str, ...]:
    return f"`{option.name}`", _default(option), _takes(option), option.help


def _default(option: cfg.Opt) -> str:
    if option.required:
        return "must be set"
    if option.default in (None, "", []):
        return "empty"
    return f"`{str(option.default).lower() if isinstance(option.default, bool) else option.default}`"


def _takes(option: cfg.Opt) -> str:
    kind = option.type
    if choices := list(getattr(kind, "choices", None) or ()):
        return " or ".join(f"`{choice}`" for choice in choices)
    bounds = [f"{word} {bound}" for word, bound in (("at least", getattr(kind, "min", None)),
                                                     ("at most", getattr(kind, "max", None))) if bound is not None]
    noun = {"Integer": "a whole number", "Port": "a port", "Float": "a number", "Boolean": "true or false",
            "List": "a list, separated by commas"}.get(type(kind).__name__, "a text")
    return ", ".join((f"{noun} (secret)" if option.secret else noun, *([] if noun == "a port" else bounds)))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def _words(text: str) -> str:
    return text.replace("_", " ")


def main() -> int:
    for name, draw in PAGES.items():
        (DIRECTORY / name).write_text(draw())
    return 0


if __name__ == "__main__":
    sys.exit(main())
