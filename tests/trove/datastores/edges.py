"""The values of a catalogue at which it may part from its server: the ends of ranges, each word, each default."""

from contextlib import suppress

from trove.domain.parameters import Catalogue, Parameter, Rejected

MEMORY_MB = 256
"""Of the servers that tests start."""


def dynamic(catalogue: Catalogue) -> dict[str, list[str]]:
    """Of those that a running server can change, each as the catalogue writes it."""
    return {name: found for name, each in sorted(catalogue.parameters.items())
            if each.dynamic and not each.refused and (found := canonical(catalogue, each))}


def canonical(catalogue: Catalogue, parameter: Parameter) -> list[str]:
    made = []
    for value in _edges(parameter):
        with suppress(Rejected):  # more than a flavor carries
            made.append(catalogue.canonical({parameter.name: value}, MEMORY_MB)[parameter.name])
    return list(dict.fromkeys(made))


def _edges(parameter: Parameter) -> list[str]:
    defaults = [] if parameter.default is None else [parameter.default]
    if parameter.kind == "boolean":
        return ["0", "1"]
    if parameter.kind in ("enum", "set"):
        return [*parameter.choices, *defaults]
    least, most = parameter.minimum, parameter.maximum
    if least is None or most is None:
        return defaults
    if parameter.kind == "float":
        return [str(least), str(most), str(least + (min(most, 100.0) - least) / 3), *defaults]
    inside = least + (min(most, 2**40) - least) // 3
    return [*(str(each - each % parameter.step) for each in (least + parameter.step - 1, most, inside)), *defaults]
