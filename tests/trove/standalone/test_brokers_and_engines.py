"""Which broker and which engines an installation works with."""

from pathlib import Path

import pytest

from common.errors import HostFailed, Invalid
from common.secret import Secret
from trove import config
from trove.domain.spots import Spot
from trove.standalone import brokers, engines
from trove.standalone.state import State
from trove.taskmanager.services import BusEndpoint


def configured(tmp_path: Path, text: str) -> tuple[config.cfg.ConfigOpts, State]:
    (tmp_path / "trove.conf").write_text(text)
    return config.load([tmp_path / "trove.conf"]), State(tmp_path / "state")


def test_a_private_broker_unless_a_host_is_named(tmp_path: Path) -> None:
    assert isinstance(brokers.find(*configured(tmp_path, "")), brokers.PrivateBroker)


def test_a_foreign_broker_is_reached_as_its_section_says(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("PEM")
    broker = brokers.find(*configured(tmp_path, f"[broker]\nhost = mq\npassword = hush\nca_file = {authority}\n"))
    broker.start()
    address, endpoint = broker.address(), broker.endpoint()
    assert (address.host, address.port, address.server_name) == ("mq", 5671, "mq")
    assert address.password.reveal() == "hush" and "hush" not in repr(address)
    assert (endpoint.host, endpoint.ca_pem) == ("mq", "PEM")


    far = endpoint.login("12345678-1234-1234-1234-123456789abc", Secret("x"), Spot("rack1", "192.0.2.9", 3306))
    assert (far.host, far.server_name) == ("mq", "mq")


@pytest.mark.parametrize(("section", "told"), [
    ("listen_address = 192.0.2.7", "192.0.2.7"),
    ("listen_address = 192.0.2.7\nguest_address = mq.example.org", "mq.example.org"),
    ("listen_address = 0.0.0.0\nguest_address = mq.example.org", "mq.example.org"),
    ("host = mq\nguest_address = mq.example.org", "mq.example.org"), ("", "")])
def test_what_agents_on_hosts_reach_the_broker_by(tmp_path: Path, section: str, told: str) -> None:
    assert brokers.far_host(configured(tmp_path, f"[broker]\n{section}\n")[0]) == told


@pytest.mark.parametrize("listen", ["0.0.0.0", "mq.example.org"])
def test_an_address_that_nobody_could_be_told_is_refused(tmp_path: Path, listen: str) -> None:
    with pytest.raises(Invalid, match=r"listen on every address|no IP address"):
        brokers.find(*configured(tmp_path, f"[broker]\nlisten_address = {listen}\n"))


def test_an_agent_elsewhere_is_not_told_of_loopback() -> None:
    endpoint = BusEndpoint("127.0.0.1", 5671, "/", "PEM", "localhost")
    with pytest.raises(HostFailed, match="loopback alone"):
        endpoint.login("12345678-1234-1234-1234-123456789abc", Secret("x"), Spot("rack1", "192.0.2.9", 3306))
    near = endpoint.login("12345678-1234-1234-1234-123456789abc", Secret("x"), Spot(None, "127.64.0.1", 3306))
    assert (near.host, near.server_name) == ("127.0.0.1", "localhost")


def test_a_foreign_broker_needs_an_authority(tmp_path: Path) -> None:
    broker = brokers.find(*configured(tmp_path, "[broker]\nhost = mq\n"))
    with pytest.raises(HostFailed) as caught:
        broker.start()
    assert "ca_file" in caught.value.hint


@pytest.mark.parametrize(("host", "sent"), [("127.0.0.1", True), ("::1", True), ("192.0.2.7", False), ("mq", False)])
def test_passwords_are_sent_in_clear_on_loopback_alone(tmp_path: Path, host: str, sent: bool) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("PEM")
    broker = brokers.find(*configured(
        tmp_path, f"[broker]\nhost = {host}\nca_file = {authority}\nmanagement_tls = false\n"))
    if sent:
        broker.start()
        return
    with pytest.raises(Invalid, match="passwords of all guests in clear"):
        broker.start()


@pytest.fixture
def mariadbd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "mariadbd"
    monkeypatch.setattr(engines, "MARIADB", program)
    monkeypatch.setattr(engines, "MYSQL", tmp_path / "mysqld")
    monkeypatch.setattr(engines, "POSTGRESQL", tmp_path / "postgresql")
    monkeypatch.setattr(engines, "REDIS", (tmp_path / "redis-server", tmp_path / "valkey-server"))
    return program


def says(program: Path, text: str) -> None:
    program.write_text(f"#!/bin/sh\necho '{text}'\n")
    program.chmod(0o755)


def test_the_version_of_an_engine_is_asked_of_itself(mariadbd: Path) -> None:
    assert engines.installed() == ()
    says(mariadbd, "mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64 (Debian 12)")
    assert engines.installed() == (engines.Installed("mariadb", "10.11", ""),)


@pytest.mark.parametrize(("said", "found"), [
    ("mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))", (engines.Installed("mysql", "9.7", ""),)),
    ("mysqld  Ver 8.4.6 for Linux on x86_64 (MySQL Community Server - GPL)", (engines.Installed("mysql", "8.4", ""),)),
    ("mysqld  Ver 5.7.44 for Linux on x86_64 (MySQL Community Server (GPL))", ()),
    ("mysqld  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64 (Debian 12)", ()),
])
def test_mysql_is_told_from_a_mariadb_that_goes_by_its_name(
        mariadbd: Path, said: str, found: tuple[engines.Installed, ...]) -> None:
    says(mariadbd.with_name("mysqld"), said)
    assert engines.installed() == found


def test_versions_of_an_engine_that_are_known_are_found_side_by_side_the_newest_first(mariadbd: Path) -> None:
    for version in ("9.6", "15", "17"):
        program = mariadbd.parent / "postgresql" / version / "bin" / "postgres"
        program.parent.mkdir(parents=True)
        program.touch()
    directories = [str(mariadbd.parent / "postgresql" / version / "bin") for version in ("17", "15")]
    assert engines.installed() == (engines.Installed("postgresql", "17", directories[0]),
                                   engines.Installed("postgresql", "15", directories[1]))


def test_redis_and_valkey_are_told_apart_by_what_they_say(mariadbd: Path) -> None:
    redis, valkey = mariadbd.with_name("redis-server"), mariadbd.with_name("valkey-server")
    says(redis, "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0")
    says(valkey, "Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64 build=1536df31c0395150")
    assert engines.installed() == (engines.Installed("redis", "7.0", str(redis), "redis"),
                                   engines.Installed("redis", "9.1", str(valkey), "valkey"))
    redis.unlink()
    redis.symlink_to(valkey)
    [found] = engines.installed()
    assert (found.datastore, found.version) == ("valkey", "9.1")
    says(valkey, "Redis server v=5.0.14 sha=00000000:0")
    assert engines.installed() == ()


@pytest.mark.parametrize(("text", "word"), [("mariadbd Ver 5.5.68-MariaDB", "5.5"), ("hello", "does not tell")])
def test_an_engine_that_is_not_known_is_refused(mariadbd: Path, text: str, word: str) -> None:
    says(mariadbd, text)
    with pytest.raises(HostFailed, match=word):
        engines.installed()
