"""Whether ``trovectl doctor`` sees what an agent on a host would meet at the broker."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trove import config
from trove.cli.checks import reach
from trove.standalone.authority import Authority
from trove.standalone.state import State


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A port where somebody answers with a certificate for localhost, and the authority behind that."""
    authority = Authority(tmp_path / "ca")
    authority.ensure()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server)
    with socket.create_server(("127.0.0.1", 0)) as server:
        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                    context.wrap_socket(connection, server_side=True).close()
                except ssl.SSLError:
                    continue  # who asks does not believe us
                except OSError:
                    return

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1], authority.certificate
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def found(tmp_path: Path, **section: object) -> list[tuple[str, str]]:
    file = tmp_path / "trove.conf"
    file.write_text("[broker]\n" + "".join(f"{name} = {value}\n" for name, value in section.items()))
    return [(each.level, each.sentence) for each in reach.broker(State(tmp_path / "state"), config.load([file]))]


def test_nothing_is_looked_at_where_no_host_is_told_an_address(tmp_path: Path) -> None:
    assert found(tmp_path) == []
    assert found(tmp_path, listen_address="192.0.2.1") == [], "there is no broker yet"


def test_what_an_agent_would_meet(tmp_path: Path, broker: tuple[int, Path]) -> None:
    port, authority = broker
    told = {"host": "localhost", "port": port, "ca_file": authority, "guest_address": "127.0.0.1"}
    assert found(tmp_path, **told) == [("ok", f"The broker answers agents on hosts at 127.0.0.1, port {port}.")]
    (level, sentence), = found(tmp_path, **told, server_name="mq.example.org")
    assert level == "failed" and "does not do for mq.example.org" in sentence
    (level, sentence), = found(tmp_path, **told | {"guest_address": "127.93.84.76"})
    assert level == "failed" and f"are told 127.93.84.76, port {port}, where no broker answers" in sentence
