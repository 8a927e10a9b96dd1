"""Puts the API together."""

import falcon

from common.errors import Invalid, TroveError
from trove.bus.bell import Bell
from trove.db.answers import Answers
from trove.db.commands import Commands
from trove.metrics.figures import Figures

from . import context, errors, guests, hosts, idempotency, middleware, paths, policy, waits
from .description import Description
from .rates import Rates
from .routes import ROUTES
from .services import Services
from .settings import DEFAULTS, Settings


def create_app(commands: Commands, guests: guests.Guests, desk: hosts.HostDesk, settings: Settings = DEFAULTS,
               rules: policy.Policy = policy.DEFAULTS, figures: Figures | None = None,
               bell: waits.Bell | None = None) -> paths.Wsgi:
    """The WSGI application; ``figures`` are shown at ``/metrics``, ``bell`` rings when there are new events.

    Raises Invalid for an ``auth_strategy`` that there is not.
    """
    services = Services(commands, guests, desk, settings, rules, Rates(settings.rates), figures or Figures(),
                        Description(ROUTES), waits.Waits(bell or Bell(), settings.waiting_requests))
    around = middleware.Around(_identity(settings), services.rates, services.figures)
    application = falcon.App(middleware=around, cors_enable=False)
    application.add_middleware(idempotency.Once(Answers(commands.store)))
    application.req_options.strip_url_path_trailing_slash = True
    application.add_error_handler(Exception, errors.on_defect)
    application.add_error_handler(falcon.HTTPError, errors.on_http_error)
    application.add_error_handler(TroveError, errors.on_trove_error)
    for path, kind in ROUTES.items():
        application.add_route(path, kind(services))
    return paths.Entry(application)


def _identity(settings: Settings) -> middleware.Identity:
    if settings.auth_strategy != "noauth":
        raise Invalid(f"There is no auth_strategy {settings.auth_strategy!r}.", "Set it to noauth.")
    return context.NoAuth()
