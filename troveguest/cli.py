"""``trove-guestagent``: the resident agent, and the root command that makes and removes its place on a machine.

Options of the agent come from files, orders to place from standard input: nothing secret is an argument. Each command
imports what it needs and nothing else; argparse would cost the resident agent half a megabyte.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from common.errors import Invalid, TroveError

from . import spare

if TYPE_CHECKING:
    from pathlib import Path

USAGE = """\
usage: trove-guestagent COMMAND

  run [--config-file FILE]… [--config-dir DIRECTORY]…
                   serve one instance until SIGTERM
  check [--config-file FILE]… [--config-dir DIRECTORY]…
                   say what is wrong with the configuration
  preflight        say whether this machine can carry an instance; reads a description of its place (JSON) from
                   standard input, answers in JSON
  place            make or repair a place; likewise
  grow             make the volume of a place larger; likewise
  unplace          remove a place; likewise
  restore          bring back every instance that is placed on this machine, as after a reboot
  uninstall [--with-instances]
                   take all that was installed from this machine
  doctor [--config-dir DIRECTORY]… [--json]
                   say what is wrong with this machine and the instances on it, and what to do
  journal [--config-dir DIRECTORY]… [--json]
                   show the orders that agents took, and how they ended
  support-bundle [--config-dir DIRECTORY]… [-o FILE]
                   put logs, journals, versions and settings without secrets into one archive
  selftest         try this agent here, with an engine in memory
  version          print the versions of the agent and of its contract
"""

USAGE_FAULT = 64
CONFIGURATION_FAULT = 78
"""Exit codes, as sysexits.h has them."""


def main(arguments: Sequence[str] | None = None) -> int:
    command, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["help"]
    if command not in COMMANDS:
        return _complain(f"There is no command {command!r}.\n\n{USAGE}", USAGE_FAULT)
    try:
        return COMMANDS[command](rest)
    except ImportError as error:
        return _complain(f"This release cannot be used by Python {sys.version.split()[0]}: {error}. "
                         "Build one for it: trovectl agent build --python VERSION.", 1)


def run(arguments: Sequence[str]) -> int:
    spare.pathlib()
    from . import config, service

    try:
        sources = _sources(arguments)
        options, unknown = config.load(*sources)
        service.run(options, unknown, lambda: config.load(*sources)[0])
    except TroveError as error:
        return _complain(error.sentence(), CONFIGURATION_FAULT if isinstance(error, Invalid) else 1)
    return 0


def check(arguments: Sequence[str]) -> int:
    """Exit code 78 when the agent would not start, or an entry means nothing to it."""
    from . import config

    try:
        _, unknown = config.load(*_sources(arguments))
    except TroveError as error:
        return _complain(error.sentence(), CONFIGURATION_FAULT)
    return _complain("\n".join(unknown), CONFIGURATION_FAULT) if unknown else 0


def version(arguments: Sequence[str]) -> int:
    from common.contract import CONTRACT_VERSION

    from . import __version__

    sys.stdout.write(f"trove-guestagent {__version__}, contract {CONTRACT_VERSION}\n")
    return 0


def selftest(arguments: Sequence[str]) -> int:
    """Exit code 1 when a behaviour is not as it must be."""
    try:
        from .conformance import selftest
    except ModuleNotFoundError:
        return _complain("This release has no self-test in it. Run that of the one file: sh FILE selftest; "
                         "over SSH: trovectl host selftest NAME.", 1)
    return selftest.main()


def usage(arguments: Sequence[str]) -> int:
    sys.stdout.write(USAGE)
    return 0


def _elsewhere(module: str, command: str, arguments: Sequence[str]) -> int:
    from importlib import import_module

    try:
        code: int = import_module(f"{__package__}.{module}").main((command, *arguments))
    except TroveError as error:
        return _complain(error.sentence(), 1)
    except OSError as error:
        return _complain(f"{error}. Be root, or the agent's user.", 1)
    return code


def _sources(arguments: Sequence[str]) -> "tuple[list[Path], list[Path]]":
    """Files and directories to read options from, as oslo.config's command line names them. Raises Invalid."""
    from pathlib import Path

    found: dict[str, list[Path]] = {"--config-file": [], "--config-dir": []}
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        value = value if equals else next(words, "")
        if name not in found or not value:
            raise Invalid(f"The argument {word!r} is not understood.",
                          "Give --config-file FILE or --config-dir DIRECTORY.")
        found[name].append(Path(value))
    return found["--config-file"], found["--config-dir"]


def _complain(sentence: str, code: int) -> int:
    sys.stderr.write(f"trove-guestagent: {sentence}\n")
    return code


_ELSEWHERE = {"place": ("preflight", "place", "grow", "unplace"), "machine": ("restore", "uninstall"),
              "support": ("doctor", "journal", "support-bundle")}
COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "run": run, "check": check,
    **{command: partial(_elsewhere, module, command) for module, names in _ELSEWHERE.items() for command in names},
    "selftest": selftest, "version": version, "help": usage, "--help": usage, "-h": usage,
}
