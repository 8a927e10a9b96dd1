from collections.abc import Iterator

import pytest
from cheroot.server import HTTPServer

from tests.trove import postgresql

HTTPServer.expiration_interval = 0.02
"""Seconds, of half a one: how late a server hears that it is to stop, of which there are many here."""


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    if postgresql.binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgresql.server() as url:
        yield url
