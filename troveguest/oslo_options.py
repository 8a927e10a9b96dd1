"""The options that ``troveguest.options`` declares, as real oslo.config ones.

Imported only where oslo.config is installed: by the sample generator, the validator and the control plane's tools,
through a package's ``oslo.config.opts`` entry point. No resident agent loads it.
"""

from typing import Any

from msgspec import Struct
from oslo_config import cfg, types

from common.secret import Secret

from .options import Option, declared


def export(kind: type[Struct]) -> list[tuple[str, list[cfg.Opt]]]:
    """Section and options, as an ``oslo.config.opts`` entry point returns them."""
    return [(section, [_opt(option) for option in options.values()]) for section, options in declared(kind).items()]


def _opt(option: Option) -> cfg.Opt:
    return cfg.Opt(option.name, type=_type(option), help=option.help, default=_default(option),
                   required=option.required, secret=option.secret)


def _default(option: Option) -> Any:
    if option.required:
        return None
    if option.secret:
        return option.default.reveal()
    return list(option.default) if option.type is tuple else option.default


def _type(option: Option) -> Any:
    low: Any = option.minimum
    high: Any = option.maximum
    if option.type is bool:
        return types.Boolean()
    if option.type is int:
        return types.Integer(min=low, max=high)
    if option.type is float:
        return types.Float(min=low, max=high)
    if option.type is tuple:
        return types.List()
    assert option.type in (str, Secret)
    return types.String(choices=option.choices or None, regex=option.pattern)
