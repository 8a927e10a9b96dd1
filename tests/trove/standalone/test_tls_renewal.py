"""The API's certificate is renewed while it serves."""

import datetime
import http.client
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from common.errors import Invalid
from tests.awaiting import until
from trove import config
from trove.api import server
from trove.standalone import authority, tls
from trove.standalone.state import State


def application(_environ: Any, start: Any) -> Iterable[bytes]:
    start("200 OK", [])
    return [b"served"]


def test_new_connections_see_the_new_certificate_and_those_that_are_open_go_on(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "RENEW_EVERY", 0.05)
    (tmp_path / "trove.conf").write_text("[DEFAULT]\ntls_certificate = own\n")
    conf, state = config.load([tmp_path / "trove.conf"]), State(tmp_path)
    shown = tls.ensure(conf, state)
    assert shown is not None
    made = server.Server(application, "127.0.0.1", 0, auth_strategy="token", tls=shown.files)
    made.start()
    renewal = tls.Renewal(conf, state, made.show)
    renewal.start()

    def connected() -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=str(state.cacert))
        connection = http.client.HTTPSConnection("127.0.0.1", made.port, timeout=10, context=context)
        connection.connect()
        return connection

    def seen() -> bytes:
        connection = connected()
        try:
            found: bytes = connection.sock.getpeercert(binary_form=True)
            return found
        finally:
            connection.close()

    former, before = connected(), seen()
    try:
        assert seen() == before
        with monkeypatch.context() as soon:
            soon.setattr(authority, "SERVER_MARGIN", datetime.timedelta(days=398))
            until(lambda: seen() != before, 20, "another certificate is shown")
        former.request("GET", "/")
        assert former.getresponse().read() == b"served"
        last = seen()
        with pytest.raises(Invalid):
            made.show(server.Tls(tmp_path / "none", tmp_path / "none"))
        assert seen() == last
    finally:
        renewal.stop()
        former.close()
        made.stop()
