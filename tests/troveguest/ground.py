"""A place to put instances: a directory that other users can reach, and a release whose agent does nothing.

``place``, ``grow`` and ``unplace`` run as they do in earnest: a program of the release, JSON on its pipes.
"""

import base64
import importlib
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from common.contract import codec
from common.contract.placement import BusLogin, Growth, GuestKeys, Placed, Placement, Unplacement
from common.errors import TroveError, from_code
from common.secret import Secret
from tests import leftovers
from troveguest.host.layout import Layout

PYTHON = "/usr/bin/python3"
NOBODY = 65534
PASSWORD = "pa$$ 'word\""

_STUB = """#!/usr/bin/python3 -IS
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "lib"))
if sys.argv[1] == "run":
    import signal
    signal.pause()
from troveguest import place
sys.exit(place.main(sys.argv[1:]))
"""


@dataclass
class Ground:
    """``user`` None: as whoever runs the tests."""

    top: Path
    user: int | None = None
    made: list[str] = field(default_factory=list)

    @property
    def release(self) -> Path:
        return self.top / "release"

    def placement(self, instance_id: str | None = None, **changes: Any) -> Placement:
        if instance_id is None:
            instance_id = str(uuid.uuid4())
        self.made.append(instance_id)
        facts: dict[str, Any] = {
            "instance_id": instance_id, "home": str(self.home(instance_id)), "release": str(self.release),
            "datastore": "fake", "datastore_version": "1", "address": "127.64.0.1", "port": 3306, "memory_mb": 256,
            "vcpus": 1, "volume_gb": 1,
            "bus": BusLogin(host="127.0.0.1", port=5671, virtual_host="/", username="guest-x",
                            password=Secret(PASSWORD), ca_pem="-----BEGIN CERTIFICATE-----\n", server_name="broker"),
            "keys": GuestKeys(epoch=3, to_guest=_key(b"t"), from_guest=_key(b"f")),
        }
        return Placement(**facts | changes)

    def home(self, instance_id: str) -> Path:
        return self.top / "instances" / instance_id

    def layout(self, placement: Placement) -> Layout:
        return Layout(Path(placement.home))

    def place(self, placement: Placement) -> Placed:
        return codec.decode(self._run("place", placement), Placed)

    def grow(self, placement: Placement, volume_gb: int) -> None:
        self._run("grow", Growth(instance_id=placement.instance_id, home=placement.home, volume_gb=volume_gb))

    def unplace(self, instance_id: str) -> None:
        self._run("unplace", Unplacement(instance_id=instance_id, home=str(self.home(instance_id))))

    def left_of(self, instance_id: str) -> dict[str, list[str]]:
        return leftovers.of_instance(self.top, instance_id, "127.64.0.1")

    def command(self, *words: str) -> list[str]:
        return self.as_user([str(self.release / "bin" / "trove-guestagent"), *words])

    def as_user(self, words: list[str]) -> list[str]:
        if self.user is None:
            return words
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", "--", *words]

    def start(self, action: str, order: object) -> "subprocess.Popen[bytes]":
        """The command under way, its input given."""
        process = subprocess.Popen(self.command(action), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        process.stdin.write(codec.encode(order))
        process.stdin.close()
        process.stdin = None  # else communicate would want to write to it
        return process

    def _run(self, action: str, order: object) -> bytes:
        ended = subprocess.run(self.command(action), input=codec.encode(order), capture_output=True, timeout=60)
        if ended.returncode:
            said = ended.stdout or b'{"code": "internal", "message": "It said nothing."}'
            print(ended.returncode, ended.stderr.decode())
            raise from_code(**json.loads(said))
        return ended.stdout


@contextmanager
def ground(user: int | None = None) -> Iterator[Ground]:
    """Everything that was placed is gone afterwards."""
    made = Ground(Path(tempfile.mkdtemp(prefix="trove-ground-")), user)
    try:
        made.top.chmod(0o711)
        _make_release(made.release)
        if user is not None:
            os.chown(made.top, user, user)
        yield made
    finally:
        failures = [failure for instance_id in made.made if (failure := _failure(made, instance_id))]
        assert failures == [], f"left in {made.top}"
        shutil.rmtree(made.top)


def _failure(made: Ground, instance_id: str) -> str:
    """Why the instance cannot be removed; empty when it is."""
    try:
        made.unplace(instance_id)
    except TroveError as error:
        return f"{instance_id}: {error.code}: {error.sentence()}"
    return ""


def _make_release(release: Path) -> None:
    for name in ("common", "troveguest", "msgspec", "pymysql"):
        source = Path(next(iter(importlib.import_module(name).__path__)))
        shutil.copytree(source, release / "lib" / name, ignore=shutil.ignore_patterns("__pycache__"))
    stub = release / "bin" / "trove-guestagent"
    stub.parent.mkdir()
    stub.write_text(_STUB)
    stub.chmod(0o755)
    subprocess.run([PYTHON, "-m", "compileall", "-q", release / "lib" / "troveguest"], check=True)


def _key(letter: bytes) -> Secret:
    return Secret(base64.b64encode(letter * 32).decode())
