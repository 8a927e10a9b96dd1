"""The private certificate authority: what it makes, and when it makes it again."""

import datetime
import pathlib
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from cryptography import x509

from common import errors
from trove.standalone import authority
from trove.standalone.authority import Authority


@pytest.fixture
def made(tmp_path: pathlib.Path) -> Authority:
    ours = Authority(tmp_path / "ca", ["db.example.org", "192.0.2.7"])
    assert ours.ensure()
    return ours


def handshake(server: Authority, client: Authority, name: str) -> str:
    """The TLS version that a client of ``client`` and a server of ``server`` agree on under ``name``."""
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(server.server)
    asking = ssl.create_default_context(cadata=client.ca_pem())
    asking.verify_flags |= ssl.VERIFY_X509_STRICT
    near, far = socket.socketpair()

    def serve() -> None:
        # What the server thinks of a client that hangs up is not what is asked here.
        try:
            with serving.wrap_socket(far, server_side=True) as accepted:
                accepted.recv(1)
        except OSError:
            far.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with asking.wrap_socket(near, server_hostname=name) as tls:
            return str(tls.version())
    finally:
        near.close()
        thread.join(10)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "db.example.org", "192.0.2.7"])
def test_clients_of_the_authority_believe_the_server_under_each_of_its_names(name: str, made: Authority) -> None:
    assert handshake(made, made, name) == "TLSv1.3"


def test_under_another_name_they_do_not(made: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made, made, "elsewhere.example.org")


def test_clients_of_another_installation_do_not(made: Authority, tmp_path: pathlib.Path) -> None:
    other = Authority(tmp_path / "other")
    other.ensure()
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made, other, "localhost")


def test_keys_are_closed_to_others(made: Authority) -> None:
    assert made.directory.stat().st_mode & 0o777 == 0o700
    for path in (made.directory / "ca.key", made.server):
        assert path.stat().st_mode & 0o777 == 0o600


def test_the_server_certificate_can_sign_no_others(made: Authority) -> None:
    certificate = x509.load_pem_x509_certificate(made.server.read_bytes())
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not constraints.ca


def test_what_holds_is_left_alone_and_costs_no_heavy_import(made: Authority) -> None:
    before = {path.name: path.read_bytes() for path in made.directory.iterdir()}
    script = (
        "import pathlib, sys; from trove.standalone.authority import Authority;"
        f"assert not Authority(pathlib.Path({str(made.directory)!r}), {list(made.names)!r}).ensure();"
        "assert 'cryptography' not in sys.modules"
    )
    root = pathlib.Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-c", script], cwd=root, check=True)
    assert {path.name: path.read_bytes() for path in made.directory.iterdir()} == before


def test_other_names_make_a_new_certificate_of_the_same_authority(made: Authority) -> None:
    renamed = Authority(made.directory, ["new.example.org"])
    certificate = made.ca_pem()
    assert renamed.ensure()
    assert renamed.ca_pem() == certificate
    assert handshake(renamed, made, "new.example.org") == "TLSv1.3"


def test_close_to_its_end_the_server_certificate_is_made_again(
    made: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = made.server.read_bytes()
    monkeypatch.setattr(authority, "SERVER_MARGIN", authority.SERVER_LIFE + datetime.timedelta(days=1))
    assert made.ensure()
    assert made.server.read_bytes() != before


def test_guests_with_the_former_authority_believe_a_renewed_one(
    made: Authority, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = Authority(tmp_path / "former")
    former.directory.mkdir()
    former.certificate.write_bytes(made.certificate.read_bytes())
    monkeypatch.setattr(authority, "AUTHORITY_MARGIN", authority.AUTHORITY_LIFE + datetime.timedelta(days=1))
    assert made.ensure()
    assert made.ca_pem() != former.ca_pem()
    assert handshake(made, former, "localhost") == "TLSv1.3"


def test_a_death_between_certificate_and_record_is_made_good(made: Authority) -> None:
    (made.directory / "server.json").unlink()
    assert made.ensure()
    assert not made.ensure()


def test_a_strange_key_is_not_overwritten(made: Authority) -> None:
    key = made.directory / "ca.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    strange = key.read_bytes()
    made.certificate.unlink()
    with pytest.raises(errors.HostFailed):
        made.ensure()
    assert key.read_bytes() == strange
