"""A support bundle has what helps and no secret, however it came into a file."""

import base64
import json
import stat
import tarfile
import urllib.parse
from pathlib import Path

import pytest

from tests.troveguest.support import patients
from troveguest import cli, config, options
from troveguest.host.layout import AGENT, DATABASE, Layout
from troveguest.support import bundle

PASSWORD = 'pa$$ \'wörd"\\ of the bus'
TENANTS = "annas own"
SHORT = "abc"


def read(path: Path) -> dict[str, str]:
    """Text by name, without the directory that all of it is in."""
    with tarfile.open(path) as archive:
        return {member.name.removeprefix("trove-support/"): archive.extractfile(member).read().decode()
                for member in archive.getmembers()}


def made(layout: Layout, tmp_path: Path) -> tuple[dict[str, str], bytes]:
    path = tmp_path / "bundle.tar.gz"
    path.unlink(missing_ok=True)
    assert cli.main(["support-bundle", "--config-dir", str(layout.config), "-o", str(path)]) == 0
    found = read(path)
    return found, "\n".join((*found, *found.values())).encode()


def forms(secret: str) -> set[bytes]:
    data = secret.encode()
    return {data, json.dumps(secret)[1:-1].encode(), repr(secret)[1:-1].encode(), data.hex().encode(),
            base64.b64encode(data).rstrip(b"="), urllib.parse.quote(secret, safe="").encode()}


def test_it_has_what_helps_and_is_its_makers_alone(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = patients.make(tmp_path)
    patients.journal(layout).close()
    (layout.log / AGENT / "current").write_text("The agent serves.\n")
    (layout.log / DATABASE / "@400000006a.s").write_text("an older line\n")
    (layout.log / DATABASE / "current").write_text("ready for connections\n")
    found, _ = made(layout, tmp_path)
    assert stat.S_IMODE((tmp_path / "bundle.tar.gz").stat().st_mode) == 0o600
    assert json.loads(found["versions.json"])["contract"] and json.loads(found["findings.json"])[0]["check"] == "python"
    here = {name.removeprefix(f"{patients.ID}/"): text for name, text in found.items() if name.startswith(patients.ID)}
    assert [each["id"] for each in json.loads(here["journal.json"])] == ["done", "failed", "open"]
    assert json.loads(here["place.json"])["volume_gb"] == 1 and set(here) >= {"services.json", "limits.json"}
    assert here["agent.log"] == "The agent serves.\n"
    assert here["database.log"] == "an older line\nready for connections\n"
    assert "memory_mb = 512" in here["settings.conf"] and "password = ***" in here["settings.conf"]
    assert cli.main(["support-bundle", "--config-dir", str(layout.config), "-o", str(tmp_path / "bundle.tar.gz")]) == 1
    assert "is there already" in capsys.readouterr().err


def test_no_secret_is_in_it_however_it_came_there(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    password = PASSWORD.replace('"', "")  # the format has no way to write both kinds of quotes
    planted = [password, TENANTS, "roots", *patients.KEYS.values(), "of a typing error", SHORT, "an-old-one",
               "behind-a-colon"]
    monkeypatch.setenv("MYSQL_PWD", "only-in-the-environment")
    layout = patients.make(tmp_path, password)
    patients.write(layout, "30-mine.conf", "# password = an-old-one\n[bus]\npasswort = of a typing error\n"
                   f"[keys]\nfrom_gast: behind-a-colon\n[nowhere]\nkey = {SHORT}\n broken line\n")
    patients.journal(layout).close()
    lines = [f"said {form.decode()} x={form.decode()} said" for secret in planted for form in sorted(forms(secret))]
    text = "\n".join([*lines, f"level=3 {SHORT} abcdef", "SET PASSWORD = 'nobody knows me'",
                      "CREATE USER a IDENTIFIED BY 'nor me', b IDENTIFIED VIA ed25519 USING 'nor this'"])
    for name in (AGENT, DATABASE):
        (layout.log / name / "current").write_text(text)
    found, whole = made(layout, tmp_path)
    assert {secret for secret in planted for form in forms(secret) if form in whole and secret != SHORT} == set()
    assert {words for words in (b"nobody knows me", b"nor me", b"nor this", b"only-in-the-environment", b"broken line")
            if words in whole} == set()
    assert "level=3 *** abcdef" in found[f"{patients.ID}/agent.log"], "a short secret is taken as a word"
    assert password not in capsys.readouterr().out


@pytest.mark.parametrize(("section", "name"), [
    (section, option.name) for section, known in options.declared(config.Options).items()
    for option in known.values() if option.secret])
def test_every_secret_option_is_left_out_by_its_type(tmp_path: Path, section: str, name: str) -> None:
    layout = patients.make(tmp_path)
    patients.write(layout, "30-mine.conf", f"[{section}]\n{name} = planted-in-{name}\n")
    (layout.log / AGENT / "current").write_text(f"planted-in-{name}\n")
    found, whole = made(layout, tmp_path)
    assert f"planted-in-{name}".encode() not in whole
    assert f"{name} = ***" in found[f"{patients.ID}/settings.conf"]


def test_a_log_is_cut_where_it_tears_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LOGS", 2000)
    layout = patients.make(tmp_path, "x" * 500 + "tail-of-it")
    (layout.log / AGENT / "current").write_text("old\n" + ("x" * 500 + "tail-of-it") + "y" * 990 + "end\n")
    found, whole = made(layout, tmp_path)
    assert found[f"{patients.ID}/agent.log"].endswith("yend\n") and b"tail-of-it" not in whole and b"xxxx" not in whole
    assert len(found[f"{patients.ID}/agent.log"]) <= 1000


def test_what_cannot_be_read_is_said_in_it(tmp_path: Path) -> None:
    layout = patients.make(tmp_path)
    patients.write(layout, "20-secrets.conf", "[bus]\npassword = open-sesame\n[keys\nnonsense")
    (layout.log / AGENT / "current").write_text("open-sesame\n")
    (layout.log / DATABASE / "current").symlink_to("/etc/passwd")
    found, whole = made(layout, tmp_path)
    assert "error" in json.loads(found[f"{patients.ID}/journal.json"])
    assert b"open-sesame" not in whole and found[f"{patients.ID}/database.log"] == ""
