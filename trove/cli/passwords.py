"""Passwords as ``trovectl`` takes them: typed, from a file, or generated. Never on a command line."""

import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from common.errors import Invalid
from common.secret import Secret

from . import output

PasswordFile = Annotated[Path | None, typer.Option(
    "--password-file", metavar="FILE", help="Read the password from the first line of this file; - is standard input.")]
Generate = Annotated[bool, typer.Option("--generate-password", help="Do not ask: generate the password.")]

LONGEST = 255
"""Characters that the API takes."""


@dataclass(frozen=True)
class Password:
    """``generated``: nobody knows it yet, so it is to be shown once."""

    secret: Secret
    generated: bool = False


def choose(user: str, file: Path | None, generate: bool) -> Password:
    """A new password: from the file, generated, or asked for where there is somebody to ask. Raises Invalid."""
    if file is not None:
        return Password(read(file))
    if generate or not output.is_asked_by_a_person():
        return new()
    typed = typer.prompt(f"Password of {user} (empty: generate one)", default="", show_default=False, hide_input=True,
                         confirmation_prompt=True, err=True)
    return Password(Secret(typed)) if typed else new()


def ask(user: str, file: Path | None) -> Secret:
    """The password that ``user`` has. Raises Invalid when nobody can be asked."""
    if file is not None:
        return read(file)
    if not output.is_asked_by_a_person():
        raise Invalid("There is no terminal to ask for the password on.", "Name a file with --password-file.")
    return Secret(typer.prompt(f"Password of {user}", hide_input=True, err=True))


def new() -> Password:
    return Password(Secret(secrets.token_urlsafe(18)), generated=True)


def read(file: Path) -> Secret:
    """Raises Invalid for a file that cannot be read or whose first line is no password."""
    try:
        text = sys.stdin.readline() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The password file {file} cannot be read: {error}.",
                      "Name another one with --password-file.") from None
    line = text.partition("\n")[0].rstrip("\r")
    if not 1 <= len(line) <= LONGEST:
        raise Invalid(f"The first line of the password file {file} is empty or longer than {LONGEST} characters.",
                      "Write the password there, and nothing else.")
    return Secret(line)


def show(printed: output.Output, passwords: dict[str, Password]) -> dict[str, str]:
    """Shows the generated ones, this once; by user, for a JSON document."""
    shown = {user: password.secret.reveal() for user, password in passwords.items() if password.generated}
    for user, text in shown.items():
        printed.say(f"The password of {user} is shown this once:  {text}")
    return shown
