"""The API over TLS as ``trovectl`` meets it: its own certificate, others, none; and what the doctor says of it."""

import dataclasses
import datetime
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import Invalid, Refused, Unreachable
from trove import config
from trove.api import server
from trove.cli.checks.certificate import certificate
from trove.cli.rest import Client
from trove.cli.trust import Trust
from trove.standalone import tls
from trove.standalone.authority import Authority
from trove.standalone.state import State


@dataclasses.dataclass(frozen=True)
class Place:
    state: State
    port: int
    shown: tls.Shown

    def client(self, trust: Trust, scheme: str = "https", host: str = "127.0.0.1") -> Client:
        return Client(f"{scheme}://{host}:{self.port}", timeout=10, trust=trust)


def configured(state: State, **options: str) -> object:
    state.root.mkdir(exist_ok=True)
    state.configuration.write_text("[DEFAULT]\n" + "".join(f"{name} = {text}\n" for name, text in options.items()))
    return config.load([state.configuration])


def hello(_environ: object, start_response: object) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])  # type: ignore[operator]
    return [b'{"instances": []}']


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    state = State(tmp_path_factory.mktemp("tls"))
    shown = tls.ensure(configured(state, tls_certificate="own"), state)
    assert shown is not None
    made = server.Server(hello, "127.0.0.1", 0, tls=shown.files)
    made.start()
    yield Place(state, made.port, shown)
    made.stop()


def test_its_authority_vouches_for_it(place: Place) -> None:
    assert place.shown.cacert == place.state.cacert and place.state.cacert.stat().st_mode & 0o777 == 0o644
    assert b"PRIVATE" not in place.state.cacert.read_bytes()
    assert place.shown.files.certificate.stat().st_mode & 0o777 == 0o600
    assert place.client(Trust(cacert=place.state.cacert)).get("/instances") == {"instances": []}


def test_on_its_machine_the_certificate_itself_is_known(place: Place) -> None:
    assert place.client(Trust(certificate=place.shown.files.certificate)).get("/instances") == {"instances": []}


@pytest.mark.parametrize("trust", ["nothing", "another"])
def test_a_certificate_that_nobody_vouches_for_is_refused_with_a_remedy(place: Place, tmp_path: Path,
                                                                      trust: str) -> None:
    other = Authority(tmp_path / "ca")
    other.ensure()
    client = place.client(Trust() if trust == "nothing" else Trust(certificate=other.server))
    with pytest.raises(Refused, match="is not trusted") as refused:
        client.get("/instances")
    assert "--cacert" in refused.value.hint and "OS_CACERT" in refused.value.hint


def test_a_certificate_for_other_names_is_refused(place: Place) -> None:
    with pytest.raises(Refused, match=r"mismatch.*127\.1"):
        place.client(Trust(cacert=place.state.cacert), host="127.1").get("/instances")


def test_plain_http_to_the_port_is_told(place: Place) -> None:
    with pytest.raises(Invalid, match="speaks TLS alone") as refused:
        place.client(Trust(), scheme="http").get("/instances")
    assert "https://" in refused.value.hint


def test_tls_to_a_plain_port_is_told() -> None:
    made = server.Server(hello, "127.0.0.1", 0)
    made.start()
    try:
        with pytest.raises(Refused, match="does not speak TLS") as refused:
            Client(f"https://127.0.0.1:{made.port}", timeout=10).get("/instances")
        assert "http://" in refused.value.hint
    finally:
        made.stop()


def test_the_certificate_is_known_without_a_line_break_at_its_end(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "api.pem"
    file.write_text(place.shown.files.certificate.read_text().rstrip())
    assert place.client(Trust(certificate=file)).get("/instances") == {"instances": []}


def test_an_end_before_tls_began_is_no_other_protocol() -> None:
    """A control plane that ends just then is one that does not answer, and is asked again."""
    def end_at_once(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        connection.recv(65536)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=end_at_once, args=(listening,))
        thread.start()
        with pytest.raises(Unreachable, match="does not answer"):
            Client(f"https://127.0.0.1:{listening.getsockname()[1]}").get("/instances")
        thread.join()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_by_which_nothing_can_be_known(place: Place, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    for trust in (Trust(cacert=file), Trust(certificate=file)):
        with pytest.raises(Invalid, match="cannot be used") as refused:
            place.client(trust).get("/instances")
        assert str(file) in refused.value.message


@pytest.mark.parametrize(("left", "level"), [(100, "ok"), (29, "warning"), (-1, "failed")])
def test_the_doctor_looks_at_the_end(place: Place, left: int, level: str) -> None:
    conf = config.load([place.state.configuration])
    [found] = certificate(place.state, conf)
    end = datetime.datetime.fromisoformat(found.sentence.rstrip(".").rpartition(" ")[2]).replace(tzinfo=datetime.UTC)
    [found] = certificate(place.state, conf, end - datetime.timedelta(days=left))
    assert found.level == level and (level == "ok" or "trovectl up" in found.remedy)


def test_the_doctor_says_nothing_of_plain_http(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert list(certificate(state, configured(state))) == []


@pytest.mark.parametrize(("broken", "word"), [("missing", "cannot be read"), ("other key", "do not belong together"),
                                              ("no key", "no certificate and key")])
def test_files_that_do_not_do_stop_the_start_and_are_told_by_the_doctor(tmp_path: Path, broken: str, word: str) -> None:
    one, two = Authority(tmp_path / "one"), Authority(tmp_path / "two")
    one.ensure()
    two.ensure()
    key = {"missing": tmp_path / "none", "other key": two.server, "no key": one.certificate}[broken]
    state = State(tmp_path / "state")
    conf = configured(state, tls_certificate=str(one.server), tls_key=str(key))
    for look in (lambda: tls.ensure(conf, state), lambda: list(certificate(state, conf))):
        with pytest.raises(Invalid, match=word) as refused:
            look()
        assert refused.value.hint
