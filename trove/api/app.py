"""Puts the API together."""

import falcon

from common.errors import Invalid, TroveError
from trove.db.commands import Commands
from trove.metrics.figures import Figures

from . import context, errors, guests, middleware, paths, policy
from .rates import Rates
from .resources import (
    access,
    actions,
    databases,
    datastores,
    flavors,
    instances,
    limits,
    metrics,
    operations,
    root,
    users,
    versions,
)
from .services import Services
from .settings import DEFAULTS, Settings

PROJECT = "/v1.0/{project}"
INSTANCE = f"{PROJECT}/instances/{{instance_id}}"


def create_app(commands: Commands, guests: guests.Guests, settings: Settings = DEFAULTS,
               rules: policy.Policy = policy.DEFAULTS, figures: Figures | None = None) -> paths.Wsgi:
    """The WSGI application; ``figures`` are shown at ``/metrics``.

    Raises Invalid for an ``auth_strategy`` that there is not.
    """
    services = Services(commands, guests, settings, rules, Rates(settings.rates), figures or Figures())
    around = middleware.Around(_identity(settings), services.rates, services.figures)
    application = falcon.App(middleware=[around], cors_enable=False)
    application.req_options.strip_url_path_trailing_slash = True
    application.add_error_handler(Exception, errors.on_defect)
    application.add_error_handler(falcon.HTTPError, errors.on_http_error)
    application.add_error_handler(TroveError, errors.on_trove_error)
    for path, resource in routes(services).items():
        application.add_route(path, resource)
    return paths.Entry(application)


def routes(services: Services) -> dict[str, object]:
    return {
        "/": versions.Versions(services),
        "/v1.0": versions.Version(services),
        "/healthcheck": versions.Healthcheck(),
        "/metrics": metrics.Metrics(services.figures),
        f"{PROJECT}/instances": instances.Instances(services),
        f"{PROJECT}/instances/detail": instances.Details(services),
        INSTANCE: instances.Instance(services),
        f"{INSTANCE}/action": actions.Action(services),
        f"{INSTANCE}/databases": databases.Databases(services),
        f"{INSTANCE}/databases/{{database}}": databases.Database(services),
        f"{INSTANCE}/users": users.Users(services),
        f"{INSTANCE}/users/{{user}}": users.User(services),
        f"{INSTANCE}/users/{{user}}/databases": access.Granted(services),
        f"{INSTANCE}/users/{{user}}/databases/{{database}}": access.Grant(services),
        f"{INSTANCE}/root": root.Root(services),
        f"{INSTANCE}/operations": operations.OfInstance(services),
        f"{PROJECT}/operations": operations.Operations(services),
        f"{PROJECT}/operations/{{operation_id}}": operations.Operation(services),
        f"{PROJECT}/datastores": datastores.Datastores(services),
        f"{PROJECT}/datastores/versions/{{version}}": datastores.VersionByUuid(services),
        f"{PROJECT}/datastores/{{datastore}}": datastores.Datastore(services),
        f"{PROJECT}/datastores/{{datastore}}/versions": datastores.Versions(services),
        f"{PROJECT}/datastores/{{datastore}}/versions/{{version}}": datastores.Version(services),
        f"{PROJECT}/datastores/{{datastore}}/versions/{{version}}/flavors": datastores.VersionFlavors(services),
        f"{PROJECT}/flavors": flavors.Flavors(services),
        f"{PROJECT}/flavors/{{flavor}}": flavors.Flavor(services),
        f"{PROJECT}/limits": limits.Limits(services),
    }


def _identity(settings: Settings) -> middleware.Identity:
    if settings.auth_strategy != "noauth":
        raise Invalid(f"There is no auth_strategy {settings.auth_strategy!r}.", "Set it to noauth.")
    return context.NoAuth()
