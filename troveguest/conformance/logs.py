"""A server's logs: written while they are switched on, read in pieces, and nobody else's files in their place."""

import os
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from common.contract.types import Log
from common.errors import Invalid, NotFound

from ..datastores import logs as module
from .asking import PASSWORD, make_place, make_user, refused
from .subject import Subject

START = 60.0
_SWITCHED = {"fake": "general_log", "mariadb": "general_log", "mysql": "general_log",
             "postgresql": "log_statement"}
"""The setting behind the log ``general``, where there is one."""


def are_listed_with_what_they_hold(subject: Subject) -> None:
    found = _logs(subject)
    assert found
    for name, log in found.items():
        assert log.enabled is not log.switched, f"{name} is as it was made"
        assert log.size <= len(_whole(subject, name).encode())


def of_unknown_names_or_positions_are_refused(subject: Subject) -> None:
    name = next(iter(_logs(subject)))
    for unknown in ("", "nothing", "../error", "\0"):
        with refused(NotFound):
            subject.engine.read_log(unknown, "", 100)
        with refused(NotFound):
            subject.engine.set_log(unknown, True)
    for position in ("1", "1:2", "x:0:0", "1:2:3:4", "-1:0:0", "9" * 30):
        with refused(Invalid):
            subject.engine.read_log(name, position, 100)


def are_always_written_where_they_have_no_switch(subject: Subject) -> None:
    for name in (name for name, log in _logs(subject).items() if not log.switched):
        with refused(Invalid, naming=name):
            subject.engine.set_log(name, False)


def are_written_while_switched_on(subject: Subject) -> None:
    if "general" not in _logs(subject):
        return
    process = subject.host.database().process
    position = _end(subject, "general")
    _say(subject, "before")
    assert not _has(_since(subject, position), "before")
    subject.engine.set_log("general", True)
    assert _logs(subject)["general"].enabled
    _say(subject, "during")
    text = _since(subject, position)
    assert _has(text, "during"), text
    subject.engine.set_log("general", False)
    position = _end(subject, "general")
    _say(subject, "after")
    assert not _has(_since(subject, position), "after")
    assert subject.host.database().process == process


def are_switched_for_the_next_server_and_the_next_agent(subject: Subject) -> None:
    for name in (name for name, log in _logs(subject).items() if log.switched):
        subject.engine.set_log(name, True)
        _restart(subject)
        subject.engine.close()
        subject.engine = subject.remake()
        assert _logs(subject)[name].enabled and subject.engine.tend(True) == ()
        if name == "general":
            position = _end(subject, name)
            _say(subject, "restarted")
            assert _has(_since(subject, position), "restarted")
        subject.engine.set_log(name, False)
        _restart(subject)
        assert not _logs(subject)[name].enabled and subject.engine.tend(True) == ()


def are_switched_by_nobody_else(subject: Subject) -> None:
    if (setting := _SWITCHED.get(subject.manifest.name)) is None:
        return
    with refused(Invalid, naming=setting):
        subject.engine.update_overrides({**subject.overrides, setting: "ON"}, (setting,), False)
    wanted = subject.engine.get_settings((setting,))
    subject.engine.set_log("general", True)
    subject.engine.change(wanted)
    if subject.manifest.name != "postgresql":  # there it reads our file
        [told] = subject.engine.tend(True)
        assert told.repaired and setting in told.sentence, told
    _say(subject, "repaired")
    assert "repaired" in _whole(subject, "general")
    subject.engine.set_log("general", False)
    assert subject.engine.get_settings((setting,)) == wanted


def are_short_and_followed_over_their_rotation(subject: Subject) -> None:
    if (path := _on_volume(subject)) is None:
        return
    subject.engine.set_log("general", True)
    _say(subject, "first")
    position = _end(subject, "general")
    _say(subject, "second")
    _bound(subject, path)
    _say(subject, "third")
    text = _since(subject, position)
    assert "first" not in text and text.index("second") < text.index("third"), text
    _bound(subject, path)
    _say(subject, "fourth")
    assert len(list(path.parent.glob("general.log*"))) == 2
    assert subject.engine.read_log("general", position, 100).lost, "and whoever follows is told"
    subject.engine.set_log("general", False)


def are_never_somebody_elses_file(subject: Subject) -> None:
    if (path := _on_volume(subject)) is None:
        return
    subject.engine.set_log("general", True)
    _say(subject, "own")
    secret = subject.host.home / "secret"
    secret.write_text("a secret of the agent's\n" * 99)
    puts: list[Callable[[], None]] = [lambda: path.symlink_to(secret), lambda: os.mkfifo(path), path.mkdir]
    if os.geteuid() == 0:  # else both files are the same user's
        puts.append(lambda: path.hardlink_to(secret))
    for put in puts:
        path.unlink()
        put()
        assert "of the agent's" not in _whole(subject, "general")
        subject.engine.bound_logs()
        _say(subject, "anew")
        assert path.is_file() and "anew" in _whole(subject, "general")
    subject.engine.set_log("general", False)


def _on_volume(subject: Subject) -> Path | None:
    source = subject.engine.sources().get("general")
    is_there = source is not None and source.path != subject.engine.context.database_log
    return source.path if is_there else None


def _bound(subject: Subject, path: Path) -> None:
    with mock.patch.object(module, "LARGEST", path.stat().st_size - 1):
        subject.engine.bound_logs()


def _say(subject: Subject, word: str) -> None:
    """Something that the general log has: a login, and where it can be used, a statement."""
    databases = make_place(subject, word)
    make_user(subject, word, *databases)
    assert subject.client.can_log_in(word, PASSWORD)
    for database in databases:
        assert subject.client.can_use(word, PASSWORD, database)


def _has(text: str, word: str) -> bool:
    """A login, or a statement; what the server says of itself is no such."""
    return any(word in line for line in text.splitlines() if "Connect" in line or "statement:" in line)


def _logs(subject: Subject) -> dict[str, Log]:
    return {log.name: log for log in subject.engine.list_logs()}


def _whole(subject: Subject, name: str) -> str:
    return _since(subject, module.START, name)


def _since(subject: Subject, position: str, name: str = "general") -> str:
    text, more = "", True
    while more:
        chunk = subject.engine.read_log(name, position, 1000)
        assert not chunk.lost
        text, position, more = text + chunk.text, chunk.after, chunk.more
    return text


def _end(subject: Subject, name: str) -> str:
    position, more = "", True
    while more:
        chunk = subject.engine.read_log(name, position, module.CHUNK)
        position, more = chunk.after, chunk.more
    return str(position)


def _restart(subject: Subject) -> None:
    subject.engine.stop(START)
    subject.engine.configure()
    subject.engine.start(START)
