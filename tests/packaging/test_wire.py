"""The wire does not change by accident."""

import importlib.util
from pathlib import Path

import msgspec
import pytest

from common.contract import CONTRACT_VERSION

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def picture():
    found = importlib.util.spec_from_file_location("wire", CHECKOUT / "packaging" / "wire.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_kept_picture_is_the_codes(picture):
    file = CHECKOUT / picture.FILE
    kept, drawn = msgspec.json.decode(file.read_bytes()), msgspec.json.decode(picture.text(picture.draw()))
    if kept["version"] == CONTRACT_VERSION:
        assert drawn == kept, (
            "The wire has changed: raise CONTRACT_VERSION, then run packaging/wire.py "
            "(with --unreleased instead when this version has not been released).")
    assert file.read_text() == picture.text(picture.draw()), "Run packaging/wire.py."


def test_secrets_are_marked_and_every_method_is_drawn(picture):
    drawn = picture.draw()
    assert drawn["types"]["RootCredential"]["properties"]["password"] == {"type": "string", "x-secret": True}
    assert drawn["methods"]["Guest.prepare"]["result"] == {"$ref": "#/types/Ticket"}
    assert {"Guest.rpc_ping", "Conductor.hello"} <= drawn["methods"].keys()


@pytest.fixture
def kept(picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert picture.main([]) == 0
    return picture.FILE


def change(file, **changes):
    file.write_bytes(msgspec.json.encode(msgspec.json.decode(file.read_bytes()) | changes))


def test_a_changed_wire_under_the_same_version_is_not_written(picture, kept, capsys):
    change(kept, refusals=["another"])
    before = kept.read_bytes()
    assert picture.main([]) == 1
    assert "raise it" in capsys.readouterr().err
    assert kept.read_bytes() == before


def test_a_changed_wire_under_another_version_is_written(picture, kept):
    change(kept, refusals=["another"], version="0.1")
    assert picture.main([]) == 0
    assert kept.read_text() == picture.text(picture.draw())


def test_an_unreleased_version_may_change(picture, kept):
    change(kept, refusals=["another"])
    assert picture.main(["--unreleased"]) == 0
    assert kept.read_text() == picture.text(picture.draw())
