"""What this process's metrics are read from."""

import time

from common.contract import CONTRACT_VERSION
from common.openstack.rpc.connection import Bus
from trove.bus.guests import GuestClient
from trove.bus.reports import ConductorServer
from trove.db.store import Store
from trove.metrics import declared, sources
from trove.metrics.figures import Figures
from trove.taskmanager.service import TaskManager

from . import state

BUILD_SHOWN = 12
"""Digits of a build that tell it from others."""


def gather(figures: Figures, store: Store, bus: Bus, guests: GuestClient, reports: ConductorServer,
           manager: TaskManager) -> None:
    for source in (
        sources.build(state.build()[:BUILD_SHOWN], CONTRACT_VERSION),
        sources.store(store, time.time),
        sources.value(declared.FLOWS, lambda: manager.flows_under_way),
        sources.value(declared.BUS_CONNECTED, lambda: bus.connected),
        sources.reasons(declared.REPORTS_DROPPED, reports.dropped),
        sources.reasons(declared.REPLIES_REFUSED, guests.refused),
    ):
        figures.read_from(source)
