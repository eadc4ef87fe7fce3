"""Says of what a client tells, when a broker refuses it, which setting is meant."""

from __future__ import annotations

import re

__all__ = ["Refusals", "explained"]

#: What clients (librdkafka, aiokafka, OpenSSL) tell -> what to do. The first that fits counts.
_MEANT = (
    (r"hostname mismatch|IP address mismatch|doesn't match|not valid for",
     "CALLGAUGE_BOOTSTRAP_SERVERS: the broker's certificate is for another name; write the name that is in it"),
    (r"connecting to a PLAINTEXT broker|wrong version number|packet length too long|record layer failure",
     "CALLGAUGE_SECURITY_PROTOCOL: this port of the broker does not speak TLS"),
    (r"incorrect security\.protocol|connecting to a SSL listener|SSL listener\?",
     "CALLGAUGE_SECURITY_PROTOCOL: this port of the broker may want SSL or SASL_SSL"),
    (r"certificate required|bad certificate|unknown ca\b|alert certificate|certificate unknown",
     "CALLGAUGE_SSL_CERT_FILE: the broker does not accept this client's certificate, or there is none"),
    (r"certificate verify failed|could not be verified|self.signed|unable to get local issuer",
     "CALLGAUGE_SSL_CA_FILE: the broker's certificate is not signed by a CA of this file (empty: of the system's); "
     "name the file of the CA that signed it"),
    (r"unsupported.{0,20}mechanism|mechanism.{0,40}not (?:enabled|supported)|UNSUPPORTED_SASL_MECHANISM",
     "CALLGAUGE_SASL_MECHANISM: the broker does not offer it"),
    (r"OIDC|token endpoint|oauthbearer|OAUTHBEARER",
     "CALLGAUGE_OAUTH_*: no token was had, or the broker does not accept it"),
    (r"authentication (?:error|fail)|invalid credentials|SASL_AUTHENTICATION_FAILED|Authentication fail",
     "CALLGAUGE_SASL_USERNAME, CALLGAUGE_SASL_PASSWORD: the broker does not know this user, or not with this password "
     "and CALLGAUGE_SASL_MECHANISM"),
    (r"(?:topic|group|cluster|transactional.?id).{0,8}authorization.fail|TOPIC_AUTHORIZATION|GROUP_AUTHORIZATION",
     "the broker's ACLs do not let this user do it: docs/security.md lists what each process needs"),
)  # fmt: skip
_COMPILED = [(re.compile(pattern, re.IGNORECASE), meant) for pattern, meant in _MEANT]


def explained(told: str) -> str:
    """What a client's words mean for the settings; "" where they mean nothing known.

    >>> explained("SASL authentication error: Authentication failed").partition(":")[0]
    'CALLGAUGE_SASL_USERNAME, CALLGAUGE_SASL_PASSWORD'
    """
    return next((meant for pattern, meant in _COMPILED if pattern.search(told)), "")


class Refusals:
    """An `error_cb` for clients that are asked once, as admin clients: it keeps what is meant for the error to come."""

    def __init__(self) -> None:
        self._meant = ""

    def __call__(self, error: object) -> None:
        """Note what librdkafka tells."""
        text = error.str() if hasattr(error, "str") else str(error)
        self._meant = explained(str(text)) or self._meant

    @property
    def is_known(self) -> bool:
        """Whether something was told that means a setting."""
        return bool(self._meant)

    def hint(self, otherwise: str) -> str:
        """What to do, for the end of an error message; `otherwise` where nothing is known."""
        return self._meant or otherwise
