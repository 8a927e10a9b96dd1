"""Which resource answers at which path."""

from .resources import (
    access,
    actions,
    databases,
    datastores,
    descriptions,
    events,
    flavors,
    instances,
    limits,
    metrics,
    operations,
    root,
    users,
    versions,
)
from .services import Resource

PROJECT = "/v1.0/{project}"
INSTANCE = f"{PROJECT}/instances/{{instance_id}}"

ROUTES: dict[str, type[Resource]] = {
    "/": versions.Versions,
    "/v1.0": versions.Version,
    "/healthcheck": versions.Healthcheck,
    "/openapi.json": descriptions.Document,
    "/openapi.html": descriptions.Page,
    "/metrics": metrics.Metrics,
    f"{PROJECT}/instances": instances.Instances,
    f"{PROJECT}/instances/detail": instances.Details,
    INSTANCE: instances.Instance,
    f"{INSTANCE}/action": actions.Action,
    f"{INSTANCE}/databases": databases.Databases,
    f"{INSTANCE}/databases/{{database}}": databases.Database,
    f"{INSTANCE}/users": users.Users,
    f"{INSTANCE}/users/{{user}}": users.User,
    f"{INSTANCE}/users/{{user}}/databases": access.Granted,
    f"{INSTANCE}/users/{{user}}/databases/{{database}}": access.Grant,
    f"{INSTANCE}/root": root.Root,
    f"{INSTANCE}/operations": operations.OfInstance,
    f"{INSTANCE}/events": events.OfInstance,
    f"{PROJECT}/events": events.Events,
    f"{PROJECT}/operations": operations.Operations,
    f"{PROJECT}/operations/{{operation_id}}": operations.Operation,
    f"{PROJECT}/datastores": datastores.Datastores,
    f"{PROJECT}/datastores/versions/{{version}}": datastores.VersionByUuid,
    f"{PROJECT}/datastores/{{datastore}}": datastores.Datastore,
    f"{PROJECT}/datastores/{{datastore}}/versions": datastores.Versions,
    f"{PROJECT}/datastores/{{datastore}}/versions/{{version}}": datastores.Version,
    f"{PROJECT}/datastores/{{datastore}}/versions/{{version}}/flavors": datastores.VersionFlavors,
    f"{PROJECT}/flavors": flavors.Flavors,
    f"{PROJECT}/flavors/{{flavor}}": flavors.Flavor,
    f"{PROJECT}/limits": limits.Limits,
}
