"""Reads the address of the store: chdb://folder or http(s)://user:password@host:port/database.

No message of this module holds any part of the address, since a part that was misread may be one of the password.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit, urlunsplit

__all__ = ["check_store", "is_embedded", "store_dsn"]

EMBEDDED = "chdb://"
FORMS = "chdb://folder or http(s)://user:password@host:port/database"
#: Characters that end the host's part of a URL, or mean something else in it.
_MUST_BE_ENCODED = re.compile(r"[/?#@\[\]\\]|%(?![0-9A-Fa-f]{2})")
ENCODE = (
    "a character in the user or password means something else in an address: percent-encode it, or use "
    "CALLGAUGE_STORE_USER and CALLGAUGE_STORE_PASSWORD"
)


def is_embedded(address: str) -> bool:
    """Whether the address names a chDB folder."""
    return address.startswith(EMBEDDED)


def check_store(address: str) -> str:
    """The address itself, if it can be used.

    Raises:
        ValueError: saying what is wrong and what to do.
    """
    if is_embedded(address):
        if address == EMBEDDED:
            raise ValueError("the folder is missing: write chdb://folder")
        return address
    scheme, found, rest = address.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        raise ValueError(f"must be {FORMS}")
    if any(char.isspace() or not char.isprintable() for char in address):
        raise ValueError("holds a blank, a line's end or another character that no address has: take it out")
    # A password reaches up to the last @. Read as a URL, it would end at its first / and the rest be something else.
    user, at, _ = rest.rpartition("@")
    if at and _MUST_BE_ENCODED.search(user):
        raise ValueError(ENCODE)
    _check_host(address)
    return address


def store_dsn(address: str, user: str, password: str) -> str:
    """The address with user and password, percent-encoded; each goes before what the address holds, unless empty.

    >>> store_dsn("https://reader:old@clickhouse:8443/llm", "", "n/w")
    'https://reader:n%2Fw@clickhouse:8443/llm'

    The address must have passed `check_store`. That of an embedded store has neither user nor password.
    """
    if is_embedded(address) or not (user or password):
        return address
    parts = urlsplit(address)
    held, _, host = parts.netloc.rpartition("@")
    held_user, _, held_password = held.partition(":")
    # "default" is ClickHouse's user for those who name none.
    user = quote(user, safe="") or held_user or "default"
    password = quote(password, safe="") or held_password
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{host}"))


def _check_host(address: str) -> None:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"the host or the port cannot be read; must be {FORMS}") from None
    if not host:
        raise ValueError(f"the host is missing; must be {FORMS}")
    if port == 0:
        raise ValueError("the port must be a number from 1 to 65535")
