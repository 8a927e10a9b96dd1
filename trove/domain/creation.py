"""What a creation may ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from common.contract import types as t
from common.datastores.manifest import Manifest
from common.errors import Invalid, OverQuota, Unsupported
from common.secret import Secret


@dataclass(frozen=True, slots=True)
class NewInstance:
    """What a person asks for. Datastore, version and flavor by id or by name; ``volume_gb`` None: no volume."""

    name: str
    flavor: str
    volume_gb: int | None = None
    datastore: str | None = None
    version: str | None = None
    version_number: str | None = None
    databases: tuple[t.Database, ...] = ()
    users: tuple[t.NewUser, ...] = ()
    root_password: Secret | None = None
    access: Mapping[str, object] = field(default_factory=dict)
    configuration: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator set: the datastore when none is named, the largest volume in GB, and a project's limits
    where it has none of its own (-1: no limit). The defaults are OpenStack Trove's, the largest volume apart."""

    default_datastore: str = "mariadb"
    max_volume_gb: int = 1024
    volumes: bool = True
    max_instances: int = 10
    max_ram: int = -1
    max_volumes: int = 40
    max_backups: int = 50

    def limits(self) -> dict[str, int]:
        return {"instances": self.max_instances, "ram": self.max_ram, "volumes": self.max_volumes,
                "backups": self.max_backups}


def check(wanted: NewInstance, manifest: Manifest, rules: Rules) -> None:
    """Raises Invalid, Refused, Unsupported or OverQuota, with the rule in the sentence."""
    check_name(wanted.name)
    check_volume(wanted.volume_gb, rules)
    check_databases(wanted.databases, manifest)
    check_users(wanted.users, wanted.databases, manifest)
    if wanted.root_password is not None and "root" not in manifest.capabilities:
        raise Unsupported(f"{manifest.name} has no superuser that could be opened to the network.")


def check_name(name: str) -> None:
    """Raises Invalid."""
    if len(name) > 255 or not any(character.isascii() and character.isalnum() for character in name):
        raise Invalid("An instance's name has 1 to 255 characters, a letter or digit of ASCII among them.")


def check_volume(volume_gb: int | None, rules: Rules) -> None:
    """Sizes in GB. Raises Invalid, Unsupported or OverQuota."""
    if volume_gb is None:
        if rules.volumes:
            raise Invalid("The instance needs a volume.", "Name its size in GB.")
        return
    if not rules.volumes:
        raise Unsupported("Volumes are switched off here.", "Leave the volume out.")
    if volume_gb < 1:
        raise Invalid(f"A volume of {volume_gb} GB is not possible.", "The smallest is 1 GB.")
    if volume_gb > rules.max_volume_gb:
        raise OverQuota(f"A volume of {volume_gb} GB is larger than the {rules.max_volume_gb} GB that are allowed.",
                        "Ask for a smaller one.")


def check_databases(databases: tuple[t.Database, ...], manifest: Manifest) -> None:
    """Raises Invalid, Refused or Unsupported."""
    if databases and "databases" not in manifest.capabilities:
        raise Unsupported(f"{manifest.name} has no databases to create.")
    _refuse_twice("database", [database.name for database in databases])
    for database in databases:
        manifest.check_database(database.name)
        manifest.check_charset(database.character_set, database.collate)


def check_users(users: tuple[t.NewUser, ...], databases: tuple[t.Database, ...], manifest: Manifest) -> None:
    """Every database that a user names must be among ``databases``. Raises Invalid, Refused or Unsupported."""
    if users and "users" not in manifest.capabilities:
        raise Unsupported(f"{manifest.name} has no users to create.")
    _refuse_twice("user", [f"{user.name}@{user.host}" if manifest.users_have_hosts else user.name for user in users])
    refuse_databases_of_users(users, manifest)
    known = {database.name for database in databases}
    for user in users:
        manifest.check_user(user.name, user.host)
        manifest.check_password(user.password.reveal())
        for name in user.databases:
            if name not in known:
                raise Invalid(f"User {user.name} is to have access to database {name}, which is not asked for.",
                              "Put the database in the list of databases.")


def refuse_databases_of_users(users: tuple[t.NewUser, ...], manifest: Manifest) -> None:
    """Raises Unsupported where there are none to give."""
    if "databases" not in manifest.capabilities and any(user.databases for user in users):
        raise Unsupported(f"{manifest.name} has no databases that a user could be given.", "Leave them out.")


def _refuse_twice(noun: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise Invalid(f"The {noun} {name} is listed twice.")
