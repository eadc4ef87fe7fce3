"""Settings: documented, checked, and discreet."""

from pathlib import Path

import pytest

from callgauge import SettingError, Settings, load_settings
from callgauge.settings_doc import settings_page

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def test_page_is_up_to_date() -> None:
    """docs/settings.md is what the code says; make it anew with `python -m callgauge.settings_doc`."""
    assert PAGE.read_text(encoding="utf-8") == settings_page()


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_described(name: str) -> None:
    """A setting has a description that ends like a sentence."""
    description = Settings.model_fields[name].description
    assert description
    assert description.endswith(".")


def test_secrets_are_never_shown() -> None:
    """Neither repr nor JSON of the settings holds a password, a token, or the store's address with its password."""
    settings = load_settings(
        sasl_password="hunter2", webhook_secret="hunter2", api_token="hunter2", store="http://u:hunter2@host:1/db"
    )
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)
    assert "hunter2" not in settings.model_dump_json()


def test_bad_value_is_named_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad variable gives SettingError with its name and what it may hold."""
    monkeypatch.setenv("CALLGAUGE_QUEUE_SIZE", "many")
    with pytest.raises(SettingError, match=r"CALLGAUGE_QUEUE_SIZE: .*integer") as caught:
        load_settings()
    assert "many" not in str(caught.value)


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field is the variable CALLGAUGE_<NAME>; an argument goes before it."""
    monkeypatch.setenv("CALLGAUGE_SERVICE", "search")
    assert load_settings().service == "search"
    assert load_settings(service="chat").service == "chat"


def test_sasl_reaches_librdkafka() -> None:
    """With SASL and a CA file librdkafka is told so; without, nothing of them is set."""
    config = load_settings(security_protocol="SASL_SSL", sasl_username="u", sasl_password="p", ssl_ca_file="ca.pem")
    assert config.librdkafka()["sasl.password"] == "p"
    assert config.librdkafka()["ssl.ca.location"] == "ca.pem"
    assert set(load_settings().librdkafka()) == {"bootstrap.servers", "security.protocol"}
