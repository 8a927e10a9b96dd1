"""The tenant's settings: at once where the server can, else at its next start, and never against its life."""

import signal
from contextlib import suppress
from typing import NamedTuple
from unittest import mock

from common.contract.types import ServiceStatus
from common.errors import DeadlinePassed, EngineFailed, Invalid, TroveError

from .asking import accounts, make_user, refused
from .subject import Subject

START = 60.0


class _Sample(NamedTuple):
    """Of an engine: a setting that it changes while it runs, with two values and one that it does not take; one that
    wants a restart; one with which it does not start; one that is no tenant's; one that takes any text; and those that
    would bind the agent's own sessions if it let them."""

    live: str
    values: tuple[str, str]
    untaken: str
    restart: tuple[str, str]
    deadly: tuple[str, str]
    owned: str
    text: str
    binding: dict[str, str]


_TEXT = "it's # %s \\n $x [mysqld] !include /etc/passwd ; include 'x' = \u00e4"


class _Died(BaseException):
    """What an agent is in the middle of when somebody kills it."""


_SAMPLES = {
    "fake": _Sample("max_connections", ("50", "60"), "many", ("buffer_size", "4096"), ("buffer_size", "0"), "datadir",
                    "motd", {"max_connections": "1"}),
    "mariadb": _Sample("max_connections", ("77", "99"), "many", ("innodb_log_buffer_size", "4194304"),
                       ("innodb_page_size", "32768"), "datadir", "init_connect",
                       {"max_join_size": "1", "max_statement_time": "0.000001", "sql_select_limit": "1",
                        "tx_read_only": "ON"}),
    "mysql": _Sample("max_connections", ("77", "99"), "many", ("table_open_cache_instances", "4"),
                     ("innodb_page_size", "32768"), "datadir", "init_connect",
                     {"max_join_size": "1", "max_execution_time": "1", "sql_select_limit": "1",
                      "transaction_read_only": "ON"}),
    "postgresql": _Sample("work_mem", ("8192", "16384"), "1", ("max_connections", "60"),
                          ("shared_buffers", "1073741823"), "listen_addresses", "log_line_prefix",
                          {"default_transaction_read_only": "on", "search_path": "nowhere", "statement_timeout": "1"}),
    "redis": _Sample("maxmemory", ("67108864", "33554432"), "many", ("databases", "32"), ("databases", "0"), "aclfile",
                     "proc-title-template", {"timeout": "1"}),
}


def are_changed_while_the_server_runs_and_given_back(subject: Subject) -> None:
    sample, engine = _SAMPLES[subject.manifest.name], subject.engine
    process, before = subject.host.database().process, _has(subject, sample.live)
    for value in sample.values:
        _set(subject, {sample.live: value}, live=(sample.live,))
        assert _has(subject, sample.live) == value
        assert engine.waiting() == ()
    _set(subject, {}, live=(sample.live,))
    assert _has(subject, sample.live) == before
    assert subject.host.database().process == process


def wait_for_the_next_start_where_the_server_wants_one(subject: Subject) -> None:
    sample, engine = _SAMPLES[subject.manifest.name], subject.engine
    name, value = sample.restart
    before = _has(subject, name)
    for wanted, is_so_first, is_so_then in (({name: value}, before, value), ({}, value, before)):
        _set(subject, wanted)
        assert (engine.waiting(), _has(subject, name)) == ((name,), is_so_first)
        assert subject.remake().waiting() == (name,), "a new agent knows it, too"
        _restart(subject)
        assert (engine.waiting(), _has(subject, name)) == ((), is_so_then)


def wait_no_more_when_they_are_taken_back(subject: Subject) -> None:
    name, value = _SAMPLES[subject.manifest.name].restart
    _set(subject, {name: value})
    _set(subject, {})
    assert subject.engine.waiting() == ()


def outlive_a_restart(subject: Subject) -> None:
    sample = _SAMPLES[subject.manifest.name]
    _set(subject, {sample.live: sample.values[0]}, live=(sample.live,))
    _restart(subject)
    assert _has(subject, sample.live) == sample.values[0]
    assert subject.engine.tend(True) == ()
    _set(subject, {}, live=(sample.live,))


def are_refused_where_they_are_no_tenants(subject: Subject) -> None:
    sample = _SAMPLES[subject.manifest.name]
    for name in (sample.owned, "no_such_parameter", "", "a b", "x\n[mysqld]\nport", "!include", "include 'x' #",
                 "a = 1; b", "\u00e4"):
        with refused(Invalid):
            _set(subject, {sample.live: sample.values[0], name: "1"}, live=(sample.live,))
        if name:
            with refused(Invalid):
                _set(subject, {}, live=(sample.live, f"{name} = 1; x"))
    for value in ("a\nport = 1", "x" * 4095):
        with refused(Invalid, naming=sample.text):
            _set(subject, {sample.live: sample.values[0], sample.text: value}, live=(sample.live,))
    assert _has(subject, sample.live) not in sample.values


def are_taken_word_for_word(subject: Subject) -> None:
    name = _SAMPLES[subject.manifest.name].text
    _set(subject, {name: _TEXT}, (name,))
    assert _has(subject, name) == _TEXT
    _restart(subject)
    assert _has(subject, name) == _TEXT
    assert subject.engine.tend(True) == ()
    _set(subject, {}, (name,))


def do_not_bind_the_agent(subject: Subject) -> None:
    binding = _SAMPLES[subject.manifest.name].binding
    for name in ("anna", "bert", "carl"):
        make_user(subject, name)
    _set(subject, binding, tuple(binding))
    subject.engine.close()
    make_user(subject, "dora")
    assert [name for name, _ in accounts(subject)] == ["anna", "bert", "carl", "dora"]
    assert subject.engine.health().status is ServiceStatus.HEALTHY
    assert subject.engine.tend(True) == ()
    _set(subject, {}, tuple(binding))


def are_as_before_when_the_agent_dies_meanwhile(subject: Subject) -> None:
    sample = _SAMPLES[subject.manifest.name]
    name, (before, after) = sample.live, sample.values
    _set(subject, {name: before}, (name,))
    dying = subject.remake()
    known = dict.fromkeys((*subject.overrides, name), "")
    with suppress(_Died), mock.patch.object(dying, "settings", side_effect=(known, _Died)):
        dying.update_overrides({**subject.overrides, name: after}, (name,), False)
    subject.engine.close()
    subject.engine = subject.remake()
    assert _has(subject, name) == after
    [told] = subject.engine.tend(True)
    assert name in told.sentence and not told.repaired, told
    _restart(subject)
    assert _has(subject, name) == before
    _set(subject, {}, (name,))


def are_as_before_when_the_server_dies_meanwhile(subject: Subject) -> None:
    sample, engine = _SAMPLES[subject.manifest.name], subject.engine
    name, (before, after) = sample.live, sample.values
    _set(subject, {name: before}, (name,))
    change = engine.change

    def die(values: dict[str, str | None]) -> None:
        subject.host.signal(signal.SIGKILL)
        change(values)

    with mock.patch.object(engine, "change", die), refused(TroveError):
        _set(subject, {name: after}, (name,))
    assert engine.tend(False) == ()
    engine.configure()
    engine.start(START)
    assert (_has(subject, name), engine.waiting()) == (before, ())
    _set(subject, {}, (name,))


def are_not_changed_when_one_is_not_taken(subject: Subject) -> None:
    sample = _SAMPLES[subject.manifest.name]
    live = (sample.live,)
    _set(subject, {sample.live: sample.values[0]}, live)
    with refused(EngineFailed):
        _set(subject, {sample.live: sample.untaken}, live)
    assert _has(subject, sample.live) == sample.values[0]
    _restart(subject)
    assert _has(subject, sample.live) == sample.values[0]
    _set(subject, {}, live)


def are_rolled_back_when_the_server_does_not_start_with_them(subject: Subject) -> None:
    sample = _SAMPLES[subject.manifest.name]
    name, value = sample.deadly
    before = _has(subject, name)
    _set(subject, {name: value})
    subject.engine.stop(START)
    subject.engine.configure()
    with refused(Invalid):
        subject.engine.start(START)
    assert subject.engine.health().status is ServiceStatus.HEALTHY
    assert _has(subject, name) == before
    for engine in (subject.engine, subject.remake()):
        [told] = engine.tend(True)
        assert name in told.sentence and not told.repaired, told
    _set(subject, {})
    assert subject.engine.tend(True) == ()


def are_rolled_back_when_the_server_does_not_get_up_with_them(subject: Subject) -> None:
    """It lives, and accepts no connection."""
    engine, (name, value) = subject.engine, _SAMPLES[subject.manifest.name].restart
    before, start = _has(subject, name), engine._start
    _set(subject, {name: value})
    engine.stop(START)
    engine.configure()

    def get_stuck(timeout: float) -> None:
        start(timeout)
        if engine.kept.wanted.get(name) == value:
            raise DeadlinePassed("It did not accept connections.")

    with mock.patch.object(engine, "_start", get_stuck), refused(Invalid, naming="did not accept connections"):
        engine.start(START)
    assert (engine.health().status, _has(subject, name)) == (ServiceStatus.HEALTHY, before)
    [told] = engine.tend(True)
    assert name in told.sentence and not told.repaired, told
    _set(subject, {})
    assert engine.tend(True) == ()


def are_told_of_when_somebody_else_changes_them(subject: Subject) -> None:
    sample = _SAMPLES[subject.manifest.name]
    ours, others = sample.values
    for repair in (False, True):
        _set(subject, {sample.live: ours}, (sample.live,), repair=repair)
        _meddle(subject, sample.live, others)
        [told] = subject.engine.tend(True)
        assert sample.live in told.sentence and told.repaired is repair, told
        assert _has(subject, sample.live) == (ours if repair else others)
    _set(subject, {}, (sample.live,))


def _meddle(subject: Subject, name: str, value: str) -> None:
    """As a tenant's superuser does it."""
    if subject.manifest.name == "postgresql":
        with subject.engine.sql.session() as session:
            session.execute(f"ALTER SYSTEM SET {name} = {value}")
            session.execute("SELECT pg_reload_conf()")
        while _has(subject, name) != value:  # the server tells nobody that it has read its files again
            pass
    else:
        subject.engine.change({name: value})


def _set(subject: Subject, overrides: dict[str, str], live: tuple[str, ...] = (), *, repair: bool = False) -> None:
    subject.engine.update_overrides({**subject.overrides, **overrides}, live, repair)


def _has(subject: Subject, name: str) -> str:
    return str(subject.engine.get_settings((name,))[name])


def _restart(subject: Subject) -> None:
    subject.engine.stop(START)
    subject.engine.configure()
    subject.engine.start(START)
