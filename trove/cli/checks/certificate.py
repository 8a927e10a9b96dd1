"""The certificate that the API shows: readable, with its key, and valid for a while."""

import datetime
from collections.abc import Iterator

from oslo_config import cfg

from common.findings import Finding, failed, ok, warning
from trove.api import server
from trove.standalone import tls
from trove.standalone.state import State

SOON = datetime.timedelta(days=30)


def certificate(state: State, conf: cfg.ConfigOpts, now: datetime.datetime | None = None) -> Iterator[Finding]:
    """Nothing for plain HTTP. Raises Invalid for files that do not do."""
    pair = tls.pair(conf, state)
    own = conf.tls_certificate == tls.OWN
    if pair is None:
        return
    if own and not pair.certificate.exists():
        yield ok("certificate", "The API's certificate is made when the control plane starts.")
        return
    server.check_tls(pair)
    from cryptography import x509

    end = x509.load_pem_x509_certificate(pair.certificate.read_bytes()).not_valid_after_utc
    left = end - (now or datetime.datetime.now(datetime.UTC))
    renewal = "Run: trovectl down; trovectl up." if own else f"Put a new one into {pair.certificate}, then start anew."
    if left <= datetime.timedelta(0):
        yield failed("certificate", f"The API's certificate expired on {end:%Y-%m-%d}.", renewal)
    elif left < SOON:
        yield warning("certificate", f"The API's certificate expires on {end:%Y-%m-%d}.", renewal)
    else:
        yield ok("certificate", f"The API's certificate is valid until {end:%Y-%m-%d}.")
