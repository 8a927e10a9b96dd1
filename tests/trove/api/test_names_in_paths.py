"""Names in URLs: whatever a user or database may be called, the path reaches it."""

from urllib.parse import quote

import pytest

from common.contract import types as t
from common.secret import Secret
from tests.trove.api.world import World
from trove.api import paths

NAMES = ("a.b", "a.json", "a/b", "a//b", "a%2fb", "a%", "a b", "a+b", "a@b", "ä", "日本", "a?b", "a#b", "a;b=c", "..",
         ".", "databases", "users", "a'b", 'a"b', "a\\b")
HOSTS = ("%.example.org", "10.0.0.0/255.255.255.0", "fe80::1", "localhost")


@pytest.mark.parametrize(("name", "host"), [(name, "%") for name in NAMES] + [("a", host) for host in HOSTS])
def test_a_user_is_found_by_its_encoded_name(world: World, name: str, host: str) -> None:
    instance_id, guest = world.serving()
    guest.ensure_databases((t.Database(name=name),))
    guest.ensure_users((t.NewUser(name=name, password=Secret("x"), host=host, databases=(name,)),))
    path = f"/instances/{instance_id}/users/{quote(f'{name}@{host}', safe='').replace('.', '%2e')}"
    assert world.ask("GET", path).json["user"] == {"name": name, "host": host, "databases": [{"name": name}]}
    assert world.ask("DELETE", f"{path}/databases/{quote(name, safe='')}").status_code == 202
    assert world.ask("GET", f"{path}/databases").json == {"databases": []}
    assert world.ask("DELETE", path).status_code == 202
    assert world.ask("DELETE", f"/instances/{instance_id}/databases/{quote(name, safe='')}").status_code == 202
    assert not guest.accounts and not guest.databases


@pytest.mark.parametrize(("raw", "name", "host"), [
    ("anna", "anna", "%"),
    ("anna@", "anna@", "%"),
    ("@anna", "@anna", "%"),
    ("anna@b@10.0.0.1", "anna@b", "10.0.0.1"),
    ("anna@10.0.0.0/255.255.0.0", "anna", "10.0.0.0/255.255.0.0"),
    ("anna.json", "anna.json", "%"),
])
def test_name_and_host(world: World, raw: str, name: str, host: str) -> None:
    instance_id, guest = world.serving()
    guest.ensure_users((t.NewUser(name=name, password=Secret("x"), host=host),))
    assert world.ask("GET", f"/instances/{instance_id}/users/{raw}").json["user"]["name"] == name
    assert world.ask("GET", f"/instances/{instance_id}/users/{raw}/databases").status_code == 200


@pytest.mark.parametrize(("path", "normal"), [
    ("/", "/"),
    ("", "/"),
    ("/v1.0/p/instances/", "/v1.0/p/instances"),
    ("/v1.0/p/instances.json", "/v1.0/p/instances"),
    ("/v1.0/p/instances/i.json", "/v1.0/p/instances/i"),
    ("/v1.0/p/instances/i/users.json", "/v1.0/p/instances/i/users"),
    ("/v1.0/p/instances/i/users/a.json", "/v1.0/p/instances/i/users/a.json"),
    ("/v1.0/p/instances/i/users/a/databases.json", "/v1.0/p/instances/i/users/a/databases"),
    ("/v1.0/p/instances/i/users/a/b/databases/d", "/v1.0/p/instances/i/users/a%2Fb/databases/d"),
    ("/v1.0/p/instances/i/databases/a.json", "/v1.0/p/instances/i/databases/a.json"),
    ("/v1.0/p/instances/i/databases/a/b", "/v1.0/p/instances/i/databases/a%2Fb"),
    ("/v1.0/p/flavors/a.b", "/v1.0/p/flavors/a.b"),
    ("/v1.0/p/datastores/mariadb/versions/10.11", "/v1.0/p/datastores/mariadb/versions/10.11"),
])
def test_normal_paths(path: str, normal: str) -> None:
    assert paths.normalise(path) == normal


@pytest.mark.parametrize(("environ", "path"), [
    ({"PATH_INFO": "/a/b", "REQUEST_URI": "/a%2Fb?c=d"}, "/a%2Fb"),
    ({"PATH_INFO": "/a/b", "RAW_URI": "/a%2Fb"}, "/a%2Fb"),
    ({"PATH_INFO": "/a/b", "REQUEST_URI": "http://host/a%2Fb?c"}, "/a%2Fb"),
    ({"PATH_INFO": "/a/b", "SCRIPT_NAME": "/mount", "REQUEST_URI": "/mount/a%2Fb"}, "/a%2Fb"),
    ({"PATH_INFO": "/a b/%2F"}, "/a%20b/%252F"),
    ({"PATH_INFO": "/\xc3\xa4"}, "/%C3%A4"),
    ({"PATH_INFO": "", "REQUEST_URI": "*"}, "/"),
])
def test_the_path_as_the_client_wrote_it(environ: dict[str, str], path: str) -> None:
    assert paths.encoded(environ) == path


def test_identity_that_a_client_claims_is_taken_out() -> None:
    claimed = {f"HTTP_{name}": "x" for name in (
        "X_USER_ID", "X_USER", "X_PROJECT_ID", "X_PROJECT_NAME", "X_TENANT_ID", "X_TENANT", "X_ROLES", "X_ROLE",
        "X_IDENTITY_STATUS", "X_SERVICE_CATALOG", "X_SERVICE_ROLES", "X_SERVICE_USER_ID", "X_SERVICE_IDENTITY_STATUS",
        "X_DOMAIN_ID", "X_IS_ADMIN_PROJECT", "X_USER_DOMAIN_ID", "OPENSTACK_SYSTEM_SCOPE")}
    kept = {"HTTP_X_AUTH_TOKEN": "t", "HTTP_X_SERVICE_TOKEN": "s", "HTTP_ACCEPT": "*/*", "PATH_INFO": "/"}
    environ = claimed | kept
    paths.strip_identity(environ)
    assert environ == kept
