"""The options that ``troveguest.options`` declares, as real oslo.config ones.

Imported only where oslo.config is installed: by the sample generator, the validator and the control plane's tools,
through a package's ``oslo.config.opts`` entry point. No resident agent loads it.
"""

from typing import Any

from msgspec import Struct
from oslo_config import cfg, types

from common.secret import Secret

from . import config
from .options import Option, declared


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """The agent's: the ``oslo.config.opts`` entry point."""
    return export(config.Options)


def export(kind: type[Struct]) -> list[tuple[str, list[cfg.Opt]]]:
    """Section and options, as an ``oslo.config.opts`` entry point returns them."""
    return [(section, [_opt(option) for option in options.values()]) for section, options in declared(kind).items()]


def sample(kind: type[Struct]) -> str:
    """A commented INI file with every option, its help and its default."""
    lines: list[str] = []
    for section, options in declared(kind).items():
        lines += [f"[{section}]", ""]
        for option in options.values():
            note = "required" if option.required else f"{option.expectation()}"
            lines += [f"# {option.help} ({note})", f"#{option.name} = {written(option)}".rstrip(), ""]
    return "\n".join(lines)


def written(option: Option) -> str:
    """The default as it would stand in a file; empty for required and secret ones."""
    if option.required or option.secret:
        return ""
    if option.type is bool:
        return "true" if option.default else "false"
    return str(option.default).replace("$", "$$")


def _opt(option: Option) -> cfg.Opt:
    return cfg.Opt(option.name, type=_type(option), help=option.help, default=_default(option),
                   required=option.required, secret=option.secret)


def _default(option: Option) -> Any:
    if option.required:
        return None
    if option.secret:
        return option.default.reveal()
    return option.default


def _type(option: Option) -> Any:
    low: Any = option.minimum
    high: Any = option.maximum
    if option.type is bool:
        return types.Boolean()
    if option.type is int:
        return types.Integer(min=low, max=high)
    if option.type is float:
        return types.Float(min=low, max=high)
    assert option.type in (str, Secret)
    return types.String(choices=option.choices or None)
