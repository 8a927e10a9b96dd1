"""The OpenAPI document, made from the routes and from what their handlers say of themselves."""

import http
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from common.secret import Secret

from .. import errors, idempotency
from ..schemas import blocks
from . import declared, examples

Json = dict[str, Any]
Handler = Callable[..., None]

TITLE = "Trove: database as a service"
_INTRODUCTION = (
    "Follows OpenStack Trove's REST API v1.0. Bodies are JSON, times are UTC, members that are not described are "
    "ignored where an object does not say otherwise, and so are unknown parameters of the query. Every answer carries "
    "`X-OpenStack-Request-Id`, under which the logs tell more. An answer of an error is one object whose only "
    "member names the fault and holds `code` and `message`: what is wrong, and what can be done. HEAD is answered like "
    "GET, without a body; OPTIONS tells the methods of a path in the header `Allow`; any other method is a 405."
)

PARAMETERS: dict[str, tuple[Any, str]] = {
    "project": (Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$", examples=["demo"])],
                "The project to which everything below belongs."),
    "instance_id": (Annotated[str, Meta(examples=["8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d"])], "Id of an instance."),
    "operation_id": (Annotated[str, Meta(examples=["8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d"])], "Id of an operation."),
    "database": (Annotated[str, Meta(examples=["orders"])], "Name of a database."),
    "user": (Annotated[str, Meta(examples=["anna@10.0.0.1"])],
             "`name` or `name@host` of a user; the host is `%` when it is left out."),
    "datastore": (Annotated[str, Meta(examples=["mariadb"])], "Name or id of a datastore."),
    "version": (Annotated[str, Meta(examples=["10.11"])], "Name or id of a version; the id where no datastore is."),
    "parameter": (Annotated[str, Meta(examples=["max_connections"])], "Name of a parameter, in any case."),
    "log": (Annotated[str, Meta(examples=["general"])], "Name of a log of the instance."),
    "configuration": (Annotated[str, Meta(examples=["8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d"])],
                      "Id of a configuration group."),
    "host": (Annotated[str, Meta(examples=["db1"])], "Name of a registered host."),
    "owner": (Annotated[str, Meta(examples=["shop"])], "The project whose quotas are meant."),
    "token": (Annotated[str, Meta(examples=["8a8d3a4e-6f6a-4c1e-9d3c-2b1b0a9f8e7d"])], "Id of an API token."),
    "flavor": (Annotated[str, Meta(examples=["1"])], "Id of a flavor."),
}
"""The parts of paths that are not fixed: type and meaning."""

KEY = (blocks.IdempotencyKey,
       "Makes the request safe to repeat: for 24 hours, the same request with the same key is not done again and gets "
       "the first answer, if that was one of success.")


@dataclass(frozen=True, slots=True)
class _Operation:
    path: str
    method: str
    resource: type
    handler: Handler
    told: declared.Described


def make(routes: Mapping[str, type]) -> Json:
    """The document of ``routes``, path to resource. Raises KeyError for a handler or a part of a path that nobody
    described."""
    operations = [_Operation(path, method, resource, handler, declared.description(handler))
                  for path, resource in routes.items() for method, handler in declared.handlers(resource)]
    schemas = _Schemas(_types(operations))
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, _parameters_of(operation.path, schemas))[operation.method] = _operation(
            operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": "1.0", "description": _INTRODUCTION},
        "tags": [{"name": name, "description": text} for name, text in _tags(operations).items()],
        "paths": paths,
        "components": {"schemas": schemas.components, "responses": _refusals(operations)},
    }


def statuses(path: str, method: str, told: declared.Described) -> list[int]:
    """What a request may be refused with. Whatever the path, 406 is for a version of the API that there is not, and
    500 for a defect of ours."""
    found = {406, 500, *told.refuses}
    if "{" in path:
        found |= {400, 401, 403, 413}
    if path.count("{") > 1:
        found.add(404)
    if told.body is not None:
        found |= {400, 413, 415}
    if told.query:
        found.add(400)
    if _keyed(path, method):
        found |= {409, 422}
    return sorted(found)


class _Schemas:
    """Schemas of types, with what they share among ``components``."""

    def __init__(self, types: list[Any]) -> None:
        made, self.components = msgspec.json.schema_components(
            types, schema_hook=_concealed, ref_template="#/components/schemas/{name}")
        self._made = list(zip(types, made, strict=True))

    def of(self, kind: Any) -> Json:
        return next(schema for each, schema in self._made if each is kind)

    def example(self, kind: Any) -> Any:
        return examples.of(self.of(kind), self.components)


def _concealed(kind: type) -> Json:
    if kind is not Secret:
        raise NotImplementedError(f"There is no schema of {kind.__name__}.")
    return blocks.SECRET


def _types(operations: list[_Operation]) -> list[Any]:
    told = [operation.told for operation in operations]
    found = [*(kind for kind, _ in (*PARAMETERS.values(), KEY)), *(each.body for each in told),
             *(kind for each in told for kind in (each.answer, each.dry)),
             *(query.kind for each in told for query in each.query)]
    return [kind for kind in found if kind is not None]


def _operation(operation: _Operation, schemas: _Schemas) -> Json:
    told, refused = operation.told, statuses(operation.path, operation.method, operation.told)
    made: Json = {
        "tags": [_noun(operation)],
        "operationId": f"{_noun(operation)}.{operation.resource.__name__}.{operation.method}",
        "summary": told.summary,
    }
    if text := inspect.getdoc(operation.handler):
        made["description"] = _prose(text)
    parameters = [_parameter(each.name, "query", each.kind, each.meaning, schemas) for each in told.query]
    if _keyed(operation.path, operation.method):
        parameters.append(_parameter(idempotency.HEADER, "header", *KEY, schemas))
    if parameters:
        made["parameters"] = parameters
    if told.body is not None:
        content = _content(declared.JSON, told.body, schemas)
        if told.body_optional:  # null is how some clients send nothing
            content[declared.JSON]["schema"] = {"anyOf": [content[declared.JSON]["schema"], {"type": "null"}]}
        made["requestBody"] = {"required": not told.body_optional, "content": content}
    made["responses"] = _success(told, schemas) | {
        str(status): {"$ref": f"#/components/responses/{errors.FAULTS[status]}"} for status in refused}
    return made


def _keyed(path: str, method: str) -> bool:
    return method == "post" and "{project}" in path


def _success(told: declared.Described, schemas: _Schemas) -> Json:
    if told.status is None:
        return {}
    made: Json = {"description": http.HTTPStatus(told.status).phrase}
    if told.answer is not None:
        made["content"] = _content(told.media, told.answer, schemas)
    found = {str(told.status): made}
    if told.dry is not None and told.status == 200:
        made["description"] += "; a dry run is answered with its own"
        schema = made["content"][declared.JSON]
        schema["schema"] = {"anyOf": [schema["schema"], schemas.of(told.dry)]}
    elif told.dry is not None:
        found["200"] = {"description": "Of a dry run", "content": _content(declared.JSON, told.dry, schemas)}
    return found


def _content(media: str, kind: Any, schemas: _Schemas) -> Json:
    return {media: {"schema": schemas.of(kind), "example": schemas.example(kind)}}


def _parameters_of(path: str, schemas: _Schemas) -> Json:
    names = re.findall(r"{(\w+)}", path)
    made = [_parameter(name, "path", *PARAMETERS[name], schemas) for name in names]
    return {"parameters": made} if made else {}


def _parameter(name: str, where: str, kind: Any, meaning: str, schemas: _Schemas) -> Json:
    return {"name": name, "in": where, "required": where == "path", "description": meaning, "schema": schemas.of(kind)}


def _refusals(operations: list[_Operation]) -> Json:
    """The answers of errors, by fault."""
    used = sorted({status for each in operations for status in statuses(each.path, each.method, each.told)})
    return {errors.FAULTS[status]: _refusal(status) for status in used}


def _refusal(status: int) -> Json:
    names = (errors.FAULTS[status], *errors.OTHER_FAULTS.get(status, ()))
    fault = {"type": "object", "required": ["code", "message"],
             "properties": {"code": {"const": status}, "message": {"type": "string", "minLength": 1}}}
    schema = {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False,
              "properties": dict.fromkeys(names, fault)}
    example = {names[0]: {"code": status, "message": errors.EXAMPLES[status]}}
    return {"description": errors.MEANINGS[status], "content": {declared.JSON: {"schema": schema, "example": example}}}


def _tags(operations: list[_Operation]) -> dict[str, str]:
    """The modules of the resources, with what they say of themselves."""
    return {_noun(each): _prose(sys.modules[each.handler.__module__].__doc__ or "") for each in operations}


def _noun(operation: _Operation) -> str:
    return operation.handler.__module__.rpartition(".")[2]


def _prose(docstring: str) -> str:
    """A docstring as Markdown on one line a paragraph."""
    paragraphs = itertools.groupby(inspect.cleandoc(docstring).replace("``", "`").splitlines(), key=bool)
    return "\n\n".join(" ".join(lines) for full, lines in paragraphs if full)
