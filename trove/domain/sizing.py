"""Formulas by which settings follow from a flavor and a volume: whole numbers, ``+ - * // **``, brackets, the names
that are given, and ``between(least, value, most)`` and ``atleast(least, value)``."""

import ast
import operator
from collections.abc import Callable, Mapping

from common.errors import Internal

_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
              ast.Pow: operator.pow}
_FUNCTIONS: dict[str, Callable[..., int]] = {
    "between": lambda least, value, most: max(least, min(value, most)), "atleast": max}


def evaluate(formula: str, names: Mapping[str, int]) -> int:
    """Raises Internal for what is no formula: they come with a release."""
    try:
        return _value(ast.parse(formula, mode="eval").body, names)
    except (SyntaxError, KeyError, TypeError) as error:
        raise Internal(f"The formula {formula!r} of a parameter cannot be read: {error}.") from None


def _value(node: ast.expr, names: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.Name(id=name):
            return names[name]
        case ast.BinOp(left=left, op=op, right=right):
            return int(_OPERATORS[type(op)](_value(left, names), _value(right, names)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return int(_FUNCTIONS[name](*(_value(each, names) for each in arguments)))
    raise SyntaxError(ast.unparse(node))
