"""A pytest plugin: a real private RabbitMQ node for one test session, and what tests usually want of it.

``broker``     the node (trove.standalone.rabbit.PrivateNode), started once, gone when the session ends however it ends
``admin``      its management interface (trove.bus.admin.Admin)

Trove is imported inside the fixtures alone: the guest's tests load this plugin where no ``trove`` is installed.
"""

from __future__ import annotations

import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from trove.bus.admin import Admin
    from trove.standalone.rabbit import PrivateNode


@pytest.fixture(scope="session")
def broker_directory() -> Iterator[pathlib.Path]:
    """Not pytest's own, which nobody but its owner may enter: as root the node runs as another user."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="trove-broker-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def broker(broker_directory: pathlib.Path) -> Iterator[PrivateNode]:
    from trove.standalone.authority import Authority
    from trove.standalone.rabbit import PrivateNode

    node = PrivateNode(broker_directory / "rabbit", Authority(broker_directory / "ca"))
    try:
        node.start()
        yield node
    finally:
        node.stop()


@pytest.fixture(scope="session")
def admin(broker: PrivateNode) -> Iterator[Admin]:
    client = broker.admin()
    yield client
    client.close()
