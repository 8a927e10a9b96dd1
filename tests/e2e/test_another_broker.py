"""A RabbitMQ that somebody else runs, and a login there with the rights that the operator guide tells and no others."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from common.secret import Secret
from tests import ground
from tests.awaiting import until
from tests.installation import Installation, installation
from trove.bus import names
from trove.bus.admin import Admin
from trove.standalone.authority import Authority
from trove.standalone.rabbit import PrivateNode
from trove.standalone.rabbit_files import VIRTUAL_HOST

pytestmark = pytest.mark.server

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "operator-guide.md"
LOGIN, PASSWORD = "trove-least", Secret("of-the-control-plane")


def told_rights() -> str:
    """The regular expression in the guide's command."""
    found = re.search(r"set_permissions .*'(\^.*\$)' '(\^.*\$)' '(\^.*\$)'", GUIDE.read_text())
    assert found is not None and len(set(found.groups())) == 1
    return found[1]


@pytest.fixture(scope="module")
def node() -> Iterator[PrivateNode]:
    """It has the control plane's login with what the guide says, and something of its operator's."""
    with ground.directory() as directory:
        made = PrivateNode(directory / "rabbit", Authority(directory / "ca"))
        try:
            made.start()
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def admin(node: PrivateNode) -> Iterator[Admin]:
    client, rights = node.admin(), told_rights()
    client.put_user(LOGIN, PASSWORD, "administrator")
    client.permit(LOGIN, configure=rights, write=rights, read=rights)
    client.put_queue("of-the-operator")
    yield client
    client.close()


@pytest.fixture(scope="module")
def installed(node: PrivateNode, admin: Admin) -> Iterator[Installation]:
    with ground.directory() as directory:
        state = directory / "state"
        state.mkdir(mode=0o711)
        address = node.bus_address()
        (state / "trove.conf").write_text(
            f"[broker]\nhost = {address.host}\nport = {address.port}\nvirtual_host = {VIRTUAL_HOST}\n"
            f"management_port = {node.ports.management}\nmanagement_tls = false\nusername = {LOGIN}\n"
            f"password = {PASSWORD.reveal()}\nca_file = {address.ca_file}\nserver_name = {address.server_name}\n")
        with installation(state) as made:
            yield made


def test_an_instance_lives_with_the_least_rights(installed: Installation, admin: Admin) -> None:
    instance = installed.create("elsewhere")
    installed.healthy(instance)
    assert installed.request("GET", f"/instances/{instance}/users")[0] == 200
    assert "1 agents have new keys." in installed.trovectl("instance", "rotate-keys", "elsewhere")
    assert set(names.logins_of(instance, admin.users())) == {names.login(instance, 2)}
    installed.delete(instance)
    installed.gone(instance)
    until(lambda: not [each for each in admin.queues() | admin.exchanges() | admin.users() if instance in each], 20,
          "nothing of the instance is left there")
    assert "of-the-operator" in admin.queues()


@pytest.mark.long
def test_it_is_waited_for_where_it_is_away_at_a_start(installed: Installation, node: PrivateNode) -> None:
    installed.down()
    node.stop()
    try:
        installed.up()
        assert "starts and waits for it" in (installed.state / "log" / "trove.log").read_text()
        instance = installed.create("patient")
        until(lambda: (_met(installed, instance) or {}).get("code") == "unreachable", 60, "the creation waits")
    finally:
        node.start()
    installed.healthy(instance)
    installed.delete(instance)
    installed.gone(instance)


def _met(installed: Installation, instance: str) -> dict[str, Any] | None:
    """What keeps the newest operation on it."""
    status, answer = installed.request("GET", f"/instances/{instance}/operations")
    assert status == 200, answer
    found: dict[str, Any] | None = max(answer["operations"], key=lambda each: each["created"]).get("last_error")
    return found


def test_the_least_rights_are_not_every_right(admin: Admin) -> None:
    for foreign in ("of-the-operator", "amq.topic", "", "trove2", "xguest.a.up"):
        assert re.search(told_rights(), foreign) is None
