"""Everything that helps somebody else to see what is wrong, in one archive, without a secret.

Options are left out by their type, and every member is searched for the secrets that are known here: those of the
options, known or not, and of the orders in the journal.
"""

import base64
import io
import json
import os
import re
import sys
import tarfile
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from common.contract import CONTRACT_VERSION
from common.errors import Exists, NotFound, TroveError

from .. import __version__, config, options
from ..host import files
from ..host.layout import LOGGED, SERVICES, Layout
from ..host.record import Record
from ..host.supervision import Supervised
from ..place import limits, preflight
from . import doctor, orders

LOGS = 8 << 20
"""Bytes of all logs together."""
_LONGEST = 4096
"""Of a secret in bytes: what a log's end begins with may be a part of one."""
_HIDDEN = "***"
_ASSIGNED = re.compile(r"[#;\s]*([^=:#;\s]+)\s*[=:]\s*(.*?)\s*")
_SPOKEN = re.compile(r"(?i)(identified (?:by|via \w+ using) |password\s*[=:]?\s*\(?)('[^']*'|\"[^\"]*\"|[^\s,;)]+)")


def write(layouts: Sequence[Layout], top: Path, target: str = "") -> Path:
    """Makes the archive, for nobody but who asks. Raises Exists for a file that is there."""
    path = Path(target or f"trove-support-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.tar.gz").absolute()
    known = scrubbers(secret for layout in layouts for secret in secrets(layout))
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for name, text in members(layouts, top, known):
            data = scrubbed(text, known).encode(errors="replace")
            entry = tarfile.TarInfo(f"trove-support/{name}")
            entry.size, entry.mtime, entry.mode = len(data), int(time.time()), 0o600
            archive.addfile(entry, io.BytesIO(data))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Exists(f"{path} is there already.", "Name another file: -o FILE.") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(whole.getbuffer())
    return path


def members(layouts: Sequence[Layout], top: Path, known: Sequence[re.Pattern[str]]) -> Iterator[tuple[str, str]]:
    """Names and texts."""
    release = Path(__file__).resolve().parents[3]
    yield "versions.json", _json(lambda: {
        "agent": __version__, "contract": CONTRACT_VERSION, "python": sys.version, "machine": tuple(os.uname()),
        "release": preflight.manifest(release).get("total")})
    yield "findings.json", _json(lambda: doctor.report(layouts, top))
    for layout in layouts:
        for name, look in _LOOKS.items():
            yield f"{layout.home.name}/{name}.json", _json(partial(look, layout))
        yield f"{layout.home.name}/settings.conf", "".join(shown for shown, _ in settings(layout))
        for name in LOGGED:
            most = LOGS // len(layouts) // len(LOGGED)
            yield f"{layout.home.name}/{name}.log", log(layout.log / name, most, known)


def settings(layout: Layout) -> Iterator[tuple[str, str]]:
    """Each line of the agent's options as it may be shown, and the secret that was in it; also of files that are wrong.

    Shown are values of options that are known and not secret.
    """
    known, section = options.declared(config.Options), ""
    for file in sorted(layout.config.glob("*.conf")):
        for line in (files.read(file) or b"").decode(errors="replace").splitlines():
            assigned = _ASSIGNED.fullmatch(line)
            if assigned is None:  # a section, or nothing that may be shown
                section = line.strip("[] ")
                yield f"[{section}]\n" if section in known else "\n", ""
                continue
            name, value = assigned.groups()
            if (option := known.get(section, {}).get(name)) is not None and not option.secret:
                yield f"{line}\n", ""
            else:
                quoted = value[:1] in ("'", '"') and value[0] == value[-1]
                yield f"{name} = {_HIDDEN}\n", (value[1:-1] if quoted else value).replace("$$", "$")


def secrets(layout: Layout) -> Iterator[str]:
    yield from (secret for _, secret in settings(layout))
    with suppress(NotFound):
        yield from orders.secrets(layout)


def scrubbers(secrets: Iterable[str]) -> list[re.Pattern[str]]:
    """What finds each secret, the longest first, in every form that a log may give it. Of a short one, whole words."""
    forms = {form for secret in secrets if secret for form in (
        secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1],
        urllib.parse.quote(secret, safe=""), secret.encode(errors="replace").hex(),
        base64.b64encode(secret.encode(errors="replace")).decode().rstrip("="))}
    ordered = sorted(forms, key=len, reverse=True)
    return [re.compile(re.escape(form) if len(form) > 5 else rf"(?<!\w){re.escape(form)}(?!\w)") for form in ordered]


def scrubbed(text: str, known: Iterable[re.Pattern[str]]) -> str:
    for pattern in known:
        text = pattern.sub(_HIDDEN, text)
    return _SPOKEN.sub(rf"\1{_HIDDEN}", text)


def log(directory: Path, most: int, known: Sequence[re.Pattern[str]]) -> str:
    """The last ``most`` characters of what a keeper of logs has there."""
    found = ""
    for file in (*sorted(directory.glob("@*")), directory / "current"):
        found += files.tail(file, most + _LONGEST)
    return scrubbed(found, known)[-most:]


def _json(look: Callable[[], object]) -> str:
    """An error is what was found."""
    try:
        value = look()
    except (TroveError, OSError) as error:
        value = {"error": str(error)}
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=1).decode()


_LOOKS: dict[str, Callable[[Layout], object]] = {
    "place": lambda layout: Record.read(layout.record),
    "journal": orders.entries,
    "services": lambda layout: {name: Supervised(layout.supervise(name)).status() for name in SERVICES},
    "limits": lambda layout: limits.read(layout.home.name),
}
