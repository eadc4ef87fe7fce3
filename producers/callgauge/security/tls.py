"""The TLS context of a connection to Kafka: aiokafka uses it; for librdkafka it shows that the files can be used."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NoReturn

from callgauge.errors import SettingError
from callgauge.security.security import Security

__all__ = ["tls_context"]


def tls_context(security: Security) -> ssl.SSLContext:
    """A context that trusts the CA file (else the system's CAs), checks the broker's name, and shows our certificate.

    Raises:
        SettingError: a file is missing or cannot be used; it says which, and what to do.
    """
    for name in ("ssl_ca_file", "ssl_cert_file", "ssl_key_file"):
        if path := getattr(security, name):
            _check_readable(f"CALLGAUGE_{name.upper()}", path)
    try:
        context = ssl.create_default_context(cafile=security.ssl_ca_file or None)
    except (ssl.SSLError, OSError) as error:
        _refuse("CALLGAUGE_SSL_CA_FILE", security.ssl_ca_file, error, "name a PEM file of CA certificates")
    if security.ssl_cert_file:
        _show_certificate(context, security)
    return context


def _show_certificate(context: ssl.SSLContext, security: Security) -> None:
    key = security.ssl_key_file or security.ssl_cert_file
    # A key that is encrypted makes OpenSSL ask for its password on the terminal, unless one is given.
    asked: list[bool] = []

    def password() -> str:
        asked.append(True)
        return security.ssl_key_password

    try:
        context.load_cert_chain(security.ssl_cert_file, key, password)
    except (ssl.SSLError, OSError, ValueError) as error:
        if asked:
            _refuse("CALLGAUGE_SSL_KEY_PASSWORD", "", error, f"it does not open {key}")
        if "KEY_VALUES_MISMATCH" in str(error):
            _refuse("CALLGAUGE_SSL_KEY_FILE", key, error, f"it is not the key of {security.ssl_cert_file}")
        _refuse(
            "CALLGAUGE_SSL_CERT_FILE", security.ssl_cert_file, error, "name PEM files of a certificate and of its key"
        )


def _check_readable(variable: str, path: str) -> None:
    try:
        Path(path).open("rb").close()
    except OSError as error:
        raise SettingError(
            f"{variable}: {path}: {error.strerror}; name a PEM file that this process may read"
        ) from None


def _refuse(variable: str, path: str, error: Exception, what: str) -> NoReturn:
    reason = getattr(error, "reason", None) or "no PEM"
    raise SettingError(f"{variable}: {path + ': ' if path else ''}{what} ({reason})") from None
