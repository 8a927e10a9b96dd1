"""Whether a machine can carry an instance: each check passes where all is well, and fails for what it is there for."""

import datetime
import json
import locale
import os
import socket
import ssl
import subprocess
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from common.contract.placement import BusLogin, Preflight
from common.errors import Conflict, HostFailed, Invalid, NoSpace, TroveError, Unreachable
from common.secret import Secret
from troveguest.host.record import GIB
from troveguest.place import commands, preflight

VERSION = (3, 11)


@pytest.fixture
def order(tmp_path: Path) -> Preflight:
    release = tmp_path / "releases" / "one"
    (release / "lib" / "troveguest" / "datastores" / "mariadb").mkdir(parents=True)
    (release / "bin").mkdir()
    (release / "bin" / "trove-guestagent").touch()
    bus = BusLogin(host="127.0.0.1", port=1, virtual_host="/", username="", password=Secret(""), ca_pem="",
                   server_name="broker")
    return Preflight(home=str(tmp_path / "instances" / "id"), release=str(release), datastore="mariadb",
                     address="127.64.255.1", port=33060, volume_gb=1, bus=bus)


def changed(order: Preflight, **changes: object) -> Preflight:
    return msgspec.structs.replace(order, **changes)


def fails(look: Callable[[], Any], kind: type[TroveError], *words: str) -> TroveError:
    with pytest.raises(kind) as caught:
        list(look())
    sentence = caught.value.sentence()
    assert [word for word in words if word not in sentence] == [], sentence
    assert caught.value.message.endswith(".") and caught.value.hint
    return caught.value


def warns(found: Any, *words: str) -> None:
    one, = found
    assert one.level == "warning" and one.remedy and [word for word in words if word not in one.sentence] == [], one


def manifest(order: Preflight, python: str, arch: str) -> None:
    text = json.dumps({"python": python, "arch": arch, "engine": "mariadb", "total": "abc", "files": {}})
    Path(order.release, "manifest.json").write_text(text)


def test_a_release(order: Preflight) -> None:
    assert not list(preflight.release(order)), "one that is run from a checkout says of no Python"
    fails(lambda: preflight.release(changed(order, release="/nonexistent")), Invalid, "no release")
    fails(lambda: preflight.release(changed(order, datastore="fake")), Invalid, "is not for fake")


def test_the_python_is_the_one_that_the_release_is_for(order: Preflight) -> None:
    release, arch = Path(order.release), os.uname().machine
    manifest(order, "3.11", arch)
    assert not list(preflight.python(release, VERSION))
    fails(lambda: preflight.python(release, (3, 13)), HostFailed, "Python 3.11", "has Python 3.13", "--python 3.13")
    manifest(order, "3.11", "sparc")
    fails(lambda: preflight.python(release, VERSION), HostFailed, "sparc", f"--arch {arch}")


def without(*missing: str) -> Callable[..., str | None]:
    return lambda name, path: None if name in missing else f"/usr/bin/{name}"


@pytest.mark.parametrize(("name", "package"), [
    ("runsvdir", "runit"), ("mariadbd", "mariadb-server-core"), ("setpriv", "util-linux"), ("useradd", "passwd")])
def test_a_missing_program_is_named_with_its_package(
        order: Preflight, monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    monkeypatch.setattr(commands, "is_root", lambda: True)
    assert not list(preflight.programs(order, without()))
    fails(lambda: preflight.programs(order, without(name)), HostFailed, f"lacks {name}.", f" {package}")


def test_one_of_two_programs_that_do_the_same_is_enough(order: Preflight) -> None:
    redis = changed(order, datastore="redis")
    assert not list(preflight.programs(redis, without("redis-server")))
    fails(lambda: preflight.programs(redis, without("redis-server", "valkey-server")), HostFailed,
          "lacks redis-server or valkey-server.", " redis-server")


def test_programs_of_a_volume_are_missed_by_nobody_but_root(order: Preflight, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "is_root", lambda: True)
    warns(preflight.programs(order, without("mkfs.xfs")), "mkfs.xfs", "not enforced")
    monkeypatch.setattr(commands, "is_root", lambda: False)
    assert not list(preflight.programs(order, without("mkfs.xfs", "setpriv")))


@pytest.mark.parametrize("place", ["bin", "usr/sbin", "usr/libexec", "libexec", "scripts", "usr/local/bin"])
def test_an_engine_of_its_own_is_looked_for_there(order: Preflight, tmp_path: Path, place: str) -> None:
    fails(lambda: preflight.programs(changed(order, binaries=str(tmp_path))), HostFailed, "mariadbd")
    for name in ("mariadbd", "mariadb-install-db", "my_print_defaults"):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / name).touch(mode=0o755)
    assert not list(preflight.programs(changed(order, binaries=str(tmp_path)), lambda name, path: (
        next((each for each in path.split(":") if os.access(f"{each}/{name}", os.X_OK)), None))))


def test_a_directory_that_lets_nobody_pass(order: Preflight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "is_root", lambda: False)
    assert not list(preflight.passage(order))
    monkeypatch.setattr(commands, "is_root", lambda: True)
    tmp_path.chmod(0o700)
    fails(lambda: preflight.passage(order), HostFailed, "cannot pass through", "chmod o+x")


def test_the_locale(order: Preflight) -> None:
    def missing(category: int, name: str) -> None:
        raise locale.Error

    before = locale.setlocale(locale.LC_CTYPE)
    assert not list(preflight.locale(order))
    warns(preflight.locale(order, missing), "C.UTF-8")
    assert locale.setlocale(locale.LC_CTYPE) == before


@pytest.mark.parametrize(("free", "names", "volume_gb", "level"), [
    (10 * GIB, 10**6, 2, "ok"), (10 * GIB, 10**6, None, "ok"), (GIB, 10**6, 2, "warning"), (GIB, 10**6, None, "ok"),
    (2**20, 10**6, 2, "failed"), (10 * GIB, 10, 2, "failed")])
def test_the_disk(order: Preflight, free: int, names: int, volume_gb: int | None, level: str) -> None:
    space = types.SimpleNamespace(f_bavail=free // 4096, f_frsize=4096, f_files=10**7, f_favail=names)
    wanted = changed(order, volume_gb=volume_gb)
    if level == "failed":
        fails(lambda: preflight.disk(wanted, lambda path: space), NoSpace, "too little", "Make room")
    else:
        assert [each.level for each in preflight.disk(wanted, lambda path: space)] == ["warning"] * (level != "ok")


def test_the_disk_is_that_of_the_directory_above(order: Preflight, tmp_path: Path) -> None:
    fails(lambda: preflight.disk(order, lambda path: types.SimpleNamespace(
        f_bavail=0, f_frsize=1, f_files=0, f_favail=0)), NoSpace, f"in {tmp_path}")


@pytest.mark.parametrize(("here", "words"), [(1000.0, ()), (1004.0, ()), (1100.0, ("100 s ahead of",)),
                                             (900.0, ("100 s behind",))])
def test_the_clock(order: Preflight, here: float, words: tuple[str, ...]) -> None:
    found = list(preflight.clock(changed(order, clock=1000.0), lambda: here))
    warns(found, *words) if words else None
    assert bool(found) == bool(words)
    assert not list(preflight.clock(order, lambda: here)), "nobody says what it is"


@pytest.mark.parametrize("listens_at", ["127.64.255.1", "0.0.0.0"])
def test_a_port_that_is_taken(order: Preflight, listens_at: str) -> None:
    with socket.create_server((listens_at, 0)) as server:
        taken = changed(order, port=server.getsockname()[1])
        fails(lambda: preflight.address(taken), Conflict, str(taken.port), "Another program")
    assert not list(preflight.address(taken))


def test_an_address_of_another_machine(order: Preflight) -> None:
    fails(lambda: preflight.address(changed(order, address="192.0.2.1")), HostFailed, "192.0.2.1", "cannot be had")


@contextmanager
def tls_server(certificate: Path) -> Iterator[int]:
    """Its port; it greets whoever comes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def greet() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


AUTHORITY = """\
[ca]
default_ca = own
[own]
database = index
new_certs_dir = .
rand_serial = yes
default_md = default
policy = any
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
subjectAltName = DNS:{name}
"""


def certificate(directory: Path, name: str, first: int = -1, last: int = 1) -> Path:
    """Self-signed, with its key; good from ``first`` to ``last``, in days from now."""
    here = directory / f"{name}{first}"
    here.mkdir()
    (here / "index").touch()
    (here / "ca.conf").write_text(AUTHORITY.format(name=name))
    today = datetime.datetime.now(datetime.UTC)
    begin, end = (f"{today + datetime.timedelta(days=days):%Y%m%d%H%M%SZ}" for days in (first, last))
    for words in (["req", "-newkey", "ed25519", "-nodes", "-keyout", "key", "-out", "request", "-subj", f"/CN={name}"],
                  ["ca", "-batch", "-selfsign", "-config", "ca.conf", "-keyfile", "key", "-in", "request",
                   "-out", "certificate", "-notext", "-startdate", begin, "-enddate", end]):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=here)
    made = here / "both.pem"
    made.write_text((here / "key").read_text() + (here / "certificate").read_text())
    return made


def test_the_broker(order: Preflight, tmp_path: Path) -> None:
    good, stranger = certificate(tmp_path, "broker"), certificate(tmp_path, "stranger")
    bus = msgspec.structs.replace(order.bus, ca_pem=good.read_text())
    with tls_server(good) as port:
        here = msgspec.structs.replace(bus, port=port)
        preflight.greet(here)
        fails(lambda: preflight.greet(msgspec.structs.replace(here, server_name="other")), HostFailed, "not believed")
        fails(lambda: preflight.greet(msgspec.structs.replace(here, ca_pem=stranger.read_text())), HostFailed)
    fails(lambda: preflight.greet(here), Unreachable, "cannot be reached", str(port))
    assert [each.level for each in preflight.broker(changed(order, bus=here))] == ["ok"], "it is on loopback"
    fails(lambda: preflight.broker(changed(order, bus=msgspec.structs.replace(here, host="no.invalid"))), Unreachable)


@pytest.mark.parametrize(("first", "last", "words"), [(-9, -8, "expired"), (8, 9, "not yet valid")])
def test_a_clock_that_is_days_off_is_seen_by_the_brokers_certificate(
        order: Preflight, tmp_path: Path, first: int, last: int, words: str) -> None:
    made = certificate(tmp_path, "broker", first, last)
    with tls_server(made) as port:
        bus = msgspec.structs.replace(order.bus, ca_pem=made.read_text(), port=port)
        fails(lambda: preflight.greet(bus), HostFailed, words, "clock")


def test_what_is_required_of_a_machine_is_raised_and_warnings_are_not(
        order: Preflight, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "is_root", lambda: False)
    found = {each.check: each.level for each in preflight.examine(preflight.CHECKS, order)}
    assert {"release", "permissions", "programs", "locale", "disk", "clock", "address", "broker"} == set(found)
    nothing = changed(order, release="/nonexistent")
    assert next(preflight.examine(preflight.CHECKS, nothing)).level == "failed"
    with pytest.raises(Invalid):
        preflight.require(nothing, is_new=False)
    fit = changed(order, bus=order.bus, clock=0.0)
    preflight.require(fit, is_new=True)
    with socket.create_server((order.address, 0)) as server:
        taken = changed(fit, port=server.getsockname()[1])
        with pytest.raises(Conflict):
            preflight.require(taken, is_new=True)
        preflight.require(taken, is_new=False)
