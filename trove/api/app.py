"""Puts the API together."""

import falcon
from oslo_config import cfg

from common.errors import TroveError
from trove.bus.bell import Bell
from trove.db.answers import Answers
from trove.db.audit import Audit
from trove.db.audit_chain import Chain
from trove.db.commands import Commands
from trove.db.tokens import Tokens
from trove.metrics import declared, sources
from trove.metrics.figures import Figures

from . import auditing, calls, errors, guests, hosts, idempotency, identity, middleware, paths, policy, waits
from .description import Description
from .rates import Rates
from .routes import ROUTES
from .services import Services
from .settings import DEFAULTS, Settings


def create_app(commands: Commands, guests: guests.Guests, desk: hosts.HostDesk, settings: Settings = DEFAULTS,
               rules: policy.Policy | None = None, figures: Figures | None = None,
               bell: waits.Bell | None = None, conf: cfg.ConfigOpts | None = None) -> paths.Wsgi:
    """The WSGI application; ``figures`` are shown at ``/metrics``, ``bell`` rings when there are new events, ``conf``
    has what Keystone's library reads.

    Raises Invalid for an ``auth_strategy`` that there is not.
    """
    tokens, audit, chain = Tokens(commands.store), Audit(commands.store), Chain(commands.store)
    who = identity.chosen(settings, tokens, conf)
    figures, guest_calls = figures or Figures(), calls.Calls(guests, settings.guest_calls)
    figures.read_from(sources.reasons(declared.CALLS_REFUSED, guest_calls.refused))
    services = Services(
        commands, tokens, audit, chain, guest_calls, desk, settings, rules or policy.defaults(), Rates(settings.rates),
        figures, Description(ROUTES), waits.Waits(bell or Bell(), settings.waiting_requests))
    around = middleware.Around(who, services.rates, services.figures)
    application = falcon.App(middleware=around, cors_enable=False)
    application.add_middleware(auditing.Audited(audit, settings.trusted_proxies))
    application.add_middleware(idempotency.Once(Answers(commands.store)))
    application.req_options.strip_url_path_trailing_slash = True
    application.add_error_handler(Exception, errors.on_defect)
    application.add_error_handler(falcon.HTTPError, errors.on_http_error)
    application.add_error_handler(TroveError, errors.on_trove_error)
    for path, kind in ROUTES.items():
        application.add_route(path, kind(services))
    return paths.Entry(application)
