"""What the API shows to its clients over TLS: the operator's certificate, or one of the installation's own."""

import dataclasses
import urllib.parse
from pathlib import Path

from oslo_config import cfg

from trove.api import server

from . import files
from .authority import Authority
from .state import State

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


def _authority(conf: cfg.ConfigOpts, state: State) -> Authority:
    public = urllib.parse.urlsplit(conf.public_endpoint).hostname
    return Authority(state.authority, [name for name in (conf.bind_host, public) if name], server="api.pem")
