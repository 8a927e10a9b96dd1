"""Python of ours on a host that has nothing of ours: modules of the standard library's world, run from memory there.

No file of theirs is written on the host.
"""

import inspect
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TypeVar

import msgspec

from common import errors, releases
from trove.releases.installing import INTERPRETER

from .. import running
from ..running import Way

T = TypeVar("T")

_START = """
import errno, json, sys, types
def module(name):
    if name not in sys.modules:
        made = sys.modules[name] = types.ModuleType(name)
        made.__path__, made.__package__ = [], name
        parent, _, own = name.rpartition(".")
        if parent:
            setattr(module(parent), own, made)
    return sys.modules[name]
order = json.load(sys.stdin)
for name, text in order["modules"]:
    made = module(name)
    made.__package__ = name.rpartition(".")[0]
    exec(compile(text, name, "exec"), made.__dict__)
try:
    answer, code = getattr(made, order["function"])(**order["arguments"]), 0
except OSError as error:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    said = "%s: %s." % (error.filename or "The operating system", error.strerror or error)
    answer, code = {"code": "no_space" if full else "host_failed", "message": said, "hint": ""}, 1
except sys.modules["common.errors"].TroveError as error:
    answer, code = {"code": error.code, "message": error.message, "hint": error.hint}, 1
print(json.dumps(answer))
sys.exit(code)
"""


def call(way: Way, modules: Sequence[ModuleType], function: str, arguments: Mapping[str, object], answer: type[T],
         timeout: float) -> T:
    """What ``function`` of the last of ``modules`` answers there; each may import the ones before it.

    Raises what it raises, and what ``running.ask`` raises.
    """
    texts = [(module.__name__, inspect.getsource(module)) for module in (errors, releases, *modules)]
    order = {"modules": texts, "function": function, "arguments": arguments}
    return running.ask(way, [INTERPRETER, "-IS", "-c", _START], msgspec.json.encode(order), answer, timeout,
                       f"{function} on the host")
