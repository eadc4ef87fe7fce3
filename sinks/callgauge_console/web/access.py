"""Who may ask for what.

With a file of keys every request below /v1 needs one. Without, the console listens on this machine alone, and whoever
is on it may read and act; a page of another site, which the browser of somebody here has open, may not.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.datastructures import Headers

from callgauge.counted import LABELS
from callgauge.errors import SettingError
from callgauge.keys.key_file import KeyFile, KeyKind
from callgauge.loopback import is_loopback
from callgauge_console.web.problems import ProblemError

__all__ = ["KEYS", "SCOPES", "Access", "Admin", "Caller", "Grant", "Reader", "ScopeName", "Writer"]

ScopeName = Literal["read", "write", "admin"]
#: What a key may be allowed: read: to ask; write: to act on alerts and to send judgements; admin: to change rules and
#: to ask in SQL, which no filter of labels holds for.
SCOPES: tuple[ScopeName, ...] = ("read", "write", "admin")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Grant:
    """What a key allows.

    Attributes:
        name: whose key it is.
        labels: label -> the values that the holder may see; without a label, all.
    """

    name: str
    scopes: frozenset[str]
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def sees(self, labels: Mapping[str, str]) -> bool:
        """Whether something with these labels may be shown."""
        return all(labels.get(label) in values for label, values in self.labels.items())


def _grant(entry: Mapping[str, Any], where: str) -> Grant:
    name, scopes, labels = entry.get("name"), entry.get("scopes"), entry.get("labels", {})
    if not isinstance(name, str) or not 0 < len(name) <= 256:
        raise SettingError(f"{where}: name says whose key it is; it is shown where somebody acknowledges an alert")
    if not isinstance(scopes, list) or not scopes or not set(scopes) <= set(SCOPES):
        raise SettingError(f"{where}: scopes is a list of read, write and admin")
    if not isinstance(labels, dict) or not labels.keys() <= set(LABELS):
        raise SettingError(f"{where}: labels holds lists of values by label, such as {{service: [chat]}}")
    for label, values in labels.items():
        if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
            raise SettingError(f"{where}: labels: {label} is a list of values")
    if labels and "admin" in scopes:
        raise SettingError(f"{where}: a key with the scope admin sees everything; leave out labels, or admin")
    return Grant(name, frozenset(scopes), {label: tuple(values) for label, values in labels.items()})


#: The keys of the console's file.
KEYS = KeyKind(
    parts=frozenset({"name", "scopes", "labels"}),
    grant_of=_grant,
    setting="CALLGAUGE_CONSOLE_KEYS_FILE",
    maker="callgauge console-key new",
)
_LOCAL = Grant("", frozenset({"read", "write"}))
_TOKEN = Grant("", frozenset(SCOPES))


class Access:
    """Finds out who asks.

    Args:
        keys: None: no keys are asked for.
        token: opens everything; "": there is none.
        names: other names under which this machine is reached without a key.
    """

    def __init__(self, keys: KeyFile[Grant] | None, token: str = "", names: frozenset[str] = frozenset()) -> None:
        self._keys = keys
        self._token = token
        self._names = names

    @property
    def needs_key(self) -> bool:
        """Whether a key is asked for."""
        return self._keys is not None

    def check_host(self, headers: Headers) -> None:
        """Without keys, refuse what asks for another name than this machine's: a page of that name (DNS rebinding).

        Raises:
            ProblemError: it does.
        """
        host = _host_of(headers.get("host", ""))
        if self._keys is None and not (is_loopback(host) or host in self._names):
            raise ProblemError(403, f"without keys this is served as 127.0.0.1 or localhost, not as {host!r}")

    def grant_of(self, method: str, headers: Headers) -> Grant:
        """What the sender of a request may do.

        Raises:
            ProblemError: nothing.
        """
        self.check_host(headers)
        kind, _, given = headers.get("authorization", "").partition(" ")
        if given:
            return self._of_key(given.strip() if kind.lower() == "bearer" else "")
        if self._keys is not None:
            raise ProblemError(401, "a key is needed: Authorization: Bearer cg_...")
        _refuse_other_sites(method, headers)
        return _LOCAL

    def _of_key(self, key: str) -> Grant:
        if self._token and hmac.compare_digest(key.encode(), self._token.encode()):
            return _TOKEN
        grant = self._keys.grant_of(key) if self._keys is not None else None
        if grant is None:
            raise ProblemError(401, "this key is not known, or no more")
        return grant


def _host_of(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _refuse_other_sites(method: str, headers: Headers) -> None:
    """What another site's page sends carries its Origin, or Sec-Fetch-Site; a form cannot send JSON."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
    if site not in ("same-origin", "none") or (
        origin is not None and urlsplit(origin).netloc != headers.get("host", "")
    ):
        raise ProblemError(403, "pages of other sites may not ask here; send a key, or open the console itself")
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method not in _SAFE and media != "application/json":
        raise ProblemError(415, "send JSON: Content-Type: application/json")


#: For the OpenAPI document; the guard reads the key.
_BEARER = HTTPBearer(
    auto_error=False, scheme_name="key", description="Not needed on the machine of a local stack (`callgauge up`)."
)


class Caller:
    """A dependency of routes: the grant of whoever asks, if it has this scope."""

    def __init__(self, scope: ScopeName) -> None:
        self._scope = scope

    def __call__(self, request: Request, _: Annotated[object, Security(_BEARER)] = None) -> Grant:
        grant: Grant = request.scope["callgauge.grant"]
        if self._scope not in grant.scopes:
            raise ProblemError(403, f"this key has not the scope {self._scope}")
        return grant


Reader = Annotated[Grant, Depends(Caller("read"))]
Writer = Annotated[Grant, Depends(Caller("write"))]
Admin = Annotated[Grant, Depends(Caller("admin"))]
