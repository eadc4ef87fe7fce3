"""Posts JSON to an address that a setting names, and to no other: without redirects or a proxy of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from pydantic import SecretStr

from callgauge.errors import SettingError

__all__ = ["JsonClient", "checked_url"]

_LOCAL = ("127.0.0.1", "::1", "localhost")


def checked_url(
    url: str,
    setting: str = "CALLGAUGE_JUDGE_URL",
    *,
    allow_http: bool = False,
    allowing: str = "CALLGAUGE_JUDGE_ALLOW_HTTP",
) -> str:
    """The base URL without a slash at its end.

    Raises:
        SettingError: it is none, or would send texts over a network in plain.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError(f"{setting}: write the base URL of the API, such as https://api.openai.com/v1")
    if parts.username or parts.password or parts.query:
        raise SettingError(f"{setting}: no user, password or query in it; a key has a setting of its own")
    if parts.scheme == "http" and parts.hostname not in _LOCAL and not allow_http:
        raise SettingError(
            f"{setting}: http://{parts.hostname} would send texts over the network in plain: use https, "
            f"or set {allowing}=true"
        )
    return url.strip().rstrip("/")


class JsonClient:
    """See above. Errors are httpx's, and never hold the key.

    Args:
        most_bytes: of an answer; what follows is not read.
    """

    def __init__(self, key: SecretStr, timeout_s: float, most_bytes: int = 1_000_000) -> None:
        secret, self._most = key.get_secret_value(), most_bytes
        self._client = httpx.AsyncClient(
            timeout=timeout_s,
            headers={"User-Agent": "callgauge"} | ({"Authorization": f"Bearer {secret}"} if secret else {}),
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def __call__(self, url: str, body: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        """Post it; returns status, headers and content."""
        async with self._client.stream(
            "POST", url, content=msgspec.json.encode(body), headers={"Content-Type": "application/json"}
        ) as response:
            content = b""
            async for part in response.aiter_bytes():
                content += part
                if len(content) > self._most:
                    break
            return response.status_code, response.headers, content
