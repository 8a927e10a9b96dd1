from collections.abc import Iterator

import pytest

from tests.trove import postgresql


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    if postgresql.binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgresql.server() as url:
        yield url
