"""What aiokafka's clients are given of `callgauge.security`: the same as librdkafka's, by other names."""

from __future__ import annotations

import asyncio
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from callgauge.security.security import Security
from callgauge.security.tls import tls_context
from callgauge.security.tokens import Tokens

__all__ = ["TokenProvider", "aiokafka_options"]


class TokenProvider(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka ships no types
    """Gives aiokafka tokens. They are fetched in a thread, so that the loop goes on meanwhile."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def token(self) -> str:
        """A token that is good now."""
        return (await asyncio.get_running_loop().run_in_executor(None, self._tokens.token)).value


def aiokafka_options(security: Security) -> dict[str, Any]:
    """Options of a producer, consumer or admin client.

    Raises:
        SettingError: a file cannot be used.
    """
    options: dict[str, Any] = {"security_protocol": security.security_protocol}
    if security.uses_tls:
        options["ssl_context"] = tls_context(security)
    if security.uses_sasl:
        options["sasl_mechanism"] = security.sasl_mechanism
    if security.uses_tokens:
        options["sasl_oauth_token_provider"] = TokenProvider(security.tokens)
    elif security.uses_sasl:
        options |= {
            "sasl_plain_username": security.sasl_username,
            "sasl_plain_password": security.sasl_password,
        }
    return options
