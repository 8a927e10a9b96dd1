"""A picture of the wire: every method, every type, the sealed and the clear shape, as one JSON document.

It is kept as ``docs/reference/wire.json``; a test compares it with the code. ``packaging/wire.py``
writes it anew, from the top of the repository, and refuses when the wire changed and ``CONTRACT_VERSION`` did not.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))  # the picture is of the code that stands here, not of what is installed

from common.contract import CONTRACT_VERSION, Conductor, Guest, Kind, Method, methods  # noqa: E402
from common.contract.types import Ticket  # noqa: E402
from common.openstack.rpc import envelope, sealing  # noqa: E402
from common.secret import Secret  # noqa: E402

FILE = Path("docs/reference/wire.json")

_SHAPES = {"sealed request": sealing.Request, "sealed reply": sealing.Reply,
           "clear request": envelope.Request, "clear reply": envelope.Reply}


def draw() -> dict[str, Any]:
    """The picture of the code as it is. Types are JSON schemas; a secret is a string marked ``x-secret``."""
    contracts = {contract.__name__: methods(contract) for contract in (Guest, Conductor)}
    used: list[Any] = [*_SHAPES.values(), Ticket]
    for known in contracts.values():
        for method in known.values():
            used += [*method.arguments.values(), method.result]
    schemas, types = msgspec.json.schema_components(used, schema_hook=_schema, ref_template="#/types/{name}")
    schemas, types = _without_prose(schemas), _without_prose(types)
    by_type = {_key(kind): schema for kind, schema in zip(used, schemas, strict=True)}
    return {
        "version": CONTRACT_VERSION,
        "methods": {f"{contract}.{name}": _method(method, by_type)
                    for contract, known in contracts.items() for name, method in known.items()},
        "shapes": {name: by_type[_key(kind)] for name, kind in _SHAPES.items()},
        "refusals": [reason.value for reason in envelope.Refusal],
        "types": types,
    }


def text(picture: dict[str, Any]) -> str:
    """As it is kept: sorted, indented."""
    return msgspec.json.format(msgspec.json.encode(picture, order="sorted"), indent=2).decode() + "\n"


def _method(method: Method, by_type: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": method.kind.value,
        "since": method.since,
        "confirmed": method.confirmed,
        "capability": method.capability,
        "arguments": {name: by_type[_key(kind)] for name, kind in method.arguments.items()},
        "result": by_type[_key(Ticket if method.kind is Kind.OPERATION else method.result)],
    }


def _without_prose(schema: Any) -> Any:
    """Docstrings may change without the wire."""
    if isinstance(schema, dict):
        return {name: _without_prose(part) for name, part in schema.items()
                if not (name == "description" and isinstance(part, str))}
    return [_without_prose(part) for part in schema] if isinstance(schema, list | tuple) else schema


def _key(kind: object) -> str:
    return repr(kind)


def _schema(kind: type) -> dict[str, Any]:
    if kind is Secret:
        return {"type": "string", "x-secret": True}
    raise NotImplementedError(f"{kind.__name__} is not a contract type")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="packaging/wire.py", description=f"Writes {FILE}.")
    parser.add_argument("--unreleased", action="store_true",
                        help="this contract version has not been released: it may still change")
    unreleased: bool = parser.parse_args(arguments).unreleased
    picture = draw()
    kept = msgspec.json.decode(FILE.read_bytes()) if FILE.exists() else {}
    if kept.get("version") == CONTRACT_VERSION and kept != picture and not unreleased:
        print(f"The wire has changed, but the contract's version is {CONTRACT_VERSION} still: "
              "raise it in common/contract/version.py.", file=sys.stderr)
        return 1
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text(picture))
    return 0


if __name__ == "__main__":
    sys.exit(main())
