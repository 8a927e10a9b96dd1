"""What an installation tells those who ask it: every path of its REST API, and its broker's management interface."""

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator

from tests.secrets.scene import Scene

BROKER = ("definitions", "queues", "exchanges", "users", "connections", "nodes", "overview")


def of_rest(scene: Scene) -> Iterator[str]:
    """Path, headers and body of each answer to a GET that the API's own description lists."""
    origin = scene.installed.endpoint.partition("/v1.0")[0]
    described = json.loads(_get(scene, f"{origin}/openapi.json").partition("\n\n")[2])
    known = [_known(scene, engine) for engine in scene.instances]
    for path in (path for path, methods in described["paths"].items() if "get" in methods):
        for filled in dict.fromkeys(_filled(path, names) for names in known):
            yield f"{filled}\n{_get(scene, origin + filled)}"


def of_broker(scene: Scene) -> Iterator[str]:
    """What its administrator is told, the export of everything that is defined there among it."""
    node = json.loads((scene.state / "rabbit" / "node.json").read_text())
    login = base64.b64encode(f"control:{node['password']}".encode()).decode()
    for what in BROKER:
        request = urllib.request.Request(f"http://127.0.0.1:{node['ports']['management']}/api/{what}",
                                         headers={"Authorization": f"Basic {login}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            yield f"{what}\n{answer.read().decode()}"


def _get(scene: Scene, url: str) -> str:
    request = urllib.request.Request(url, headers={"X-Auth-Token": scene.installed.token})
    context = ssl.create_default_context(cafile=scene.installed.cacert)
    try:
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:
            return f"{answer.headers}{answer.read().decode()}"
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.headers}{error.read().decode()}"


def _filled(path: str, names: dict[str, str]) -> str:
    """What is not named stays in its braces, a name that nothing has."""
    for part, value in names.items():
        path = path.replace(f"{{{part}}}", value)
    return path


def _known(scene: Scene, engine: str) -> dict[str, str]:
    datastore = scene.ask("GET", f"/datastores/{engine}", None, 200)["datastore"]
    operation = scene.ask("GET", "/operations", None, 200)["operations"][0]["id"]
    return {"project": scene.installed.project, "instance_id": scene.instances[engine], "operation_id": operation,
            "user": "anna", "database": "shop", "datastore": engine, "version": datastore["versions"][0]["id"],
            "flavor": "1", "log": "general", "parameter": "max_connections"}
