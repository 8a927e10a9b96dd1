"""What a project may use of a resource, and what an instance uses."""

RESOURCES = ("instances", "ram", "volumes", "backups")
"""Counted in: instances, MB, GB, backups."""

UNLIMITED = -1


def charge(ram_mb: int, volume_gb: int | None) -> dict[str, int]:
    """What one instance takes of its project's quota."""
    return {"instances": 1, "ram": ram_mb, "volumes": volume_gb or 0}
