"""An installation behind a real Keystone: the unchanged client finds it in the catalog, for two projects and an
administrator."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests import ground, openstack
from tests.installation import CommandFailed, Installation, installation, sql
from tests.keystone import DOMAIN, PASSWORD, Keystone, keystone

pytestmark = pytest.mark.server

CONFIGURATION = """\
[DEFAULT]
auth_strategy = keystone
tls_certificate = own
[keystone_authtoken]
www_authenticate_uri = {url}
auth_url = {url}
auth_type = password
username = trove
password = {password}
project_name = services
user_domain_id = {domain}
project_domain_id = {domain}
"""


@dataclass
class Person:
    """Somebody at the unchanged client, who knows a name, a password, a project and where Keystone is."""

    client: openstack.Client
    where: Installation
    keystone: Keystone
    name: str
    project: str

    def does(self, *arguments: str) -> str:
        """``openstack ARGUMENTS``; what it prints. Raises CommandFailed."""
        done = self.client.run(arguments, {
            "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "OS_AUTH_URL": self.keystone.url, "OS_USERNAME": self.name,
            "OS_PASSWORD": PASSWORD, "OS_PROJECT_NAME": self.project, "OS_USER_DOMAIN_ID": DOMAIN,
            "OS_PROJECT_DOMAIN_ID": DOMAIN, "OS_CACERT": self.where.cacert, "OS_IDENTITY_API_VERSION": "3"})
        if done.returncode != 0:
            raise CommandFailed(f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return str(done.stdout)

    def sees(self, *arguments: str) -> Any:
        return json.loads(self.does(*arguments, "-f", "json"))


@pytest.fixture(scope="module")
def identity() -> Iterator[Keystone]:
    with ground.directory() as directory, keystone(directory) as made:
        yield made


@pytest.fixture(scope="module")
def place(identity: Keystone) -> Iterator[Installation]:
    with ground.directory() as directory:
        state = directory / "state"
        state.mkdir(mode=0o711)
        (state / "trove.conf").write_text(
            CONFIGURATION.format(url=identity.url, password=PASSWORD, domain=DOMAIN))
        with installation(state) as made:
            yield made


@pytest.fixture(scope="module")
def people(identity: Keystone, place: Installation) -> Iterator[dict[str, Person]]:
    shop, lab, services = map(identity.project, ("shop", "lab", "services"))
    identity.user("trove", services, "admin")
    identity.user("anna", shop, "member")
    identity.user("lars", lab, "member")
    identity.user("otto", lab, "admin")
    identity.service("database", f"{place.endpoint.rpartition('/')[0]}/%(project_id)s")
    with openstack.client() as client:
        yield {name: Person(client, place, identity, name, project)
               for name, project in (("anna", "shop"), ("lars", "lab"), ("otto", "lab"))}


@pytest.fixture(scope="module")
def till(people: dict[str, Person]) -> dict[str, Any]:
    """Anna's instance, as she sees it when it serves."""
    anna = people["anna"]
    made = anna.sees("database", "instance", "create", "till", "--flavor", "1", "--size", "1", "--databases", "shop",
                     "--users", "anna:secret-anna")
    where = asking(anna)
    return where.healthy(str(made["id"]))


def asking(person: Person) -> Installation:
    """The installation asked by REST with a token of this person's."""
    return person.where.as_who_has(person.keystone.token(person.name, person.project),
                                   person.keystone.projects[person.project])


def test_a_member_gets_a_database_through_the_catalog(people: dict[str, Person], till: dict[str, Any]) -> None:
    anna = people["anna"]
    assert sql(till, "anna", "secret-anna", "SELECT 1") == ["1"]
    assert [row["ID"] for row in anna.sees("database", "instance", "list")] == [till["id"]]
    anna.does("database", "db", "create", till["id"], "books")
    anna.does("database", "user", "create", till["id"], "bert", "secret-bert", "--databases", "books")
    assert sql(till, "bert", "secret-bert", "SELECT 2", "books") == ["2"]


def test_another_project_sees_nothing_of_it(people: dict[str, Person], till: dict[str, Any]) -> None:
    lars = people["lars"]
    assert lars.sees("database", "instance", "list") == []
    for command in (("instance", "show", "till"), ("instance", "delete", till["id"]), ("user", "list", till["id"])):
        with pytest.raises(CommandFailed, match=r"No instance with a name or ID|could not be found"):
            lars.does("database", *command)
    shop = people["anna"].keystone.projects["shop"]
    status, answer = replace(asking(lars), project=shop).request("GET", "/instances")
    assert (status, list(answer)) == (403, ["forbidden"])


def test_an_administrator_sees_all_and_a_member_manages_nothing(people: dict[str, Person],
                                                                till: dict[str, Any]) -> None:
    otto, lars = people["otto"], people["lars"]
    assert otto.sees("database", "instance", "show", till["id"])["name"] == "till"
    assert asking(otto).request("GET", "/mgmt/hosts") == (200, {"hosts": []})
    assert asking(lars).request("GET", "/mgmt/hosts")[0] == 403
    with pytest.raises(CommandFailed, match="instance:reset_status"):
        people["anna"].does("database", "instance", "reset", "status", till["id"])


def test_a_token_that_keystone_does_not_know_or_took_back_is_of_no_use(people: dict[str, Person]) -> None:
    anna = people["anna"]
    taken_back = anna.keystone.token(anna.name, anna.project)
    anna.keystone.dismiss(taken_back)
    for token in ("", "gAAAAAB-no-token-of-keystones", taken_back):
        status, answer = replace(asking(anna), token=token).request("GET", "/instances")
        assert (status, list(answer)) == (401, ["unauthorized"])


def test_the_operator_of_the_machine_is_known_without_keystone(place: Installation, people: dict[str, Person],
                                                               till: dict[str, Any]) -> None:
    shop = people["anna"].keystone.projects["shop"]
    listed = json.loads(place.trovectl("instance", "list", "--json", "--project", shop))
    assert [row["id"] for row in listed["instances"]] == [till["id"]]
    rows = [json.loads(line) for line in place.trovectl("audit", "--all-projects", "--json-lines").splitlines()]
    [created] = [row for row in rows if row["action"] == "POST /v1.0/{project}/instances"]
    assert (created["project_id"], created["how"], created["outcome"]) == (shop, "keystone", "done")
    assert PASSWORD not in str(rows)


def test_where_keystone_does_not_answer_nobody_is_let_in_and_none_is_told_that_the_token_is_wrong(
        people: dict[str, Person]) -> None:
    """The last one: Keystone is gone afterwards."""
    fresh = asking(people["anna"])
    people["anna"].keystone.end()
    status, answer = fresh.request("GET", "/instances")
    assert (status, list(answer)) == (503, ["serviceUnavailable"])
