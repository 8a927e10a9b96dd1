"""Engines. Only the configured one is imported."""

import os
import pwd
from importlib import import_module
from pathlib import Path

from common.datastores import manifest
from common.errors import Internal

from .. import config
from ..host.base import Host
from ..host.layout import Layout
from .base import Engine, EngineContext, implemented


def load(name: str, context: EngineContext) -> Engine:
    """Imports and makes the engine ``name``. Raises NotFound, or Internal when it and its manifest disagree."""
    declared = manifest(name).capabilities
    engine: Engine = import_module(f"{__name__}.{name}").make(context)
    if (have := implemented(engine)) != declared:
        raise Internal(f"Engine {name} implements {sorted(have)} but its manifest declares {sorted(declared)}.")
    return engine


def configured(own: config.Default, host: Host) -> Engine:
    """The engine that these options are about. Raises as ``load`` does."""
    layout = Layout(Path(own.home))
    return load(own.datastore, EngineContext(
        host=host, version=own.datastore_version, address=own.address, port=own.port, memory_mb=own.memory_mb,
        data_dir=layout.data, config_dir=layout.engine, run_dir=layout.run, database_log=layout.database_log,
        binaries=own.binaries, admin=os.environ.get("LOGNAME") or pwd.getpwuid(os.geteuid()).pw_name))
