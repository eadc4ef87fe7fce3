"""HTTP as receivers use it: only to where it may go, without redirects, with one reading of answers.

The name of a host is resolved once for each request, each address is checked, and the request goes to that address: a
name that resolves to something else a moment later changes nothing. Only https, and no private address (loopback,
10/8, link-local, a cloud's metadata, ...), unless the settings allow it. Errors name the host alone, since the path of
a webhook often is its secret.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from callgauge.errors import SettingError
from callgauge.settings import Settings
from callgauge_notify.receivers.receiver import NotDelivered, Refused

__all__ = ["Allowed", "Web", "allowed_by", "check_answer", "retry_after_s"]

_TIMEOUT_S = 10.0
#: A whole answer must be there by then, and be no larger.
_DEADLINE_S, _MOST_BYTES = 30.0, 65_536
_LONGEST_WAIT_S = 3_600.0
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Allowed:
    """Where requests may go besides public addresses by https."""

    http: bool = False
    hosts: frozenset[str] = frozenset()
    networks: tuple[_Network, ...] = ()

    def problem_of(self, host: str, address: str) -> str:
        """Why a request to this address of a host is not allowed; "" if it is."""
        found = _inner(ipaddress.ip_address(address.partition("%")[0]))
        if found.is_global and not found.is_multicast:
            return ""
        if host.lower() in self.hosts or any(found in network for network in self.networks):
            return ""
        return (
            f"{host} resolves to {address}, which is no public address; if that is meant, add the host to "
            "CALLGAUGE_NOTIFY_ALLOW_HOSTS"
        )


def _inner(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 address carries, or the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return inner or address
    return address


def allowed_by(settings: Settings) -> Allowed:
    """What the settings allow.

    Raises:
        SettingError: a network cannot be read.
    """
    hosts, networks = set(), []
    for entry in filter(None, (part.strip() for part in settings.notify_allow_hosts.split(","))):
        try:
            networks.append(ipaddress.ip_network(entry))
        except ValueError:
            if "/" in entry:
                raise SettingError(
                    f"CALLGAUGE_NOTIFY_ALLOW_HOSTS: {entry!r} is no network; write e.g. 10.0.0.0/8 or a host's name"
                ) from None
            hosts.add(entry.lower())
    return Allowed(settings.notify_allow_http, frozenset(hosts), tuple(networks))


class Web:
    """Sends requests.

    Args:
        tls: how certificates are checked; by the usual authorities unless given.
        resolve: host and port -> the host's addresses; `socket.getaddrinfo` unless given.
    """

    def __init__(
        self,
        allowed: Allowed,
        timeout_s: float = _TIMEOUT_S,
        resolve: Callable[[str, int], list[str]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = allowed
        self._resolve = resolve or _addresses_of
        self._clock = clock
        self._client = httpx.Client(
            timeout=timeout_s,
            headers={"User-Agent": "callgauge"},
            trust_env=False,
            follow_redirects=False,
            verify=tls or True,
        )

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """POST, and return the answer, whatever its status.

        Raises:
            NotDelivered: there was no answer.
            Refused: the request may not be sent.
        """
        return self._send("POST", url, body, {"Content-Type": "application/json", **headers})

    def get(self, url: str) -> httpx.Response:
        """GET; see `post`."""
        return self._send("GET", url, b"", {})

    def check(self, url: str) -> str:
        """An address that a request to this URL may go to.

        Raises:
            NotDelivered: the host's name cannot be resolved now.
            Refused: there is none.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme == "http" and not self._allowed.http:
            raise Refused(f"{host}: http is not allowed; use https, or set CALLGAUGE_NOTIFY_ALLOW_HTTP=true")
        if parts.scheme not in ("http", "https") or not host:
            raise Refused("the URL of this receiver is no http(s) URL")
        try:
            addresses = self._resolve(host, parts.port or (80 if parts.scheme == "http" else 443))
        except (OSError, UnicodeError) as error:
            raise NotDelivered(f"{host} cannot be resolved: {type(error).__name__}") from None
        problems = [self._allowed.problem_of(host, address) for address in addresses]
        if any(problems) or not addresses:
            raise Refused(next(filter(None, problems), f"{host} has no address"))
        return addresses[0]

    def _send(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        address, parts = self.check(url), urlsplit(url)
        host = parts.hostname or ""
        until = self._clock() + _DEADLINE_S
        try:
            request = self._client.build_request(
                method,
                httpx.URL(url).copy_with(host=address),
                content=body,
                headers={**headers, "Host": parts.netloc.rpartition("@")[2]},
                extensions={"sni_hostname": host},
            )
            answer = self._client.send(request, stream=True)
            try:
                return httpx.Response(answer.status_code, headers=answer.headers, content=self._content(answer, until))
            finally:
                answer.close()
        except (httpx.InvalidURL, ValueError):
            raise Refused(f"{host}: the URL of this receiver cannot be read") from None
        except httpx.HTTPError as error:
            raise NotDelivered(f"{host}: {type(error).__name__}") from None

    def _content(self, answer: Any, until: float) -> bytes:
        """The beginning of an answer; what is larger or slower than any receiver's answer is cut."""
        content = b""
        for part in answer.iter_raw():
            content += part
            if len(content) > _MOST_BYTES or self._clock() > until:
                break
        return content[:_MOST_BYTES]


def _addresses_of(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def check_answer(url: str, status: int, headers: Mapping[str, str], now: float, detail: str = "") -> None:
    """2xx means delivered; 408, 425, 429 and 5xx are tried again, after Retry-After; everything else is final.

    Raises:
        NotDelivered, Refused: see there.
    """
    host = urlsplit(url).hostname or "the receiver"
    told = f"{host} answered HTTP {status}" + (f": {detail[:200]}" if detail else "")
    if status in (408, 425, 429) or status >= 500:
        raise NotDelivered(told, retry_after_s(headers.get("retry-after", ""), now))
    if 300 <= status < 400:
        raise Refused(f"{told}, a redirect, which is not followed; write the final URL")
    if not 200 <= status < 300:
        raise Refused(told)


def retry_after_s(header: str, now: float) -> float:
    """Seconds of a Retry-After header, which holds seconds or a date; 0 if it cannot be read, at most an hour."""
    try:
        wait_s = float(header) if header.strip().isdigit() else parsedate_to_datetime(header).timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    return min(max(wait_s, 0.0), _LONGEST_WAIT_S)
