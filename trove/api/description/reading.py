"""The OpenAPI document put in the order and the words in which people read it; pages are drawn from this."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..schemas import blocks

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A type in words; ``names`` are the types that they name in backquotes."""

    words: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    where: str
    type: Told
    meaning: str


@dataclass(frozen=True, slots=True)
class Content:
    type: Told
    example: Any


@dataclass(frozen=True, slots=True)
class Call:
    """``status`` None: it never succeeds. ``refused`` are the statuses of its errors."""

    key: str
    method: str
    path: str
    summary: str
    meaning: str
    parameters: tuple[Parameter, ...]
    body: Content | None
    body_optional: bool
    status: int | None
    answer: Content | None
    refused: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    meaning: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    fault: str
    meaning: str
    example: str


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    type: Told
    required: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Type:
    """``closed``: there are no other members."""

    name: str
    meaning: str
    closed: bool
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Read:
    title: str
    introduction: str
    groups: tuple[Group, ...]
    errors: tuple[Refusal, ...]
    types: tuple[Type, ...]


def read(document: Json) -> Read:
    calls = [(operation["tags"][0], _call(path, item, method, operation))
             for path, item in document["paths"].items() for method, operation in item.items()
             if method != "parameters"]
    groups = tuple(Group(tag["name"], tag["description"], tuple(call for name, call in calls if name == tag["name"]))
                   for tag in document["tags"])
    components = document["components"]
    errors = tuple(_refusal(fault, told) for fault, told in components["responses"].items())
    types = tuple(_type(name, schema) for name, schema in components["schemas"].items())
    return Read(document["info"]["title"], document["info"]["description"], groups, errors, types)


def _call(path: str, item: Json, method: str, operation: Json) -> Call:
    answers = {int(status): answer for status, answer in operation["responses"].items()}
    status = next((status for status in answers if status < 400), None)
    body: Json = operation.get("requestBody", {"required": True})
    return Call(
        key=operation["operationId"], method=method.upper(), path=path, summary=operation["summary"],
        meaning=operation.get("description", ""),
        parameters=tuple(_parameter(each) for each in (*item.get("parameters", ()), *operation.get("parameters", ()))),
        body=_content(body), body_optional=not body["required"],
        status=status, answer=_content(answers[status]) if status else None,
        refused=tuple(sorted(each for each in answers if each >= 400)),
    )


def _parameter(told: Json) -> Parameter:
    return Parameter(told["name"], told["in"], in_words(told["schema"]), told["description"])


def _content(told: Json) -> Content | None:
    for media, content in told.get("content", {}).items():
        words = in_words(content["schema"])
        return Content(words if media == "application/json" else Told(f"{media}"), content["example"])
    return None


def _refusal(fault: str, told: Json) -> Refusal:
    [content] = told["content"].values()
    example = content["example"][fault]
    return Refusal(example["code"], fault, told["description"], example["message"])


def _type(name: str, schema: Json) -> Type:
    members = tuple(Member(each, in_words(told), each in schema.get("required", ()), told.get("description", ""))
                    for each, told in schema.get("properties", {}).items())
    return Type(name, schema.get("description", ""), schema.get("additionalProperties") is False, members)


def in_words(schema: Json) -> Told:
    """What values ``schema`` takes."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return Told(f"`{name}`", (name,))
    if "anyOf" in schema:
        each = [in_words(choice) for choice in schema["anyOf"]]
        return Told(" or ".join(one.words for one in each), tuple(name for one in each for name in one.names))
    if choices := schema.get("enum") or ([schema["const"]] if "const" in schema else None):
        return Told(" or ".join("null" if choice is None else f"`{choice}`" for choice in choices))
    if schema.get("type") == "array" and schema.get("items"):
        item = in_words(schema["items"])
        return Told(" ".join(("list of", item.words, *_bounds(schema))), item.names)
    if meaning := blocks.MEANINGS.get(schema.get("pattern", "")):
        return Told(" ".join((meaning, *_bounds(schema))))
    kind: str = schema.get("type", "anything")
    return Told(" ".join((_NOUNS.get(kind, kind), *_bounds(schema))))


_NOUNS = {"integer": "whole number", "string": "text"}
_BOUNDS = (("minimum", "maximum", "of {}"), ("minLength", "maxLength", "of {} characters"),
           ("minItems", "maxItems", "of {} items"))
def _bounds(schema: Json) -> Iterator[str]:
    for least, most, words in _BOUNDS:
        low, high = schema.get(least), schema.get(most)
        if low is not None and high is not None:
            yield words.format(f"{low} to {high}")
        elif low is not None:
            yield words.format(f"{low} or more")
        elif high is not None:
            yield words.format(f"at most {high}")
