"""Links to what a view names."""

from dataclasses import dataclass

import falcon

from . import paths


@dataclass(frozen=True, slots=True)
class Base:
    """``origin`` is scheme and host without a slash behind."""

    origin: str
    project: str

    def to(self, collection: str, key: str) -> list[dict[str, str]]:
        key = paths.encode(key)
        return [
            {"rel": "self", "href": f"{self.origin}/v1.0/{self.project}/{collection}/{key}"},
            {"rel": "bookmark", "href": f"{self.origin}/{collection}/{key}"},
        ]


def base(req: falcon.Request, public_endpoint: str, project_id: str) -> Base:
    """Always https, like upstream: what ends TLS often stands in front."""
    return Base(public_endpoint.rstrip("/") or f"https://{req.netloc}", paths.encode(project_id))
