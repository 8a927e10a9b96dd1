"""An installation that is reached over TLS, with a certificate of its own; and a request over the death of its API."""

import subprocess
import urllib.parse
import uuid

import pytest

from tests import ground
from tests.installation import BIN, CommandFailed, Installation, installation, kill

pytestmark = pytest.mark.server


def test_its_own_certificate_is_known_to_all_clients_that_are_told() -> None:
    with ground.directory() as directory:
        state = directory / "state"
        state.mkdir(mode=0o711)
        (state / "trove.conf").write_text("[DEFAULT]\ntls_certificate = own\n")
        with installation(state) as made:
            assert made.endpoint.startswith("https://") and made.cacert == str(state / "api-ca.pem")
            instance = a_repeated_creation_outlives_the_control_plane(made)
            clients_that_trust_it_list(made, instance)
            clients_that_do_not_trust_it_refuse(made)
            links_are_https(made, instance)
            made.delete(instance)
            made.gone(instance)


def a_repeated_creation_outlives_the_control_plane(made: Installation) -> str:
    key, wanted = str(uuid.uuid4()), {"instance": {"name": "till", "flavorRef": "1", "volume": {"size": 1}}}
    status, first = made.request("POST", "/instances", wanted, key)
    assert status == 200
    kill(made.pid)
    made.up()
    assert made.request("POST", "/instances", wanted, key) == (200, first)
    return str(first["instance"]["id"])


def clients_that_trust_it_list(made: Installation, instance: str) -> None:
    assert [row["ID"] for row in made.openstack("database", "instance", "list")] == [instance]
    assert instance in made.trovectl("instance", "list")
    origin = made.endpoint.partition("/v1.0")[0]
    assert instance in made.trovectl("instance", "list", "--endpoint", origin, "--cacert", made.cacert)
    assert instance in curl("--cacert", made.cacert, f"{made.endpoint}/instances").stdout


def clients_that_do_not_trust_it_refuse(made: Installation) -> None:
    origin = made.endpoint.partition("/v1.0")[0]
    with pytest.raises(CommandFailed, match=r"is not trusted.*--cacert"):
        made.trovectl("instance", "list", "--endpoint", origin)
    with pytest.raises(CommandFailed, match="SSL"):
        made.run([str(BIN / "openstack"), "--os-auth-type", "none", "--os-endpoint", made.endpoint,
                  "database", "instance", "list"])
    assert curl(f"{made.endpoint}/instances").returncode == 60
    plain = curl(f"http://{urllib.parse.urlsplit(origin).netloc}/healthcheck")
    assert "HTTPS" in plain.stdout


def links_are_https(made: Installation, instance: str) -> None:
    shown = made.show(instance)
    assert shown is not None and all(link["href"].startswith("https://") for link in shown["links"])


def curl(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["curl", "--silent", "--show-error", *words], capture_output=True, text=True, timeout=60)
