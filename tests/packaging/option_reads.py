"""Which options a program reads, seen in its syntax trees: followed from the object that holds them all.

A name or attribute holds it, or one of its sections, when it is annotated so (``cfg.ConfigOpts``, ``config.Bus``) or
was given such a value. Read is what is asked of a section; in the control plane ``[DEFAULT]`` is the whole itself.
"""

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT = "DEFAULT"
_LOAD = "config.load"
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
ANY = "any section"
"""That of a subscript: which one is known only when it runs."""


@dataclass(frozen=True)
class Side:
    """``sections``: names of options by section. ``whole`` is how annotations name all of them; ``parts`` has sections
    by the names of their classes.
    """

    sections: Mapping[str, Collection[str]]
    whole: str
    parts: Mapping[str, str]
    default_apart: bool
    """Whether ``[DEFAULT]`` is an attribute ``default`` of the whole, not the whole itself."""
    own: Collection[str] = ()
    """What the whole has beside options."""

    def declared(self) -> set[tuple[str, str]]:
        return {(section, name) for section, names in self.sections.items() for name in names}

    def read(self, sources: Collection[Path]) -> set[tuple[str, str]]:
        """Section and name of what ``sources`` ask for; a name that no section has stands there, too."""
        begins = (self.whole, *self.parts, _LOAD)
        texts = (source.read_text() for source in sources)
        found = {each for text in texts if any(word in text for word in begins)
                 for each in _Reader(self).reads(ast.parse(text))}
        anywhere = {(section, name) for section, names in self.sections.items() for other, name in found
                    if other == ANY and name in names}
        return {each for each in found if each[0] != ANY and each[1] not in self.own} | anywhere


class _Reader:
    """Of one file. ``self._part`` is the same in all of it, a plain name only in its function and those inside."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._holds: dict[str, str] = {}
        """Section by what holds it, as it is written; an empty one: the whole."""

    def reads(self, tree: ast.AST) -> Iterator[tuple[str, str]]:
        """The first pass learns what attributes hold, which methods above their assignment may ask already."""
        list(self._scope(tree))
        yield from self._scope(tree)

    def _scope(self, scope: ast.AST) -> Iterator[tuple[str, str]]:
        outside = dict(self._holds)
        inner, own = [], []
        for node in _within(scope):
            (inner if isinstance(node, _SCOPES) else own).append(node)
        for node in own:
            if isinstance(node, ast.arg) and node.annotation is not None:
                self._note(node.arg, self._annotated(ast.unparse(node.annotation)))
        for node in own:
            if isinstance(node, ast.Assign):
                self._assign(node.targets[0], node.value)
        for node in own:
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                section = self._section(node.value)
                if section is not None and self._section(node) is None:
                    yield section or DEFAULT, node.attr
        for each in inner:
            yield from self._scope(each)
        self._holds = outside | {name: section for name, section in self._holds.items() if "." in name}

    def _annotated(self, annotation: str) -> str | None:
        return "" if annotation == self._side.whole else self._side.parts.get(annotation)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(value, ast.Call) and ast.unparse(value.func) == _LOAD:
            self._note(ast.unparse(target.elts[0] if isinstance(target, ast.Tuple) else target), "")
        else:
            self._note(ast.unparse(target), self._section(value))

    def _note(self, name: str, section: str | None) -> None:
        if section is not None:
            self._holds[name] = section

    def _section(self, node: ast.expr) -> str | None:
        """Which section an expression is, an empty one for the whole; None for anything else, an option too."""
        if (known := self._holds.get(ast.unparse(node))) is not None:
            return known
        if isinstance(node, ast.Subscript) and self._section(node.value) == "":
            return ANY
        if not isinstance(node, ast.Attribute) or self._section(node.value) != "":
            return None
        if self._side.default_apart and node.attr == "default":
            return DEFAULT
        return node.attr if node.attr in self._side.sections and node.attr != DEFAULT else None


def _within(scope: ast.AST) -> Iterator[ast.AST]:
    """What is in a scope, in the order of the text, with the scopes inside it but not what is in those."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, _SCOPES):
            yield from _within(node)
