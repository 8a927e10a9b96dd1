"""Every option that is declared is read by somebody, and every one that is read is declared, on both sides."""

from pathlib import Path

import pytest
from oslo_config import cfg

from tests.packaging.option_reads import Side
from trove import config as control
from troveguest import config as guest
from troveguest import options

CHECKOUT = Path(__file__).resolve().parents[2]
CONTROL = Side({section: {each.name for each in declared} for section, declared in control.list_opts()},
               whole="cfg.ConfigOpts", parts={}, default_apart=False, own=dir(cfg.ConfigOpts))
AGENT = Side({section: set(declared) for section, declared in options.declared(guest.Options).items()},
             whole="config.Options", parts={"config.Default": "DEFAULT", "config.Bus": "bus", "config.Keys": "keys"},
             default_apart=True)


@pytest.mark.parametrize(("package", "side"), [("trove", CONTROL), ("troveguest", AGENT)])
def test_what_is_declared_is_what_is_read(package: str, side: Side) -> None:
    sources = [file for file in (CHECKOUT / package).rglob("*.py") if file != CHECKOUT / package / "config.py"]
    assert side.read(sources) == side.declared()


def test_the_agent_has_few_options() -> None:
    assert len(AGENT.declared()) <= 40


SIDE = Side({"DEFAULT": {"port"}, "broker": {"host"}, "store": {"url"}}, whole="cfg.ConfigOpts",
            parts={"config.Broker": "broker"}, default_apart=False)


@pytest.mark.parametrize(("code", "read"), [
    ("def f(conf: cfg.ConfigOpts): return conf.port, conf.broker.host", {("DEFAULT", "port"), ("broker", "host")}),
    ("def f(conf: cfg.ConfigOpts): return conf.prot", {("DEFAULT", "prot")}),
    ("def f(conf: cfg.ConfigOpts): return conf.broker.hots.upper()", {("broker", "hots")}),
    ("def f(part: config.Broker): return part.host", {("broker", "host")}),
    ("def f(conf: cfg.ConfigOpts, s): return conf[s].url", {("store", "url")}),
    ("conf = config.load([])\nbroker = conf.broker\nprint(broker.host)", {("broker", "host")}),
    ("class A:\n  def __init__(self, conf: cfg.ConfigOpts): self._part = conf.broker\n  def f(self): self._part.host",
     {("broker", "host")}),
    ("def f(other): return other.port, other.broker.host", set()),
])
def test_reads_are_found(tmp_path: Path, code: str, read: set[tuple[str, str]]) -> None:
    file = tmp_path / "code.py"
    file.write_text(code)
    assert SIDE.read([file]) == read
