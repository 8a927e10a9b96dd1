import dataclasses
import uuid
from collections.abc import Iterator

import pytest

from tests.trove.cli.served import Served, serving
from trove.cli import waiting


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served")) as made:
        yield made


@pytest.fixture
def api(served: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(waiting, "EARLIEST", 0.01)
    yield dataclasses.replace(served, project=uuid.uuid4().hex)
    served.works.fault = ""
