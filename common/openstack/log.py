"""Log lines for people and for machines: one sentence with fields, under the request id of the current context.

``setup`` once per process; then ``LOG = log.get(__name__)`` and ``LOG.info("The server runs again.", attempts=3)``.
Lines of libraries that use ``logging`` take the same form. A ``Secret`` shows as ``***`` wherever it stands.

People's form: ``2026-11-22T17:08:40.123Z INFO troveguest.loop [req-…] The server runs again. attempts=3``. With
``as_json`` each line is one object with ``time``, ``level``, ``logger``, ``request_id``, ``message``, the fields, and
``trace`` where there is one.
"""

import logging
import sys
import time
from typing import TextIO

import msgspec

from common.secret import Secret

from . import context

VALUE_LIMIT = 2000
"""Characters of one field that are shown; what a program printed may be long."""

_FIELDS = "trove_fields"


class Log:
    """A named source of lines. Fields are plain values; none of them is called ``error``, which takes an exception."""

    __slots__ = ("_logger",)

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, sentence: str, **fields: object) -> None:
        self._write(logging.DEBUG, sentence, None, fields)

    def info(self, sentence: str, **fields: object) -> None:
        self._write(logging.INFO, sentence, None, fields)

    def warning(self, sentence: str, error: BaseException | None = None, **fields: object) -> None:
        self._write(logging.WARNING, sentence, error, fields)

    def error(self, sentence: str, error: BaseException | None = None, **fields: object) -> None:
        """With ``error`` its trace is written behind the line."""
        self._write(logging.ERROR, sentence, error, fields)

    def _write(self, level: int, sentence: str, error: BaseException | None, fields: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", sentence, exc_info=error, extra={_FIELDS: fields})


class Formatter(logging.Formatter):
    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        fields = {name: _shown(value) for name, value in getattr(record, _FIELDS, {}).items()}
        trace = self.formatException(record.exc_info) if record.exc_info and record.exc_info[0] else ""
        request = context.current().request_id
        if self._as_json:
            head = {"time": moment, "level": record.levelname, "logger": record.name, "request_id": request,
                    "message": record.getMessage()}
            line = {**fields, **head, **({"trace": trace} if trace else {})}
            return msgspec.json.encode(line).decode()
        words = [moment, record.levelname, record.name, *([f"[{_one_line(request)}]"] if request else []),
                 _one_line(record.getMessage()), *(f"{name}={_quoted(value)}" for name, value in fields.items())]
        return " ".join(words) + (f"\n{trace}" if trace else "")


def get(name: str) -> Log:
    return Log(name)


def setup(*, debug: bool = False, as_json: bool = False, stream: TextIO | None = None) -> None:
    """Sends every line of this process to ``stream`` (standard error), libraries' from warnings upwards."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Formatter(as_json=as_json))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for own in ("common", "trove", "troveguest"):
        logging.getLogger(own).setLevel(logging.DEBUG if debug else logging.INFO)


def _shown(value: object) -> object:
    if isinstance(value, Secret):
        return "***"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return text if len(text) <= VALUE_LIMIT else f"{text[:VALUE_LIMIT]}…"


def _one_line(text: str) -> str:
    """Line breaks and other control characters written out, so that nobody's text can pose as a line of ours."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _quoted(value: object) -> str:
    text = _one_line(str(value))
    return text if text and " " not in text and '"' not in text else '"' + text.replace('"', '\\"') + '"'
