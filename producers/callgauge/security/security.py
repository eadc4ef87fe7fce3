"""Everything about the security of connections to Kafka, checked: no client is made of what cannot work."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from callgauge.errors import SettingError
from callgauge.security.tokens import ClientCredentials, KeptTokens, TokenCommand, Tokens

__all__ = ["OAUTHBEARER", "Security"]

OAUTHBEARER = "OAUTHBEARER"
_OAUTH = ("oauth_token_url", "oauth_client_id")


@dataclass(frozen=True)
class Security:
    """The settings of the same names, secrets as plain text: never show it."""

    security_protocol: str
    sasl_mechanism: str
    sasl_username: str = ""
    sasl_password: str = field(default="", repr=False)
    ssl_ca_file: str = ""
    ssl_cert_file: str = ""
    ssl_key_file: str = ""
    ssl_key_password: str = field(default="", repr=False)
    oauth_token_url: str = ""
    oauth_client_id: str = ""
    oauth_client_secret: str = field(default="", repr=False)
    oauth_scope: str = ""
    oauth_token_command: str = ""
    allow_plaintext: bool = False

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.security_protocol.endswith("SSL")

    @property
    def uses_sasl(self) -> bool:
        """Whether clients tell who they are by SASL."""
        return self.security_protocol.startswith("SASL")

    @property
    def uses_tokens(self) -> bool:
        """Whether they do so by a token."""
        return self.uses_sasl and self.sasl_mechanism == OAUTHBEARER

    @cached_property
    def tokens(self) -> Tokens:
        """Where tokens come from, for clients that ask us for them."""
        if self.oauth_token_command:
            return KeptTokens(TokenCommand(self.oauth_token_command))
        return KeptTokens(
            ClientCredentials(self.oauth_token_url, self.oauth_client_id, self.oauth_client_secret, self.oauth_scope)
        )

    def check(self, brokers: Iterable[str]) -> None:
        """Refuse what cannot work, or is not safe and was not asked for.

        Args:
            brokers: host:port of each.

        Raises:
            SettingError: in one line: which setting, and what to do.
        """
        if not self.uses_tls and not self.allow_plaintext:
            for broker in brokers:
                if not _is_loopback(broker):
                    raise SettingError(
                        f"CALLGAUGE_SECURITY_PROTOCOL: {self.security_protocol} to {broker} is not encrypted: set "
                        "it to SASL_SSL or SSL, or, where nobody else is on the network, CALLGAUGE_ALLOW_PLAINTEXT=true"
                    )
        if self.ssl_key_file and not self.ssl_cert_file:
            raise SettingError("CALLGAUGE_SSL_CERT_FILE: missing, though CALLGAUGE_SSL_KEY_FILE is set: name both")
        if self.uses_tokens:
            self._check_tokens()
        elif self.uses_sasl:
            for name in ("sasl_username", "sasl_password"):
                if not getattr(self, name):
                    raise SettingError(f"CALLGAUGE_{name.upper()}: missing; {self.security_protocol} needs it")

    def _check_tokens(self) -> None:
        given = [name for name in _OAUTH if getattr(self, name)]
        if self.oauth_token_command and given:
            raise SettingError(
                f"CALLGAUGE_OAUTH_TOKEN_COMMAND and CALLGAUGE_{given[0].upper()} both say where tokens come from: "
                "leave one out"
            )
        if not self.oauth_token_command and len(given) < len(_OAUTH):
            missing = next(name for name in _OAUTH if name not in given)
            raise SettingError(
                f"CALLGAUGE_{missing.upper()}: missing; OAUTHBEARER needs it, or CALLGAUGE_OAUTH_TOKEN_COMMAND, "
                "a command that prints a token"
            )
        url = self.oauth_token_url
        host = url.removeprefix("http://").partition("/")[0]
        if url and not url.startswith("https://") and not (url.startswith("http://") and _is_loopback(host)):
            raise SettingError("CALLGAUGE_OAUTH_TOKEN_URL: it must begin with https://, since a secret is sent there")


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0] if not address.endswith("]") and ":" in address else address
    host = host.strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
