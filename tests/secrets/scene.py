"""An installation with instances, in which recognisable secrets are planted wherever somebody may put one.

What the system makes for itself is read from where it is meant to be (``places.py``).
"""

import json
import secrets
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy

from tests import ground
from tests.chaos.two_managers import Peer
from tests.installation import PROJECT, Installation, installation
from tests.secrets import memory, places
from tests.secrets.needles import Needle
from tests.trove import postgresql

PASSWORD, TOKEN, GONE = "password", "API token", "secret of a deleted instance"
"""The kinds of what people ask for, what is made for them, and what nobody has any more."""
CONFIGURATION = """\
[DEFAULT]
log_level = debug
auth_strategy = token
tls_certificate = own
[keystone_authtoken]
password = planted-{}
"""


@dataclass
class Scene:
    """What was planted, and where the installation is; ``elsewhere`` are places of its stores that are not in there."""

    installed: Installation
    ground: Path
    elsewhere: tuple[Path, ...] = ()
    instances: dict[str, str] = field(default_factory=dict)
    planted: list[Needle] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    listener: memory.Listener = field(default_factory=memory.Listener)

    @property
    def state(self) -> Path:
        return self.installed.state

    def password(self, engine: str, name: str) -> str:
        """A new one, which looks otherwise in JSON, SQL and addresses than it is."""
        text = f"pl-{secrets.token_hex(8)}/'\"%Ä+{secrets.token_hex(4)}"
        self.planted.append(Needle(f"the password {name} ({engine})", PASSWORD, text, engine))
        return text

    def ask(self, method: str, path: str, body: object = None, expected: int = 202, key: str = "") -> Any:
        status, answer = self.installed.request(method, path, body, key)
        assert status == expected, answer
        return answer

    def own(self) -> list[Needle]:
        """The system's secrets, from where they are meant to be."""
        return places.own(self.state, self.instances)


@contextmanager
def scene_on_postgresql() -> Iterator[Scene]:
    """Whose stores want a password, and which has a second task manager beside its control plane."""
    with postgresql.server() as maintenance:
        store, flows = (postgresql.new_database(maintenance).replace("@", f":planted-{secrets.token_hex(12)}@")
                        for _ in range(2))
        with scene(f"[database]\nconnection = {store}\n[flows]\nconnection = {flows}\n", peers=("peer",)) as planted:
            dump = planted.ground / "stores.sql"
            subprocess.run([postgresql.binaries() / "pg_dumpall", "--file", dump, "--dbname",
                            maintenance.replace("+psycopg", "")], check=True)
            assert all(instance in dump.read_text() for instance in planted.instances.values())
            planted.elsewhere = (_directory(maintenance), dump, planted.ground / "peer.log")
            yield planted


def _directory(maintenance: str) -> Path:
    """Of the server's data and its log."""
    engine = sqlalchemy.create_engine(maintenance)
    with engine.connect() as connection:
        data = connection.exec_driver_sql("SHOW data_directory").scalar_one()
    engine.dispose()
    return Path(data).parent


@contextmanager
def scene(configuration: str = "", peers: tuple[str, ...] = ()) -> Iterator[Scene]:
    with ground.directory() as directory:
        state = directory / "state"
        state.mkdir(mode=0o711)
        (state / "trove.conf").write_text(CONFIGURATION.format(secrets.token_hex(12)) + configuration)
        with installation(state) as made, memory.listening() as listener, ExitStack() as beside:
            planted = Scene(made, directory, listener=listener)
            made.trovectl("host", "key")
            give_token(planted)
            for name in peers:
                beside.callback(Peer(made, name).end)
            for engine in ("redis", "mariadb", "postgresql"):
                planted.instances[engine] = create(planted, engine)
            make_and_delete(planted)
            for engine, instance in planted.instances.items():
                made.healthy(instance)
                give_users(planted, engine, instance)
                open_superuser(planted, engine, instance)
                ask_wrongly(planted, engine, instance)
            yield planted


def give_token(planted: Scene) -> None:
    """From here on requests come with one of an administrator's."""
    token = json.loads(planted.installed.trovectl(
        "token", "create", "searched", "--project", PROJECT, "--role", "admin", "--json"))["token"]["secret"]
    planted.planted.append(Needle("the API token", TOKEN, token))
    planted.installed.token = token


def make_and_delete(planted: Scene) -> None:
    """An instance, whose own secrets are then nowhere."""
    before = {needle.text for needle in planted.own()}
    instance = create(planted, "redis")
    planted.installed.healthy(instance)
    own = [needle for needle in planted.own() if f"/{instance}/" in needle.name and needle.text not in before]
    assert len(own) == 5, own
    planted.planted += [replace(needle, kind=GONE) for needle in own]
    planted.installed.delete(instance)
    planted.installed.gone(instance)


def create(planted: Scene, engine: str) -> str:
    """With a user, under an ``Idempotency-Key``, whose request is known again by a fingerprint of its body."""
    body = {"instance": {
        "name": f"of-{engine}", "flavorRef": "1", "volume": {"size": 1}, "datastore": {"type": engine},
        "databases": [{"name": "shop"}] if engine != "redis" else [],
        "users": [{"name": "anna", "password": planted.password(engine, "of a user at creation")}]}}
    return str(planted.ask("POST", "/instances", body, 200, f"key-{secrets.token_hex(8)}")["instance"]["id"])


def give_users(planted: Scene, engine: str, instance: str) -> None:
    """While the server writes down all statements, where it can."""
    if engine != "redis":
        planted.ask("POST", f"/instances/{instance}/log", {"name": "general", "enable": 1}, 200)
    users = f"/instances/{instance}/users"
    bert = {"name": "bert", "password": planted.password(engine, "of a user made later")}
    planted.ask("POST", users, {"users": [bert]}, key=f"key-{secrets.token_hex(8)}")
    planted.ask("PUT", users, {"users": [bert | {"password": planted.password(engine, "changed among all")}]})
    planted.ask("PUT", f"{users}/bert", {"user": {"password": planted.password(engine, "of a changed user")}})


def open_superuser(planted: Scene, engine: str, instance: str) -> None:
    """With a password, and with one that is made; the latter's answer is kept for the key that it came under."""
    root = f"/instances/{instance}/root"
    planted.ask("POST", root, {"password": planted.password(engine, "of the superuser")}, 200, f"key-{engine}-1")
    made = planted.ask("POST", root, None, 200, f"key-{engine}-2")
    planted.planted.append(Needle(f"the password made for the superuser ({engine})", PASSWORD,
                                  made["user"]["password"], engine))
    again = planted.ask("POST", root, None, 200, f"key-{engine}-2")
    assert again == made


def ask_wrongly(planted: Scene, engine: str, instance: str) -> None:
    """Requests that are refused, with a secret where none belongs; what is answered is searched, too."""
    users = f"/instances/{instance}/users"
    secret = planted.password(engine, "in a request that is refused")
    for body in ({"users": [{"name": "x", "password": [secret]}]}, {"users": [{"name": "x", "passwort": secret}]},
                 {"users": [{"name": {"x": secret}, "password": secret}]}, {"users": secret}, [secret],
                 {"users": [{"name": "anna", "password": secret}]},
                 {"users": [{"name": "os_admin", "password": secret}]},
                 {"users": [{"name": "x", "password": secret * 200}]}):
        status, answer = planted.installed.request("POST", users, body)
        assert 400 <= status < 500, (status, answer)
        planted.answers.append(json.dumps(answer))
    for method, path in (("PUT", f"{users}/anna"), ("POST", f"/instances/{instance}/root"), ("POST", "/instances")):
        status, answer = planted.installed.request(method, path, {"user": {"pass": secret}, "password": [secret]})
        assert 400 <= status < 500, (status, answer)
        planted.answers.append(json.dumps(answer))


def bundle(planted: Scene, instance: str) -> Path:
    """An instance's support bundle, unpacked."""
    home, unpacked = planted.installed.home(instance), planted.ground / f"bundle-{instance}"
    nobody = replace(planted.installed, token="")  # the command needs none, and would have it in its environment
    nobody.run([str(home / "links" / "current" / "bin" / "trove-guestagent"), "support-bundle",
                "--config-dir", str(home / "config"), "-o", f"{unpacked}.tar.gz"])
    with tarfile.open(f"{unpacked}.tar.gz") as archive:
        archive.extractall(unpacked)
    return unpacked
