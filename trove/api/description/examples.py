"""An example of what a schema describes: what its parts give as examples, put together."""

from typing import Any

Json = dict[str, Any]


def of(schema: Json, components: Json) -> Any:
    """Members whose default is null or empty are left out; a list has one item."""
    for each in (schema, schema := resolved(schema, components)):
        if "examples" in each:
            return each["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return of(schema["anyOf"][0], components)
    return _of_type(schema, components)


def resolved(schema: Json, components: Json) -> Json:
    """The schema that a reference names, or ``schema`` itself."""
    reference: str | None = schema.get("$ref")
    found: Json = components[reference.rpartition("/")[2]] if reference else schema
    return found


def _of_type(schema: Json, components: Json) -> Any:
    kind = schema.get("type")
    if kind == "object":
        return {name: of(each, components) for name, each in schema.get("properties", {}).items()
                if name in schema.get("required", ()) or "examples" in each or _is_telling(each)}
    if kind == "array":
        return [of(schema["items"], components)] if schema.get("items") else []
    return {"integer": schema.get("minimum", 0), "number": 0.5, "boolean": True, "string": "text"}.get(str(kind))


def _is_telling(schema: Json) -> bool:
    return schema.get("default", schema) not in (None, [], (), {})
