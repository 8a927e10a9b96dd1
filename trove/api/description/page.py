"""The OpenAPI document as a page to read: one file without scripts, light or dark as the reader's system is."""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from . import reading

Json = dict[str, Any]

_STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d8dde3, #3a4048); --soft: light-dark(#f5f7f9, #1b1f24);
  --quiet: light-dark(#57606a, #9aa4af); --accent: light-dark(#0b5cad, #74b3f2); }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1.5rem;
  background: light-dark(#fff, #121518); color: light-dark(#1b1f23, #e4e8ec); }
a { color: var(--accent); } h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); }
code, pre { font: 0.875rem/1.45 ui-monospace, monospace; } pre { background: var(--soft); padding: .75rem;
  overflow: auto; border-radius: .4rem; } details { border: 1px solid var(--line); border-radius: .4rem;
  margin: .6rem 0; padding: .5rem .9rem; } summary { cursor: pointer; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; } td, th { text-align: left; vertical-align: top;
  padding: .3rem .8rem .3rem 0; border-top: 1px solid var(--line); } th { color: var(--quiet); font-weight: 600; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700; color: var(--accent); }
.quiet { color: var(--quiet); } nav a { margin-right: .8rem; }
"""


def render(document: Json) -> str:
    read = reading.read(document)
    return "\n".join((
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(read.title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(read.title)}</h1><p>{_marked(read.introduction)}</p>",
        '<p class="quiet">For programs: <a href="openapi.json">openapi.json</a>, OpenAPI 3.1.</p>',
        f"<nav>{' '.join(f'<a href=#{group.name}>{group.name}</a>' for group in read.groups)}",
        "<a href=#errors>errors</a><a href=#types>types</a></nav>",
        *(line for group in read.groups for line in _group(group)),
        '<h2 id="errors">Errors</h2>',
        _table(("status", "fault", "meaning", "example"),
               [(str(each.status), f"<code>{each.fault}</code>", _marked(each.meaning),
                 f"<code>{escape(each.example)}</code>") for each in read.errors]),
        '<h2 id="types">Types</h2>',
        *(line for kind in read.types for line in _type(kind)),
        "</body></html>", "",
    ))


def _group(group: reading.Group) -> Iterator[str]:
    yield f'<h2 id="{group.name}">{group.name.capitalize()}</h2><p>{_marked(group.meaning)}</p>'
    for call in group.calls:
        yield from _call(call)


def _call(call: reading.Call) -> Iterator[str]:
    yield (f'<details id="{call.key}"><summary><span class="method">{call.method}</span>'
           f'<code>{escape(call.path)}</code> <span class="quiet">{escape(call.summary)}</span></summary>')
    if call.meaning:
        yield f"<p>{_marked(call.meaning)}</p>"
    if call.parameters:
        yield _table(("parameter", "in", "type", "meaning"),
                     [(f"<code>{each.name}</code>", each.where, _linked(each.type), _marked(each.meaning))
                      for each in call.parameters])
    if call.body is not None:
        yield f"<p>Body: {_linked(call.body.type)}{' (may be left out)' if call.body_optional else ''}</p>"
        yield _pre(call.body.example)
    yield f"<p>Answers {_answers(call)}</p>"
    if call.answer is not None:
        yield _pre(call.answer.example)
    yield "</details>"


def _answers(call: reading.Call) -> str:
    errors = ", ".join(f'<a href="#errors">{status}</a>' for status in call.refused)
    if call.status is None:
        return errors
    what = "without a body" if call.answer is None else f"with {_linked(call.answer.type)}"
    return f"<b>{call.status}</b> {what}; or one of the errors {errors}."


def _type(kind: reading.Type) -> Iterator[str]:
    closed = " No other members are taken." if kind.closed else ""
    yield f'<details id="{kind.name}"><summary><code>{kind.name}</code></summary><p>{_marked(kind.meaning)}{closed}</p>'
    yield _table(("member", "type", "there", "meaning"),
                 [(f"<code>{each.name}</code>", _linked(each.type), "always" if each.required else "not always",
                   _marked(each.meaning)) for each in kind.members])
    yield "</details>"


def _linked(told: reading.Told) -> str:
    """A type in words, in which names of types are links."""
    words = escape(told.words)
    for name in told.names:
        words = words.replace(f"`{name}`", f'<a href="#{name}"><code>{name}</code></a>')
    return _marked(words, escaped=True)


def _marked(text: str, *, escaped: bool = False) -> str:
    """Markdown's backquotes as code."""
    parts = (text if escaped else escape(text, quote=False)).split("`")
    return "".join(f"<code>{part}</code>" if position % 2 else part for position, part in enumerate(parts))


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    heads = "".join(f"<th>{name}</th>" for name in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{heads}</tr>{lines}</table>"


def _pre(example: Any) -> str:
    text = example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
    return f"<pre>{escape(text)}</pre>"
