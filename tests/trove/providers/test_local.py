"""What the local provider says to the agent's command, and what it makes of the answer."""

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest

from common.contract.placement import BusLogin, GuestKeys
from common.errors import Busy, HostFailed, Internal
from common.findings import Finding
from common.secret import Secret
from tests.trove.releases import making
from trove.domain.spots import Load, Spot
from trove.providers.agent import Logging
from trove.providers.base import Wanted
from trove.providers.local import LocalProvider

INSTANCE = "12345678-1234-1234-1234-123456789abc"
WANTED = Wanted(instance_id=INSTANCE, datastore="mariadb", datastore_version="10.11", memory_mb=512, vcpus=1,
                volume_gb=2, spot=Spot(None, "127.64.7.1", 3306))
BUS = BusLogin(host="127.0.0.1", port=5671, virtual_host="/", username="guest-x", password=Secret("planted-secret"),
               ca_pem="PEM", server_name="broker")
KEYS = GuestKeys(epoch=1, to_guest=Secret("planted-key"), from_guest=Secret("planted-key"))

_NOTES = """
import json, os, sys
def main():
    order = json.load(sys.stdin)
    with open({note!r}, "a") as file:
        note = {{"argv": sys.argv[1:], "order": order, "environ": dict(os.environ),
                "session": os.getsid(0) == os.getpid()}}
        file.write(json.dumps(note) + "\\n")
    {answer}
"""
_PLACED = f'print(json.dumps(dict(instance_id="{INSTANCE}", limits="l", volume="v", trust="t"))); return 0'


def make(tmp_path: Path, answer: str) -> LocalProvider:
    text = _NOTES.format(note=str(tmp_path / "notes"), answer=answer)
    return LocalProvider("installation", tmp_path / "state", making.make(tmp_path / "release", text),
                         Logging(json=True, debug=True))


def notes(tmp_path: Path) -> list[dict]:
    return [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]


def test_place_says_it_all_over_a_pipe(tmp_path: Path) -> None:
    placed = make(tmp_path, _PLACED).place(WANTED, BUS, KEYS)
    assert (placed.instance_id, placed.limits, placed.notes) == (INSTANCE, "l", ())
    note, = notes(tmp_path)
    order = note["order"]
    assert note["argv"] == ["place"] and note["session"]
    assert order["home"] == str(tmp_path / "state" / "instances" / INSTANCE)
    assert Path(order["release"]).parent == tmp_path / "state" / "releases"
    assert order["bus"]["password"] == "planted-secret" and order["keys"]["to_guest"] == "planted-key"
    assert (order["memory_mb"], order["vcpus"], order["volume_gb"]) == (512, 1, 2)
    assert (order["log_json"], order["log_debug"]) == (True, True)
    assert set(note["environ"]) <= {"PATH", "LANG", "LC_CTYPE"} and "planted" not in json.dumps(note["environ"])


def test_grow_and_unplace(tmp_path: Path) -> None:
    provider = make(tmp_path, 'print("null"); return 0')
    provider.grow(INSTANCE, None, 5)
    provider.unplace(INSTANCE, None)
    grow, unplace = notes(tmp_path)
    assert (grow["argv"], grow["order"]["volume_gb"]) == (["grow"], 5)
    assert (unplace["argv"], unplace["order"]["instance_id"]) == (["unplace"], INSTANCE)


def test_an_error_of_the_command_is_raised_as_what_it_is(tmp_path: Path) -> None:
    answer = 'print(json.dumps({"code": "busy", "message": "Not now.", "hint": "Later."})); return 1'
    with pytest.raises(Busy) as caught:
        make(tmp_path, answer).unplace(INSTANCE, None)
    assert (caught.value.message, caught.value.hint) == ("Not now.", "Later.")


def test_a_command_that_dies_without_a_word_is_our_defect(tmp_path: Path) -> None:
    with pytest.raises(Internal, match="ZeroDivisionError"):
        make(tmp_path, "1 / 0").unplace(INSTANCE, None)


def test_a_command_that_is_killed_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(Busy, match="killed by signal 9") as caught:
        make(tmp_path, "os.kill(os.getpid(), 9)").unplace(INSTANCE, None)
    assert caught.value.retryable


def test_a_program_that_does_not_start_says_what_it_needs(tmp_path: Path) -> None:
    provider = make(tmp_path, _PLACED)
    program = provider._release() / "bin" / "trove-guestagent"
    program.chmod(0o644)
    with pytest.raises(HostFailed, match="does not start"):
        provider.place(WANTED, BUS, KEYS)


def test_what_is_placed_is_read_from_the_disk(tmp_path: Path) -> None:
    provider = make(tmp_path, _PLACED)
    assert provider.placed(None) == frozenset()
    other = INSTANCE.replace("1234", "4321")
    (tmp_path / "state" / "instances" / INSTANCE).mkdir(parents=True)
    (tmp_path / "state" / "instances" / "lost+found").mkdir()
    (tmp_path / "state" / "volumes").mkdir()
    (tmp_path / "state" / "volumes" / f"{other}.img").touch()
    (tmp_path / "state" / "volumes" / f"{INSTANCE}.new").touch()
    assert provider.placed(None) == {INSTANCE, other}


def test_the_address_is_the_installations(tmp_path: Path) -> None:
    provider = make(tmp_path, _PLACED)
    spot = provider.find_spot(WANTED, ())
    assert (spot.host, spot.port) == (None, 3306)
    assert provider.find_spot(WANTED, (Load("other", spot, 512, 2),)).address != spot.address
    elsewhere = dataclasses.replace(spot, host="rack1")
    assert provider.find_spot(WANTED, (Load("other", elsewhere, 512, 2),)) == spot


def test_a_preflight_says_the_same_without_secrets_of_the_guest(tmp_path: Path) -> None:
    found = {"check": "disk", "level": "warning", "sentence": "It is small.", "remedy": "Make it larger."}
    provider = make(tmp_path, f"print(json.dumps([{found!r}])); return 0")
    assert provider.preflight(WANTED, BUS) == (Finding("warning", "disk", "It is small.", "Make it larger."),)
    note, = notes(tmp_path)
    order = note["order"]
    assert note["argv"] == ["preflight"] and "keys" not in order
    assert (order["address"], order["port"], order["volume_gb"]) == ("127.64.7.1", 3306, 2)
    assert abs(order["clock"] - time.time()) < 60


def test_the_release_is_installed_once(tmp_path: Path) -> None:
    provider = make(tmp_path, 'print("null"); return 0')
    provider.unplace(INSTANCE, None)
    provider.unplace(INSTANCE, None)
    assert len(os.listdir(tmp_path / "state" / "releases")) == 1
