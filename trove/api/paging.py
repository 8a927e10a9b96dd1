"""Pages: ``limit`` and ``marker`` in the query, a ``next`` link in the answer."""

import re
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlencode

import falcon
from msgspec import UNSET

from common.errors import Invalid

from . import links
from .views import blocks

_ID = re.compile("[0-9]{1,18}")
_NUMBER = re.compile("0{0,18}[1-9][0-9]{0,17}")


def limit(req: falcon.Request, most: int) -> int:
    """At most ``most``, which is the default too. Raises Invalid."""
    text = req.get_param("limit")
    if text is None:
        return most
    if _NUMBER.fullmatch(text) is None:
        raise Invalid(f"The limit {text[:40]!r} is not a number of 1 or more, with 18 digits at most.")
    return min(int(text), most)


def marker(req: falcon.Request) -> str | None:
    """Raises Invalid for what no id and no name is."""
    text: str | None = req.get_param("marker")
    if text is not None and "\0" in text:
        raise Invalid("The marker has a NUL character.", "Take it from the link to the next page.")
    return text


def name_marker(req: falcon.Request) -> str | None:
    """A marker that is a name, as it is or quoted once more as ``name_link`` puts it."""
    text = marker(req)
    if text is None:
        return None
    plain = unquote(text)
    return plain if quote(plain, safe="") == text else text


def after(req: falcon.Request) -> int:
    """The id of what comes before the page, where ids rise; 0 for none. Raises Invalid."""
    text: str = req.get_param("after", default="0")
    if _ID.fullmatch(text) is None:
        raise Invalid(f"{text[:40]!r} is not the id of a row.", "Take the last one that you have seen.")
    return int(text)


def since(req: falcon.Request) -> float | None:
    """Seconds since 1970. Raises Invalid."""
    text: str | None = req.get_param("since")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{text[:40]!r} is not a time.", "Write it like 2026-01-31T23:59:59, in UTC.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def link(req: falcon.Request, base: links.Base, next_marker: str | None, *filters: str,
         marker: str = "marker") -> blocks.NextLink:
    """UNSET on the last page. ``filters``: parameters that it keeps; ``marker``: the one that says where it begins."""
    if next_marker is None:
        return UNSET
    query = {marker: next_marker}
    for name in ("limit", *filters):
        if (asked := req.get_param(name)) is not None:
            query[name] = asked
    return (links.Link("next", f"{base.origin}{req.path}?{urlencode(query)}"),)


def name_link(req: falcon.Request, base: links.Base, next_marker: str | None) -> blocks.NextLink:
    """Quotes the name once more: python-troveclient decodes it once and sends the rest as it stands."""
    return link(req, base, None if next_marker is None else quote(next_marker, safe=""))
