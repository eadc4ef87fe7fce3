"""What clients tell when a broker refuses them names the setting that is meant."""

from __future__ import annotations

import logging

import pytest

from callgauge.log_once import LibrdkafkaLog
from callgauge.security.explain import Refusals, explained


@pytest.mark.parametrize(
    ("told", "setting"),
    [
        ("SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not "
         "be verified, verify that ssl.ca.location is correctly configured", "CALLGAUGE_SSL_CA_FILE"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate",
         "CALLGAUGE_SSL_CA_FILE"),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: IP address mismatch, certificate is not valid "
         "for '127.0.0.1'.", "CALLGAUGE_BOOTSTRAP_SERVERS"),
        ("SASL authentication error: Authentication failed during authentication due to invalid credentials with SASL "
         "mechanism SCRAM-SHA-512", "CALLGAUGE_SASL_USERNAME"),
        ("Disconnected: connecting to a SSL listener? Disconnected while requesting ApiVersion: might be caused by "
         "incorrect security.protocol configuration", "CALLGAUGE_SECURITY_PROTOCOL"),
        ("SSL handshake failed: SSL_ERROR_SSL: wrong version number: connecting to a PLAINTEXT broker listener?",
         "CALLGAUGE_SECURITY_PROTOCOL"),
        ("SSL alert number 116: certificate required", "CALLGAUGE_SSL_CERT_FILE"),
        ("SASL mechanism PLAIN not supported by broker: unsupported mechanism", "CALLGAUGE_SASL_MECHANISM"),
        ("Failed to retrieve OIDC token from http://x", "CALLGAUGE_OAUTH_"),
        ("Broker: Topic authorization failed", "ACLs"),
        ("Broker: Group authorization failed", "ACLs"),
    ],
)  # fmt: skip
def test_the_setting_is_named(told: str, setting: str) -> None:
    """Words of librdkafka, OpenSSL and Kafka."""
    assert setting in explained(told)


@pytest.mark.parametrize("told", ["Connection refused", "1 request(s) timed out", ""])
def test_other_failures_are_left_as_they_are(told: str) -> None:
    """A broker that is down means no setting."""
    assert explained(told) == ""


def test_the_log_of_librdkafka_names_it(caplog: pytest.LogCaptureFixture) -> None:
    """Once per kind, behind librdkafka's own words."""
    log = LibrdkafkaLog()
    for _ in range(2):
        log.log(logging.ERROR, "%s [%s] %s", "FAIL", "producer-1", "SASL authentication error: Authentication failed")
    [line] = caplog.messages
    assert line.startswith(
        "FAIL [producer-1] SASL authentication error: Authentication failed; CALLGAUGE_SASL_USERNAME"
    )


def test_refusals_keep_what_is_meant() -> None:
    """The last failure that means something, for the error that comes when time is up."""
    refusals = Refusals()
    assert refusals.hint("is it up?") == "is it up?"
    for told in ("SSL handshake failed: certificate verify failed", "all brokers are down"):
        refusals(told)
    assert refusals.hint("is it up?").startswith("CALLGAUGE_SSL_CA_FILE")
