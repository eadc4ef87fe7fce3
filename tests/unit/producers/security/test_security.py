"""What cannot work, or is not safe and was not asked for, is refused in one line before any client is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callgauge import Gauge
from callgauge.errors import SettingError
from callgauge.settings import load_settings
from tests.certificates import Authority

SASL: dict[str, Any] = {"security_protocol": "SASL_SSL", "sasl_username": "me", "sasl_password": "hunter2"}
OAUTH: dict[str, Any] = {"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def refusal(**given: Any) -> str:
    with pytest.raises(SettingError) as raised:
        load_settings(**given).librdkafka()
    assert "\n" not in str(raised.value)
    assert "hunter2" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("brokers", ["127.0.0.1:9092", "localhost", "[::1]:9092,127.9.9.9:1"])
def test_plaintext_may_stay_on_this_machine(brokers: str) -> None:
    """The local stack needs no encryption."""
    assert load_settings(bootstrap_servers=brokers).librdkafka()["security.protocol"] == "PLAINTEXT"


@pytest.mark.parametrize("brokers", ["kafka:9092", "127.0.0.1,10.0.0.7:1", "localhost.example", "[2001:db8::1]:9092"])
@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT"])
def test_plaintext_beyond_this_machine_must_be_asked_for(brokers: str, protocol: str) -> None:
    """One broker elsewhere is enough; a Gauge says it when it is made."""
    given = SASL | {"bootstrap_servers": brokers, "security_protocol": protocol}
    assert refusal(**given).startswith(f"CALLGAUGE_SECURITY_PROTOCOL: {protocol} to ")
    assert "CALLGAUGE_ALLOW_PLAINTEXT=true" in refusal(**given)
    with pytest.raises(SettingError, match="not encrypted"):
        Gauge(load_settings(**given))
    assert load_settings(**given, allow_plaintext=True).librdkafka()["bootstrap.servers"]
    assert load_settings(**given | {"security_protocol": "SASL_SSL"}).librdkafka()["sasl.password"] == "hunter2"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (SASL | {"sasl_username": ""}, "CALLGAUGE_SASL_USERNAME: missing; SASL_SSL needs it"),
        (SASL | {"sasl_password": ""}, "CALLGAUGE_SASL_PASSWORD: missing"),
        (OAUTH, "CALLGAUGE_OAUTH_TOKEN_URL: missing; OAUTHBEARER needs it, or CALLGAUGE_OAUTH_TOKEN_COMMAND"),
        (OAUTH | {"oauth_token_url": "https://id"}, "CALLGAUGE_OAUTH_CLIENT_ID: missing"),
        (OAUTH | {"oauth_token_url": "http://id", "oauth_client_id": "c"}, "CALLGAUGE_OAUTH_TOKEN_URL: it must begin"),
        (OAUTH | {"oauth_token_command": "x", "oauth_client_id": "c"}, "both say where tokens come from"),
        ({"security_protocol": "SSL", "ssl_key_file": "k.pem"}, "CALLGAUGE_SSL_CERT_FILE: missing"),
        (SASL | {"ssl_ca_file": "/no/ca.pem"}, "CALLGAUGE_SSL_CA_FILE: /no/ca.pem: No such file or directory; name a"),
        (SASL | {"ssl_cert_file": "/no/c.pem"}, "CALLGAUGE_SSL_CERT_FILE: /no/c.pem: No such file"),
        (SASL | {"ssl_ca_file": "/proc/self/mem"}, "CALLGAUGE_SSL_CA_FILE: /proc/self/mem: "),
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, Any], said: str) -> None:
    """With the setting that is meant."""
    assert said in refusal(**given)


def test_files_that_do_not_fit_are_refused(authority: Authority, tmp_path: Path) -> None:
    """No PEM, a key of another certificate, a password that does not open the key."""
    mine, other, locked = (
        authority.sign("mine"),
        authority.sign("other"),
        authority.sign("locked", password="op€n =,\"'"),
    )
    junk = tmp_path / "junk.pem"
    junk.write_text("no PEM")
    assert refusal(security_protocol="SSL", ssl_ca_file=str(junk)).startswith(f"CALLGAUGE_SSL_CA_FILE: {junk}: name a")
    assert refusal(security_protocol="SSL", ssl_cert_file=str(junk)).startswith("CALLGAUGE_SSL_CERT_FILE: ")
    pair = {"security_protocol": "SSL", "ssl_cert_file": str(mine.certificate), "ssl_key_file": str(other.key)}
    assert f"CALLGAUGE_SSL_KEY_FILE: {other.key}: it is not the key of {mine.certificate}" in refusal(**pair)
    sealed = {"security_protocol": "SSL", "ssl_cert_file": str(locked.certificate), "ssl_key_file": str(locked.key)}
    assert f"CALLGAUGE_SSL_KEY_PASSWORD: it does not open {locked.key}" in refusal(**sealed)
    assert "CALLGAUGE_SSL_KEY_PASSWORD" in refusal(**sealed, ssl_key_password="hunter2")
    assert load_settings(**sealed, ssl_key_password="op€n =,\"'").librdkafka()["ssl.key.location"] == str(locked.key)


def test_no_secret_is_shown() -> None:
    """Neither by the settings nor by the object that is made of them."""
    settings = load_settings(**SASL, ssl_key_password="hunter2", oauth_client_secret="hunter2")
    assert "hunter2" not in f"{settings!r} {settings.security!r} {settings.security}"
