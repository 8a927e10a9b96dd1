"""Making, enlarging and removing the place of one instance. Every step may have been done before, wholly or in part."""

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from common.contract.placement import Growth, Placed, Placement, Unplacement
from common.errors import Conflict, Invalid, NotFound

from ..host import files, processes, record
from ..host.layout import DATA_MODE, LOGGED, Layout
from ..host.record import Record
from ..host.starter import PROGRAM
from . import commands, configuration, limits, picture, preflight, remains, services, templates, users, volume
from .firststart import FirstStart
from .limits import NONE, Limits
from .volume import Volume

_ONE_USER = "One trust domain: agent and database server run as the same user, and who controls one controls the other."
_TWO_USERS = "The database server and the agent run as two users, and neither as the one that placed them."
_COPY = "data.new"


@dataclass
class Site:
    """A placing under way: what a step makes, the later ones use. ``known`` is the record of the one before."""

    layout: Layout
    record: Record
    known: Record | None
    placement: Placement | None = None  # without it, all is as ``record`` has it
    accounts: users.Accounts = field(default_factory=users.mine)
    volume: Volume = field(default_factory=lambda: Volume(record.DIRECTORY))
    limits: Limits = field(default_factory=lambda: Limits(NONE))
    moved_at: float = 0.0
    template: templates.Template | None = None
    """Of which a copy is made."""
    template_note: str = ""
    is_new: bool = False
    """Whether its server may be begun with it: nobody else has begun one."""
    first: FirstStart | None = None
    first_note: str = ""
    beside: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, 2))
    under_way: dict[str, Future[Any]] = field(default_factory=dict)

    @property
    def is_first(self) -> bool:
        """Whether nobody was told yet that it is there. Then it is on the disk when ``settle`` says so."""
        return self.known is None or bool(self.known.unsettled)


def place(placement: Placement) -> Placed:
    """Makes or repairs the place and starts the agent. A server that runs there is not touched.

    Nothing is made on a machine that cannot carry it. Raises Invalid, Conflict, HostFailed, NoSpace, Unreachable.
    """
    layout = _layout(placement.instance_id, placement.home)
    preflight.require(placement, is_new=not layout.record.exists())
    with _held(layout.home):
        known = Record.read(layout.record) if layout.record.exists() else None
        site = Site(layout, Record(
            instance_id=placement.instance_id, volume_gb=placement.volume_gb, memory_mb=placement.memory_mb,
            vcpus=placement.vcpus), known, placement)
        before = None if known is None else _picture(layout)
        try:
            for step in STEPS:
                step(site)
        finally:
            site.beside.shutdown()  # nobody copies without the lock
            if site.first is not None:
                site.first.give_up()
        return _placed(site, () if before is None else picture.changes(before, _picture(layout)))


def restore(home: Path) -> None:
    """Mounts, limits and supervises again what is placed in ``home``. What runs there is not touched.

    Raises HostFailed, NoSpace; Conflict for one that nobody was told to be whole.
    """
    layout = Layout(home)
    with _held(home):
        known = Record.read(layout.record)
        site = Site(layout, known, known)
        if site.is_first:
            raise Conflict("It was being placed when the machine went down.", "Its control plane begins anew.")
        for step in (begin_accounts, make_volume, note, partial(finish, "accounts"), give_data, set_limits):
            step(site)
        services.start(layout)


def grow(growth: Growth) -> None:
    """Makes the volume larger in use. Raises NotFound, Invalid, HostFailed."""
    layout = _layout(growth.instance_id, growth.home)
    if not layout.record.exists():
        raise NotFound(f"Nothing is placed in {layout.home}.")
    with _held(layout.home):
        known = Record.read(layout.record)
        if known.volume_gb is None:
            raise Invalid("The instance has no volume of its own.")
        if known.volume == record.IMAGE:
            _volume(layout).grow(growth.volume_gb)
        elif growth.volume_gb < known.volume_gb:
            raise Invalid(f"The volume has {known.volume_gb} GB and cannot become smaller.")
        msgspec.structs.replace(known, volume_gb=growth.volume_gb).write(layout.record)


def unplace(unplacement: Unplacement) -> None:
    """Ends and removes all of it, from whatever state. Raises HostFailed."""
    layout = _layout(unplacement.instance_id, unplacement.home)
    with _held(layout.home):
        _remove(layout)


def make_template(placement: Placement) -> None:
    """Makes the template that the placement lacked; one that another process makes is left to that. Raises HostFailed.

    Nobody waits for it, and it takes what time of the processors others leave.
    """
    template = templates.find(placement)
    if template is None or not template.is_wanted:
        return
    with suppress(BlockingIOError), _held(template.home, fcntl.LOCK_NB):
        if os.fork() == 0:
            _make_template(template)


def _make_template(template: templates.Template) -> NoReturn:
    """The rest of a process's life, behind the one that was asked for the placing. It holds that one's lock."""
    layout, name = Layout(template.home), template.home.name
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        _clear(layout)  # what one left that was killed
        account = (users.make(name, users.draw(name)) if commands.is_root() else users.mine()).engine
        work = layout.home / "template"
        files.ensure_directory(layout.home, 0o711)
        files.ensure_directory(work, 0o700, account.owner)
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        template.make(account, work)
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # others wait for the account files
        _remove(layout)
    finally:
        os._exit(0)


def _remove(layout: Layout) -> None:
    _clear(layout)
    if commands.is_root():
        users.remove(layout.home.name)
    layout.home.rmdir()


def _clear(layout: Layout) -> None:
    services.stop(layout)
    remains.end_all(layout.home.name, layout.home)
    layout.record.unlink(missing_ok=True)  # from here on nothing is missing that had been there
    _volume(layout).remove()
    limits.remove(layout.home.name)
    # not rmtree, which a tree can be too deep for
    commands.run(["rm", "-rf", "--one-file-system", "--", *map(str, layout.home.iterdir())], timeout=120)


def begin_accounts(site: Site) -> None:
    """Their ids are known at once, which is all that most wants."""
    if commands.is_root():
        site.accounts = users.draw(site.record.instance_id)
        site.under_way["accounts"] = site.beside.submit(users.make, site.record.instance_id, site.accounts)


def begin_volume(site: Site) -> None:
    """Most of it are other programs, beside which the rest is written."""
    site.under_way["volume"] = site.beside.submit(make_volume, site)


def finish(what: str, site: Site) -> None:
    if what in site.under_way:
        site.under_way[what].result()


def make_directories(site: Site) -> None:
    engine, agent, layout = site.accounts.engine, site.accounts.agent, site.layout
    own = (os.geteuid(), os.getegid())
    for path, mode, owner in (
        (layout.home, 0o710, (own[0], engine.gid)),
        (layout.config, 0o700, agent.owner),
        (layout.state, 0o700, agent.owner),
        (layout.engine, 0o2750, (agent.uid, engine.gid)),
        (layout.orders, 0o2750, (agent.uid, engine.gid)),
        (layout.jobs, 0o2750, engine.owner),
        (layout.run, 0o2750, engine.owner),
        (layout.log, 0o750, (own[0], engine.gid)),
        *((layout.log / name, 0o700, agent.owner) for name in LOGGED),
        (layout.services, 0o755, own),
        (layout.links, 0o755, agent.owner),
    ):
        files.ensure_directory(path, mode, owner)
    services.ensure_pipe(layout.news, 0o660, (agent.uid, engine.gid))


def make_volume(site: Site) -> None:
    layout, known = site.layout, site.known
    decided = None if known is None else Volume(known.volume, known.reason)
    files.ensure_directory(layout.volume, 0o755)
    place_of_volume = _volume(layout)
    if commands.is_root():
        files.ensure_directory(place_of_volume.image.parent, 0o700)
    site.volume = place_of_volume.ensure(site.record.volume_gb, decided)
    files.ensure_directory(layout.volume, 0o755)
    if site.placement is not None and site.is_first:
        _begin_copy(site, site.placement)


def note(site: Site) -> None:
    """A first place is begun anew by a machine that goes down before ``settle``."""
    site.record = msgspec.structs.replace(site.record, volume=site.volume.kind, reason=site.volume.reason,
                                          unsettled=processes.boot_id() if site.is_first else "")
    site.record.write(site.layout.record)


def call_starter(site: Site) -> None:
    if site.is_new and site.placement is not None:
        site.first = FirstStart(site.layout, site.accounts, site.placement.datastore)


def give_data(site: Site) -> None:
    """The volume to its server. A copy is made while the agent begins."""
    if site.template is not None:
        site.template_note = site.under_way["data"].result()
        if not site.template_note:
            site.layout.data.with_name(_COPY).rename(site.layout.data)
    files.ensure_directory(site.layout.data, DATA_MODE, site.accounts.engine.owner)


def begin_flush(site: Site) -> None:
    """What is written from here on its writers flush."""
    if site.record.unsettled:
        site.under_way["flush"] = site.beside.submit(_flush, site)


def start_server(site: Site) -> None:
    """A server that has its data starts without the names of accounts; what makes data looks for its own."""
    if site.template is None or site.template_note:
        finish("accounts", site)
    if site.first is not None:
        site.first.go()


def settle(site: Site) -> None:
    """Nobody may order anything before this: the server is begun, and is begun once."""
    if site.record.unsettled:
        site.record = msgspec.structs.replace(site.record, unsettled="")
        site.record.write(site.layout.record)
    if site.first is not None:
        site.first_note, site.first = site.first.end(), None


def set_limits(site: Site) -> None:
    site.limits = limits.ensure(site.record.instance_id, site.record.memory_mb, site.record.vcpus, site.layout.volume)


def configure(site: Site) -> None:
    assert site.placement is not None
    configuration.write(site.placement, site.layout, site.accounts.agent, durable=not site.is_first)
    _choose_release(site, site.placement)


def write_services(site: Site) -> None:
    services.write(site.layout, site.accounts, site.limits, durable=not site.is_first)


def supervise(site: Site) -> None:
    services.start(site.layout, is_new=site.known is None)
    services.refresh_agent(site.layout, site.moved_at)


STEPS: tuple[Callable[[Site], None], ...] = (
    begin_accounts, begin_volume, make_directories, set_limits, configure, write_services,
    partial(finish, "volume"), note, call_starter, supervise, give_data, begin_flush, start_server,
    partial(finish, "accounts"), partial(finish, "flush"), settle)


def _flush(site: Site) -> None:
    for top in (site.layout.config, site.layout.services, site.layout.links):
        files.sync_tree(top)
    files.sync_directory(site.layout.home)
    if site.template is not None:
        commands.run(["sync", "--file-system", str(site.layout.volume)])


def _begin_copy(site: Site, placement: Placement) -> None:
    """Data is there if a placing was cut off; it is replaced if it was the machine that went down."""
    layout = site.layout
    if site.known is not None and site.known.unsettled != processes.boot_id():
        shutil.rmtree(layout.data, ignore_errors=True)
    site.is_new = placement.template and not layout.data.exists()
    template = templates.find(placement) if site.is_new else None
    if template is not None and template.is_there:
        site.template = template
        site.under_way["data"] = site.beside.submit(
            template.copy, layout.data.with_name(_COPY), site.accounts.engine.owner)


def _choose_release(site: Site, placement: Placement) -> None:
    """An agent that is there keeps the release that it runs from, unless it is to try this one."""
    layout = site.layout
    if not (layout.current / PROGRAM).exists():
        files.ensure_link(layout.current, placement.release)
        site.moved_at = time.time()
    if placement.replaces_release and str(layout.current.readlink()) != placement.release:
        files.ensure_link(layout.links / "next", placement.release)


def _picture(layout: Layout) -> dict[str, object]:
    return picture.take(layout, _volume(layout).is_mounted())


def _placed(site: Site, repaired: tuple[str, ...]) -> Placed:
    apart = site.accounts.are_apart
    size, why = site.record.volume_gb, site.volume.reason
    watched = f"The volume is a plain directory; its size of {size} GB is watched but not enforced: {why}."
    first = f"The server was not begun with its place: {site.first_note}" if site.first_note else ""
    notes = (watched if why else "", site.limits.note, "" if apart else _ONE_USER, site.template_note, first)
    return Placed(
        instance_id=site.record.instance_id, limits=site.limits.kind, volume=site.volume.kind,
        trust=_TWO_USERS if apart else _ONE_USER, notes=tuple(note for note in notes if note),
        repaired=repaired, release=site.layout.current.readlink().name)


def _layout(instance_id: str, home: str) -> Layout:
    """Raises Invalid for a directory that does not bear the instance's name: it is going to be removed one day."""
    path = Path(home)
    if not path.is_absolute() or path.name != instance_id or ".." in path.parts:
        raise Invalid(f"{home} cannot be the home of instance {instance_id}.",
                      "It is an absolute path that ends in the instance's id.")
    return Layout(path)


def _volume(layout: Layout) -> volume.Place:
    """Images are beside the directory that the homes are in: ``<root>/instances/<id>``, ``<root>/volumes/<id>.img``."""
    pool = layout.home.parent.parent / "volumes"
    return volume.Place(pool / f"{layout.home.name}.img", layout.volume)


@contextmanager
def _held(home: Path, how: int = 0) -> Iterator[None]:
    """One place, grow or unplace at a time; a control plane that was killed may have left one running.

    Raises BlockingIOError where ``how`` is LOCK_NB and another one is at work.
    """
    descriptor = _lock(home, how)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(home: Path, how: int) -> int:
    """Makes the directory and locks it. One that was removed while we waited is made anew."""
    while True:
        home.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            home.mkdir(mode=0o710)
        descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), home.lstat()):
                return descriptor
        os.close(descriptor)
