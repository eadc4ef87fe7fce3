"""Reads the addresses of Kafka brokers as people and managed services write them.

kafka-1:9092, kafka-2                  two brokers; the port is 9092 where none is given
SASL_SSL://kafka.example:9094          ... and says how to talk to them
[::1]:9092                             an IPv6 address is in brackets
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

__all__ = ["DEFAULT_PORT", "PROTOCOLS", "Brokers", "parse_brokers"]

DEFAULT_PORT = 9092
#: Kafka's security protocols. As the scheme of an address each says how to talk to the broker.
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_SCHEME = re.compile(r"([^:/\[\]]*)://(.*)", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Brokers:
    """Where the brokers are."""

    addresses: tuple[str, ...]
    """host:port of each; at least one."""
    protocol: str | None
    """The security protocol that the addresses name; None if they name none."""

    def __str__(self) -> str:
        return ",".join(self.addresses)


def parse_brokers(text: str) -> Brokers:
    """The brokers of a comma-separated list.

    >>> parse_brokers("SASL_SSL://kafka.example, [::1]:9094,")
    Brokers(addresses=('kafka.example:9092', '[::1]:9094'), protocol='SASL_SSL')

    Raises:
        ValueError: an address cannot be understood, two of them name different protocols, or there is none. The message
            says what to write; it holds nothing of a text with a user or password.
    """
    addresses, protocols = [], set()
    if "@" in text:
        raise ValueError("addresses hold no user or password: use CALLGAUGE_SASL_USERNAME and CALLGAUGE_SASL_PASSWORD")
    for part in filter(None, (part.strip() for part in text.split(","))):
        scheme, rest = _scheme_of(part)
        protocols |= {scheme} - {None}
        addresses.append(_address(rest, part))
    if not addresses:
        raise ValueError("no broker is named: write host:port, several with commas between them")
    if len(protocols) > 1:
        raise ValueError(f"{' and '.join(sorted(map(str, protocols)))} are both named; all brokers are talked to alike")
    return Brokers(tuple(addresses), protocols.pop() if protocols else None)


def _scheme_of(part: str) -> tuple[str | None, str]:
    """The security protocol that an address begins with, if any, and the rest of the address."""
    match = _SCHEME.fullmatch(part)
    if match is None:
        return None, part
    scheme, rest = match[1].upper(), match[2]
    if scheme == "KAFKA":
        return None, rest
    if scheme not in PROTOCOLS:
        known = ", ".join(PROTOCOLS)
        raise ValueError(f"{match[1]!r} in {part!r} is not known; write host:port, or before :// one of {known}")
    return scheme, rest


def _address(rest: str, part: str) -> str:
    """host:port of an address without its scheme. `part` is the whole address, for messages."""
    if rest.startswith("["):
        inside, bracket, after = rest[1:].partition("]")
        if not bracket or not _is_ipv6(inside) or (after and not after.startswith(":")):
            raise ValueError(f"{part!r} is no IPv6 address in brackets: write it like [::1]:{DEFAULT_PORT}")
        return f"[{inside}]:{_port(after[1:], part) if after else DEFAULT_PORT}"
    if rest.count(":") > 1:
        raise ValueError(f"{part!r}: an IPv6 address needs brackets: write {_bracketed(rest)}")
    host, colon, port = rest.partition(":")
    if not _HOST.fullmatch(host):
        raise ValueError(f"{part!r} is no address of a broker: write host:port")
    return f"{host}:{_port(port, part) if colon else DEFAULT_PORT}"


def _port(text: str, part: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65_535):
        raise ValueError(f"{part!r}: the port must be a number from 1 to 65535")
    return int(text)


def _bracketed(rest: str) -> str:
    """What was probably meant by an IPv6 address without brackets: four digits or more at its end are a port."""
    head, _, port = rest.rpartition(":")
    if len(port) >= 4 and port.isdecimal() and _is_ipv6(head):
        return f"[{head}]:{port}"
    return f"[{rest}]:{DEFAULT_PORT}" if _is_ipv6(rest) else f"[::1]:{DEFAULT_PORT}"


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text
