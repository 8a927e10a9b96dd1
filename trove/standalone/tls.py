"""What the API shows to its clients over TLS: the operator's certificate, or one of the installation's own."""

import dataclasses
import hashlib
import threading
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from oslo_config import cfg

from common.errors import TroveError
from common.openstack import log
from trove.api import server

from . import files
from .authority import Authority
from .state import State

LOG = log.get(__name__)

RENEW_EVERY = 86400.0

OWN = "own"
"""In place of a file: the installation's private authority makes the certificate."""


@dataclasses.dataclass(frozen=True)
class Shown:
    """``cacert``: the certificate of our own authority, for clients; None where it is somebody else's."""

    files: server.Tls
    cacert: Path | None = None


def certificate(conf: cfg.ConfigOpts, state: State) -> Path | None:
    """The file with the certificate that clients see; None for plain HTTP."""
    if conf.tls_certificate == OWN:
        return _authority(conf, state).server
    return Path(conf.tls_certificate) if conf.tls_certificate else None


def pair(conf: cfg.ConfigOpts, state: State) -> server.Tls | None:
    """Certificate and key, as they stand; None for plain HTTP."""
    shown = certificate(conf, state)
    own = conf.tls_certificate == OWN
    return server.Tls(shown, shown if own else Path(conf.tls_key or shown)) if shown else None


def ensure(conf: cfg.ConfigOpts, state: State) -> Shown | None:
    """What the API is to show; our own is made where it is missing or ends soon. Raises Invalid for files that do not
    do."""
    found = pair(conf, state)
    if found is None:
        return None
    if conf.tls_certificate != OWN:
        server.check_tls(found)
        return Shown(found)
    authority = _authority(conf, state)
    authority.ensure()
    files.write(state.cacert, authority.ca_pem(), 0o644)  # the authority's directory is ours alone
    return Shown(found, state.cacert)


class Renewal:
    """Looks at our own certificate each day, and has ``show`` told of a new one; nothing to do with somebody else's."""

    def __init__(self, conf: cfg.ConfigOpts, state: State, show: Callable[[server.Tls], None]) -> None:
        self._conf = conf
        self._state = state
        self._show = show
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="api-renewal", daemon=True)

    def start(self) -> None:
        if self._conf.tls_certificate == OWN:
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _work(self) -> None:
        known = _fingerprint(self._conf, self._state)
        while not self._stopping.wait(RENEW_EVERY):
            try:
                known = self._renew(known)
            except (TroveError, OSError) as error:
                LOG.error("The API's certificate could not be renewed; tomorrow it is tried again.", error)

    def _renew(self, known: bytes) -> bytes:
        """What is shown then."""
        shown = ensure(self._conf, self._state)
        found = _fingerprint(self._conf, self._state)
        if shown is not None and found != known:
            self._show(shown.files)
            LOG.info("The API has a new certificate.")
        return found


def _fingerprint(conf: cfg.ConfigOpts, state: State) -> bytes:
    return hashlib.sha256(_authority(conf, state).server.read_bytes()).digest()


def _authority(conf: cfg.ConfigOpts, state: State) -> Authority:
    public = urllib.parse.urlsplit(conf.public_endpoint).hostname
    return Authority(state.authority, [name for name in (conf.bind_host, public) if name], server="api.pem")
