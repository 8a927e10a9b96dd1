"""Secrets to be searched for, in every form in which somebody may have written them down."""

import base64
import binascii
import html
import json
import subprocess
import tempfile
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SHORTEST = 10
"""Bytes of a form: shorter ones would be found by chance."""


@dataclass(frozen=True)
class Needle:
    """A secret, and what findings call it. A key in base64 is its bytes, too.

    ``kind`` is what it is one of, ``of`` the engine of the instance that it belongs to, empty for none.
    """

    name: str
    kind: str
    text: str
    of: str = ""

    def forms(self) -> set[bytes]:
        found = set(_of_text(self.text))
        if len(raw := _key_of(self.text)) == 32:
            found |= {raw, *_of_bytes(raw)}
        return {part for form in found for part in (_longest_line(form),) if len(part) >= SHORTEST}


def of_pem(name: str, kind: str, pem: str) -> Iterator[Needle]:
    """The lines of a private key, without those that say what it is."""
    inside = False
    for number, line in enumerate(pem.splitlines()):
        if line.startswith("-----"):
            inside = "PRIVATE KEY" in line and "BEGIN" in line
        elif inside and len(line) >= 40 and not line.startswith("b3BlbnNzaC1rZXktdjE"):  # OpenSSH's own heading
            yield Needle(f"{name}, line {number}", kind, line)


def _of_text(text: str) -> Iterator[bytes]:
    """Raw, in JSON, Python, HTML, SQL and addresses, and as ``_of_bytes`` has it."""
    yield from (form.encode() for form in (
        text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1],
        html.escape(text), text.replace("'", "''"), text.replace("'", "\\'"),
        urllib.parse.quote(text, safe=""), urllib.parse.quote(text), urllib.parse.quote_plus(text)))
    yield from _of_bytes(text.encode())


def _of_bytes(raw: bytes) -> Iterator[bytes]:
    """In hexadecimal, base64 wherever in it they begin, and as a list of numbers, which is how Erlang shows some."""
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield ",".join(map(str, raw)).encode()
    yield ", ".join(map(str, raw)).encode()
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw)
        first, last = -(-before * 8 // 6), (before + len(raw)) * 8 // 6
        yield whole[first:last]
        yield whole[first:last].translate(bytes.maketrans(b"+/", b"-_"))


def _key_of(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _longest_line(form: bytes) -> bytes:
    """What is searched line by line cannot be found over the end of one."""
    return max(form.split(b"\n"), key=len)


@dataclass(frozen=True)
class Found:
    """A secret in a file, at a byte."""

    needle: Needle
    file: Path
    offset: int

    def __str__(self) -> str:
        return f"{self.needle.name} in {self.file} at {self.offset}"


def search(needles: Iterable[Needle], places: Iterable[Path]) -> list[Found]:
    """Every secret in the files and, below directories, in all files of ``places``; links are not followed.

    Files that go while they are searched are passed over.
    """
    forms = {form: needle for needle in needles for form in needle.forms()}
    with tempfile.NamedTemporaryFile() as patterns:  # nobody else reads it, and no command line has a secret
        patterns.write(b"\n".join(sorted(forms)))
        patterns.flush()
        done = subprocess.run(
            ["grep", "--recursive", "--fixed-strings", "--text", "--only-matching", "--byte-offset", "--with-filename",
             "--null", "--no-messages", "--devices=skip", f"--file={patterns.name}", "--", *map(str, places)],
            capture_output=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, check=False)
    assert done.stderr == b"", done.stderr  # it does not complain of files
    return [_found(line, forms) for line in done.stdout.split(b"\n") if line]


def _found(line: bytes, forms: dict[bytes, Needle]) -> Found:
    file, _, rest = line.partition(b"\0")
    offset, _, matched = rest.partition(b":")
    return Found(forms[matched], Path(file.decode()), int(offset))
