"""An installation whose instances stand on hosts, and a SQL client in a namespace of its own."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests import ground
from tests.hosts.host import Host
from tests.hosts.network import Leg, Network
from tests.installation import CommandFailed, Installation, installation


@dataclass(frozen=True)
class Fleet:
    """``client`` is where people's programs run: they see the hosts' addresses and nothing of this machine."""

    installed: Installation
    network: Network
    client: Leg

    def register(self, host: Host) -> None:
        """As an operator does it: the installation's key goes to the host, the host's key to the installation."""
        host.admit(self.installed.trovectl("host", "key"))
        self.installed.trovectl("host", "add", host.name, "--address", host.address, "--user", host.login,
                                "--host-key", host.host_key)

    def create(self, name: str, **wanted: Any) -> str:
        """Asks for a MariaDB instance with the database ``shop`` and the user ``anna``; its id."""
        body = {"name": name, "flavorRef": "1", "volume": {"size": 1}, "datastore": {"type": "mariadb"},
                "databases": [{"name": "shop"}],
                "users": [{"name": "anna", "password": "secret-anna", "databases": [{"name": "shop"}]}], **wanted}
        status, answer = self.installed.request("POST", "/instances", {"instance": body})
        assert status == 200, answer
        return str(answer["instance"]["id"])

    def known(self, host: str) -> dict[str, Any]:
        """What the last look at the host told."""
        return json.loads(self.installed.trovectl("host", "show", host, "--json"))["host"]

    def sql(self, instance: dict[str, Any], statement: str) -> list[str]:
        """Runs a statement as ``anna`` in ``shop``, from the client's namespace; its rows. Raises CommandFailed."""
        address = instance["addresses"][0]
        with tempfile.NamedTemporaryFile("w", suffix=".cnf") as options:
            options.write('[client]\nuser="anna"\npassword="secret-anna"\ndatabase="shop"\n')
            options.flush()
            done = self.network.run(
                self.client, "mariadb", f"--defaults-file={options.name}", "--connect-timeout=5", "--batch",
                "--skip-column-names", f"--host={address['address']}", f"--port={address.get('port', 3306)}",
                "-e", statement)
        if done.returncode != 0:
            raise CommandFailed(done.stderr)
        return done.stdout.splitlines()


def settings(network: Network) -> str:
    """What an operator sets: instances stand on hosts, and the broker is reached where the hosts see this machine."""
    return f"[provider]\nname = ssh\n[broker]\nlisten_address = {network.address}\nguest_address = {network.address}\n"


@contextmanager
def fleet(network: Network) -> Iterator[Fleet]:
    """An installation without hosts yet."""
    with ground.directory() as directory:
        state = directory / "state"
        state.mkdir(mode=0o711)
        (state / "trove.conf").write_text(settings(network))
        with installation(state) as made:
            yield Fleet(made, network, network.join("client"))
