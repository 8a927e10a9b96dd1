"""Draws the reference pages that say what the code says: the life of an instance, both sides' options, every error,
every command, every request and every parameter of the engines.

``.venv/bin/python packaging/pages.py`` writes them anew below ``docs/reference``; a test fails when one is not current.
"""

import ast
import functools
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

import typer.main  # noqa: E402
from oslo_config import cfg  # noqa: E402

from common import errors  # noqa: E402
from common.contract.types import ServiceStatus  # noqa: E402
from trove import config as control  # noqa: E402
from trove import datastores  # noqa: E402
from trove.api import errors as faults  # noqa: E402
from trove.api import routes  # noqa: E402
from trove.api.description import document, reading  # noqa: E402
from trove.cli import main as trovectl  # noqa: E402
from trove.cli import output  # noqa: E402
from trove.domain import states  # noqa: E402
from trove.domain.events import MEANINGS  # noqa: E402
from trove.metrics import declared  # noqa: E402
from trove.releases import onefile  # noqa: E402
from troveguest import cli as program  # noqa: E402
from troveguest import oslo_options as guest  # noqa: E402

DIRECTORY = CHECKOUT / "docs" / "reference"
_WRITTEN = "Written by `packaging/pages.py`; a test fails when it is not what the code says."


def state_machine() -> str:
    """The table of ``trove.domain.states`` as a diagram and tables."""
    return "\n".join((
        "# The life of an instance", "", f"From `trove/domain/states.py`. {_WRITTEN}", "",
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


def sentences() -> str:
    """Every error that the code raises, with its remedy, by the package that raises it."""
    kinds = ((f"`{kind.code}`", str(faults.STATUS[kind]), "yes" if kind.retryable else "no", _meaning(kind))
             for kind in errors.BY_CODE.values())
    return "\n".join((
        "# What errors say", "", f"Every error that the code raises, in its own words. {_WRITTEN}", "",
        "A person meets them as an answer of the REST API, as the `fault` of an instance, on the terminal of `bin/up`,",
        "or in a log. The remedy stands behind the sentence. `…` stands for a name, a number, or words put",
        "together when it happens.", "",
        "## Kinds", "", "`fault_details` of an instance name the kind.", "",
        *_table(("kind", "HTTP", "worth repeating", "meaning"), kinds), "",
        *(line for where, title in _PLACES.items() for line in _place(where, title)),
        "## What is found", "",
        "`trovectl doctor`, `trove-guestagent doctor` and `preflight` find the errors above, and these.", "",
        *_table(("level", "sentence", "remedy"), dict.fromkeys(
            each for where in _LOOKS for file in _sources(CHECKOUT / where) for each in _found(file))), "",
    ))


def metrics() -> str:
    """What ``/metrics`` shows."""
    return "\n".join((
        "# Metrics", "", f"From `trove/metrics/declared.py`. {_WRITTEN}", "",
        "`GET /metrics` on the port of the REST API answers in OpenMetrics text. It belongs to no project, asks no",
        "policy, and is there for clients on the same machine alone: to others, and through a proxy, it is a 404. What",
        "is read from the store takes two statements, however many instances there are. Counters begin at zero with",
        "the process. Beside these there are the process's own, such as `process_resident_memory_bytes`.", "",
        *_table(("metric", "kind", "labels", "meaning", "from"), map(_metric, declared.METRICS)), "",
        "## Bounds of histograms", "", "In seconds.", "",
        *_table(("metric", "upper bounds"), ((f"`{each.name}`", ", ".join(map(str, each.buckets)))
                                             for each in declared.METRICS if each.buckets)), "",
    ))


def commands() -> str:
    """Every command of ``trovectl`` with its arguments and options."""
    program = typer.main.get_command(trovectl.app)
    return "\n".join((
        "# trovectl", "", f"From `trove/cli`. {_WRITTEN}", "", program.help or "", "", f"{output.EXIT_CODES}", "",
        "With `--json`, standard output is one JSON document, of an error too:",
        '`{"error": {"code", "message", "hint"}}`; of `trovectl events`, a document a line. What is told meanwhile is',
        "on standard error. Passwords are asked for, read from a file or generated; no command takes one on its line.",
        "`trovectl --install-completion` teaches the shell commands, options and the names of instances.", "",
        *(line for words, command in _commands(("trovectl",), program) for line in _command(words, command)),
    ))


def agent() -> str:
    """The commands of the agent and of the one file that it comes in."""
    return "\n".join((
        "# trove-guestagent", "", f"From `troveguest/cli.py` and `trove/releases/onefile.py`. {_WRITTEN}", "",
        "The program of an instance is `instances/ID/links/current/bin/trove-guestagent`; installed, it is",
        "on the `PATH`. Exit codes: 0; 1 when something failed, or was found to have; 64 for a command that there is",
        "not; 78 for a configuration that cannot be used.", "",
        *(f"    {line}".rstrip() for line in program.USAGE.splitlines()), "",
        "## The one file", "", "Made by `trovectl agent build --file`; run it with `sh FILE COMMAND`.", "",
        *(f"    {line}".rstrip() for line in onefile.USAGE.splitlines()), "",
    ))


def rest() -> str:
    """Every request of the REST API, from the document that describes it."""
    told = reading.read(document.make(routes.ROUTES))
    return "\n".join((
        "# The REST API", "", f"From the types and handlers in `trove/api`. {_WRITTEN}", "", told.introduction, "",
        "The API itself answers with the same at `/openapi.json`, in OpenAPI 3.1, and at `/openapi.html`. Where it",
        "differs from OpenStack Trove: [deviations](rest-deviations.md).", "",
        *(line for group in told.groups for line in _requests(group)),
        "## Errors", "", *_table(("status", "fault", "meaning", "example"), (
            (str(each.status), f"`{each.fault}`", each.meaning, _cell(each.example)) for each in told.errors)), "",
        "## Types", "", "A member in *italics* is not always there.", "",
        *(line for kind in told.types for line in _type(kind)),
    ))


def happenings() -> str:
    """What an event may be."""
    return "\n".join((
        "# Events", "", f"From `trove/domain/events.py`. {_WRITTEN}", "",
        "`trovectl events` and `GET /v1.0/{project}/events` show what happened to instances, the oldest first. Ids",
        "rise in the order in which events can be seen and have gaps: who asks for what is behind the last id that was",
        "seen misses nothing. Each has a sentence for a person; a program looks at `kind`, and at `from` and `to`.", "",
        *_table(("kind", "meaning"), ((f"`{kind.value}`", meaning) for kind, meaning in MEANINGS.items())), "",
    ))


def settings() -> str:
    """What can be set in each engine, in the newest version that a server told of."""
    return "\n".join((
        "# Parameters", "", f"From `trove/datastores`. {_WRITTEN}", "",
        "What can be set in database servers. Numbers are in the unit that stands behind them, else in bytes where",
        "they are sizes; sizes and times may be written with the server's suffixes, such as `64M`, `128MB` or `1min`.",
        "`trovectl parameter list DATASTORE` tells of the version that an installation has. **Restart**: the value is",
        "in force when the server was started again. **At most**: that share of the flavor's memory.", "",
        *(line for engine in datastores.engines() for line in _engine(engine)),
    ))


PAGES: dict[str, Callable[[], str]] = {
    "state-machine.md": state_machine, "options.md": options, "trovectl.md": commands, "metrics.md": metrics,
    "errors.md": sentences, "rest.md": rest, "events.md": happenings, "trove-guestagent.md": agent,
    "parameters.md": settings}

_PLACES = {
    "trove/api": "A request is wrong, or cannot be done now",
    "trove/domain/states.py": "An instance is in another state", "trove/domain": "A creation breaks a rule",
    "common/datastores": "A name breaks a rule of the datastore",
    "trove/db": "The store says no", "trove/taskmanager": "Work takes too long",
    "trove/providers": "There is no place for an instance",
    "trove/releases": "A release of the agent cannot be built or installed",
    "troveguest/place": "A place cannot be made or removed",
    "troveguest/datastores": "The database server says no", "troveguest/handlers": "The agent says no",
    "troveguest/host": "The machine of the instance says no",
    "troveguest/bus": "The agent refuses an order",
    "common/openstack/rpc": "The two sides do not reach one another",
    "trove/bus": "The broker says no", "trove/standalone": "The control plane does not start",
    "trove/cli": "A command of `trovectl` ends", "trove/config.py": "The configuration of the control plane is wrong",
    "troveguest/options.py": "The configuration of an agent is wrong",
    "troveguest/support": "Something is wrong on the machine of an instance",
}

_LOOKS = ("trove/cli/checks", "troveguest/place/preflight.py", "troveguest/support")

FAULTS = ("trove/taskmanager", "trove/domain/hosts.py", "trove/domain/placement.py", "trove/providers",
          "trove/releases/installing.py", "common/releases.py", "trove/bus", "troveguest/place",
          "troveguest/datastores", "troveguest/handlers", "troveguest/host", "troveguest/bus", "common/openstack/rpc")
"""Where an error comes from that ends up as the ``fault`` of an instance: the packages that do long work."""


def fault_sentences() -> frozenset[str]:
    """Every sentence that the ``fault`` of an instance may begin with, as the page of errors has it."""
    return frozenset(said for where in FAULTS for file in _sources(CHECKOUT / where) for _, said, _ in _raised(file))


def _commands(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The commands below ``command`` that do something, each with the words that call it."""
    for name, each in command.commands.items():
        below = (*words, name)
        if hasattr(each, "commands"):
            yield from _commands(below, each)
        else:
            yield below, each


def _command(words: tuple[str, ...], command: Any) -> Iterator[str]:
    given = [each for each in command.params if not each.opts[0].startswith("-")]
    yield from (f"## {' '.join(words)}", "", command.help, "")
    yield from (f"    {' '.join((*words, '[OPTIONS]', *(each.metavar for each in given)))}", "")
    yield from _table(("argument or option", "default", "meaning"), map(_parameter, (
        *given, *(each for each in command.params if each not in given))))
    yield ""


def _parameter(each: Any) -> tuple[str, ...]:
    name = ", ".join(each.opts) if each.opts[0].startswith("-") else ""
    takes = "" if getattr(each, "is_flag", False) else each.metavar or each.name.removesuffix("s").upper()
    if isinstance(each.show_default, str):
        default = each.show_default
    elif each.required:
        default = "must be given"
    else:
        default = "" if each.default in (None, False) else f"`{each.default:g}`" if isinstance(
            each.default, float) else f"`{each.default}`"
    return f"`{f'{name} {takes}'.strip()}`", default, each.help


def _engine(engine: str) -> Iterator[str]:
    versions = datastores.versions(engine)
    known = datastores.catalogue(engine, versions[-1])
    told = ", ".join(versions)
    yield from (f"## {engine}", "", f"Told by servers of {told}; these are of the last.", "")
    yield from _table(("parameter", "takes", "default", "restart"), (
        (f"`{name}`", f"{_cell(known.allowed(each))}{f'; at most {each.share:.0%}' if each.share else ''}",
         f"`{_cell(each.default)}`" if each.default else "", "" if each.dynamic else "restart")
        for name, each in sorted(known.parameters.items()) if not each.refused))
    yield from ("", "Not to be set:", "")
    reasons: dict[str, list[str]] = {}
    for name, each in sorted(known.parameters.items()):
        reasons.setdefault(each.refused, []).append(f"`{name}`")
    yield from (f"- {reason}: {', '.join(names)}" for reason, names in sorted(reasons.items()) if reason)
    yield ""


def _requests(group: reading.Group) -> Iterator[str]:
    yield from (f"## {group.name.capitalize()}", "", group.meaning, "")
    for call in group.calls:
        yield from (f"### {call.summary}", "", f"    {call.method} {call.path}", "")
        yield from (call.meaning, "") if call.meaning else ()
        if call.parameters:
            yield from _table(("parameter", "in", "type", "meaning"), (
                (f"`{each.name}`", each.where, _linked(each.type), each.meaning) for each in call.parameters))
            yield ""
        yield from (f"{_exchange(call)}", "")
        for content in (call.body, call.answer):
            if content is not None and not isinstance(content.example, str):
                yield from ("```json", json.dumps(content.example, ensure_ascii=False), "```", "")


def _exchange(call: reading.Call) -> str:
    """What is sent and what comes back, in one line."""
    may = " (may be left out)" if call.body_optional else ""
    sent = f"Takes {_linked(call.body.type)}{may}. " if call.body else ""
    refused = ", ".join(map(str, call.refused))
    if call.status is None:
        return f"{sent}Answers {refused}."
    return f"{sent}Answers **{call.status}**, {_linked(call.answer.type) if call.answer else 'no body'}; or {refused}."


def _type(kind: reading.Type) -> Iterator[str]:
    closed = " No other members are taken." if kind.closed else ""
    yield from (f"### {kind.name}", "", *((f"{kind.meaning}{closed}".strip(), "") if kind.meaning or closed else ()))
    yield from _table(("member", "type", "meaning"), (
        (f"`{each.name}`" if each.required else f"*`{each.name}`*", _linked(each.type), each.meaning)
        for each in kind.members))
    yield ""


def _linked(told: reading.Told) -> str:
    """A type in words, in which names of types are links."""
    words = _cell(told.words)
    for name in told.names:
        words = words.replace(f"`{name}`", f"[`{name}`](#{name.lower()})")
    return words


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


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


def _meaning(kind: type[errors.TroveError]) -> str:
    said = (kind.__doc__ or "").rstrip(".")
    return said[:1].lower() + said[1:]


def _place(where: str, title: str) -> Iterator[str]:
    shown_apart = {CHECKOUT / place for place in _PLACES if place != where}
    raised = dict.fromkeys(each for file in _sources(CHECKOUT / where) if file not in shown_apart
                           for each in _raised(file))
    yield f"## {title}"
    yield ""
    yield from _table(("kind", "sentence", "remedy"), raised)
    yield ""


def _sources(where: Path) -> list[Path]:
    files = [where] if where.suffix else sorted(where.rglob("*.py"))
    return [file for file in files if "fake" not in file.relative_to(CHECKOUT).as_posix()]


def _raised(file: Path) -> Iterator[tuple[str, str, str]]:
    """Kind, sentence and remedy of each error that is made in ``file`` in words of our own."""
    kinds = {kind.__name__: kind.code for kind in (*errors.BY_CODE.values(), *faults.STATUS)}
    for call in _calls(file):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name not in kinds or not call.args:
            continue
        said, *remedy = map(_text, call.args)
        if said.strip("… "):
            yield f"`{kinds[name]}`", said, remedy[0] if remedy else ""


@functools.cache
def _calls(file: Path) -> tuple[ast.Call, ...]:
    return tuple(node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call))


def _found(file: Path) -> Iterator[tuple[str, str, str]]:
    """Level, sentence and remedy of each finding that is made in ``file``."""
    for call in _calls(file):
        if isinstance(call.func, ast.Name) and call.func.id in ("warning", "failed"):
            _, said, remedy = map(_text, call.args)
            if said.strip("… "):
                yield call.func.id, said, remedy


def _text(node: ast.expr) -> str:
    """A string as it is written, with ``…`` for what is put into it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    text = str(node.value) if isinstance(node, ast.Constant) else "…"
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _metric(metric: declared.Metric) -> tuple[str, ...]:
    end = {declared.Kind.COUNTER: "_total", declared.Kind.INFO: "_info"}.get(metric.kind, "")
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "none"
    return f"`{metric.name}{end}`", metric.kind.value, labels, metric.help, metric.origin.value


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
