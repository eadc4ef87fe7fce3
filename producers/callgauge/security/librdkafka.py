"""What librdkafka's clients are given of `Security`."""

from __future__ import annotations

from typing import Any

from callgauge.security.security import Security

__all__ = ["librdkafka_options"]


def librdkafka_options(security: Security) -> dict[str, Any]:
    """Options of a producer, consumer or admin client.

    Raises:
        SettingError: a file cannot be used.
    """
    options: dict[str, Any] = {"security.protocol": security.security_protocol}
    if security.uses_tls:
        from callgauge.security.tls import tls_context  # not above: hosts without TLS need no OpenSSL

        tls_context(security)  # librdkafka's own errors would name none of our settings
        options |= {
            "ssl.ca.location": security.ssl_ca_file,
            "ssl.certificate.location": security.ssl_cert_file,
            "ssl.key.location": security.ssl_key_file or security.ssl_cert_file,
            "ssl.key.password": security.ssl_key_password,
        }
    if security.uses_tokens:
        options |= _token_options(security)
    elif security.uses_sasl:
        options |= {
            "sasl.mechanism": security.sasl_mechanism,
            "sasl.username": security.sasl_username,
            "sasl.password": security.sasl_password,
        }
    return {name: value for name, value in options.items() if value != ""}


def _token_options(security: Security) -> dict[str, Any]:
    options: dict[str, Any] = {"sasl.mechanism": security.sasl_mechanism}
    if security.oauth_token_command:
        return options | {"oauth_cb": lambda config: tuple(security.tokens.token())}
    # librdkafka asks the provider itself, also while its client is not polled.
    return options | {
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": security.oauth_token_url,
        "sasl.oauthbearer.client.id": security.oauth_client_id,
        "sasl.oauthbearer.client.secret": security.oauth_client_secret,
        "sasl.oauthbearer.scope": security.oauth_scope,
    }
