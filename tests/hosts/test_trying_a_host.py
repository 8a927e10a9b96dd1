"""``trovectl host selftest``: a host is looked at as a creation would, and the agent tried there, over the real way."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts import kinds
from tests.hosts.fleet import Fleet, fleet
from tests.hosts.host import Host
from tests.hosts.network import network
from tests.installation import CommandFailed

CHECKOUT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.long, pytest.mark.server, pytest.mark.skipif(bool(kinds.missing()), reason=kinds.missing())]


@pytest.fixture(scope="module")
def machines() -> Iterator[tuple[Fleet, Host]]:
    with network() as ground, kinds.plain_host(ground, "plain") as host, fleet(ground) as people:
        people.register(host)
        yield people, host


def tried(people: Fleet, host: Host) -> str:
    return people.installed.trovectl("host", "selftest", host.name, "--source", str(CHECKOUT), "--json", timeout=280)


def test_the_agent_works_there_and_the_broker_is_reached(machines: tuple[Fleet, Host]) -> None:
    told = json.loads(tried(*machines))
    assert {each["check"] for each in told["findings"]} >= {"release", "programs", "address", "broker"}
    assert [each for each in told["findings"] if each["level"] == "failed"] == []
    assert told["works"] and len(told["behaviours"]) > 50 and all(each["ok"] for each in told["behaviours"])


def test_what_a_creation_would_fail_of_is_said(machines: tuple[Fleet, Host]) -> None:
    people, host = machines
    host.ssh("sudo", "mv", "/usr/bin/svlogd", "/usr/bin/svlogd.away")
    try:
        with pytest.raises(CommandFailed, match=r"exit 1(.|\n)*This machine lacks svlogd"):
            tried(people, host)
    finally:
        host.ssh("sudo", "mv", "/usr/bin/svlogd.away", "/usr/bin/svlogd")
