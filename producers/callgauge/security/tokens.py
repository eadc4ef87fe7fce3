"""OAuth tokens: from a command that prints one, or from an OpenID provider for a client's id and secret (RFC 6749)."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from callgauge.errors import SettingError
from callgauge.forks import reset_in_children

__all__ = ["ClientCredentials", "KeptTokens", "Token", "TokenCommand", "Tokens"]

_TIMEOUT_S = 30.0
# How long a token counts as good that does not say so itself.
_UNKNOWN_LIFE_S = 300.0
# A token is fetched anew when so much of its life is left.
_SPARE = 0.2


class Token(NamedTuple):
    """A token, and until when it is good, in epoch seconds."""

    value: str
    expires_at: float


class Tokens(Protocol):
    """Where tokens come from."""

    def token(self) -> Token:
        """A token that is good now. Raises SettingError where there is none."""


class TokenCommand:
    """Runs a command, without a shell, and takes what it prints.

    Args:
        command: as it would be typed.
    """

    def __init__(self, command: str, clock: Callable[[], float] = time.time) -> None:
        self._command = command
        self._clock = clock

    def token(self) -> Token:
        """See `Tokens.token`."""
        try:
            argv = shlex.split(self._command)
            done = subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        except (OSError, ValueError, IndexError, subprocess.TimeoutExpired) as error:
            reason = error.strerror if isinstance(error, OSError) else type(error).__name__
            raise SettingError(f"CALLGAUGE_OAUTH_TOKEN_COMMAND: it cannot be run: {reason}") from None
        value = done.stdout.strip()
        if done.returncode or not value or any(char.isspace() for char in value):
            told = (done.stderr.strip().splitlines() or [""])[-1][:200]
            what = f"it ended with code {done.returncode}: {told}" if done.returncode else "it printed no token"
            raise SettingError(f"CALLGAUGE_OAUTH_TOKEN_COMMAND: {what}; it must print a token and nothing else")
        return Token(value, _expiry_in(value) or self._clock() + _UNKNOWN_LIFE_S)


class ClientCredentials:
    """Asks an OpenID provider."""

    def __init__(
        self, url: str, client_id: str, client_secret: str, scope: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._url = url
        self._client = (client_id, client_secret)
        self._scope = scope
        self._clock = clock

    def token(self) -> Token:
        """See `Tokens.token`."""
        import urllib.error  # not above: few need it, and it takes as long to import as the rest of the settings
        import urllib.parse
        import urllib.request

        form = {"grant_type": "client_credentials", **({"scope": self._scope} if self._scope else {})}
        quoted = ":".join(urllib.parse.quote(part, safe="") for part in self._client)
        headers = {
            "Authorization": f"Basic {base64.b64encode(quoted.encode()).decode()}",
            "Accept": "application/json",
        }
        # The address is the operator's setting, and begins with https:// (`Security.check`).
        request = urllib.request.Request(self._url, urllib.parse.urlencode(form).encode(), headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
                found = json.loads(answer.read(1 << 20))
            return Token(str(found["access_token"]), self._clock() + float(found.get("expires_in", _UNKNOWN_LIFE_S)))
        except urllib.error.HTTPError as error:
            hint = "; is CALLGAUGE_OAUTH_CLIENT_ID with its secret right?" if error.code < 500 else ""
            raise SettingError(f"CALLGAUGE_OAUTH_TOKEN_URL: it answered with HTTP {error.code}{hint}") from None
        except urllib.error.URLError as error:
            raise SettingError(f"CALLGAUGE_OAUTH_TOKEN_URL: no answer: {error.reason}") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SettingError(f"CALLGAUGE_OAUTH_TOKEN_URL: it gave no token: {type(error).__name__}") from None


class KeptTokens:
    """Keeps a token while it is good. Safe to share between threads."""

    def __init__(self, source: Tokens, clock: Callable[[], float] = time.time) -> None:
        self._source = source
        self._clock = clock
        self._token: Token | None = None
        self._renew_at = 0.0
        self.reset_in_child()
        reset_in_children(self)

    def reset_in_child(self) -> None:
        """After a fork, in the child: the parent may have been asking for a token."""
        self._lock = threading.Lock()

    def token(self) -> Token:
        """See `Tokens.token`."""
        with self._lock:
            now = self._clock()
            if self._token is None or now >= self._renew_at:
                self._token = self._source.token()
                self._renew_at = now + (self._token.expires_at - now) * (1 - _SPARE)
            return self._token


def _expiry_in(token: str) -> float | None:
    """The time at which a JWT says that it expires; None for a token of another kind."""
    parts = token.split(".")
    if len(parts) < 2:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (ValueError, KeyError, TypeError):
        return None
