"""Settings: documented, checked, and discreet."""

from pathlib import Path

import pytest
from annotated_types import MaxLen
from pydantic import SecretStr

from callgauge import Call, SettingError, Settings, load_settings
from callgauge.prefixes import LONGEST_PREFIX
from callgauge.setting_values import allowed_values, choices_of
from callgauge.settings import PATHS
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
        sasl_password="hunter2",
        webhook_secret="hunter2",
        api_token="hunter2",
        store="http://u:hunter2@host:1/db",
        store_password="hunter2",
    )
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)
    assert "hunter2" not in settings.model_dump_json()


def refusal(**overrides: object) -> str:
    """What is said when settings are loaded."""
    with pytest.raises(SettingError) as caught:
        load_settings(**overrides)
    return str(caught.value)


def bad_values(name: str) -> list[str]:
    """What an environment variable of this setting's kind must not hold."""
    info = Settings.model_fields[name]
    if choices_of(info):
        return ["nope", ""]
    match allowed_values(info).split(",")[0]:
        case "integer":
            return ["many", "inf", "nan", "1.5", "-1", ""]
        case "number":
            return ["many", "inf", "-inf", "nan", "-1", ""]
        case "true":
            return ["maybe", ""]
        case "text" | "secret text" | "path":
            return ["a\udcffb"]  # what Python makes of the byte 255, which is no UTF-8
    raise AssertionError(f"what may {name} not hold?")


@pytest.mark.parametrize(("name", "value"), [(name, bad) for name in Settings.model_fields for bad in bad_values(name)])
def test_a_bad_value_is_one_line_with_the_variable(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line says what the variable holds, never of a secret, and what it may hold."""
    monkeypatch.setenv(f"CALLGAUGE_{name.upper()}", value)
    info = Settings.model_fields[name]
    hidden = info.annotation is SecretStr or name == "webhook_url"
    said = refusal()
    assert said.startswith(f"CALLGAUGE_{name.upper()}: {'what it holds' if hidden else repr(value)} is refused: it ")
    assert said.endswith(("may hold: " + allowed_values(info), "text in UTF-8, without the character NUL"))
    assert said.isprintable()


def test_several_bad_values_are_a_line_each() -> None:
    """All at once, so that nobody mends them one by one."""
    assert refusal(queue_size="many", dedup_s="inf", log_level="LOUD") == (
        "bad settings:"
        "\n  CALLGAUGE_DEDUP_S: 'inf' is refused: it may hold: number, ≥ 0"
        "\n  CALLGAUGE_QUEUE_SIZE: 'many' is refused: it may hold: integer, ≥ 1"
        "\n  CALLGAUGE_LOG_LEVEL: 'LOUD' is refused: it may hold: DEBUG, INFO, WARNING, ERROR"
    )


def test_a_secret_is_not_told_in_an_error() -> None:
    """Neither a password, nor a store's address, nor brokers' addresses that hold one."""
    assert "hunter2" not in refusal(store="http://me:hunter2/@h/db")
    assert "hunter2" not in refusal(store="postgres://me:hunter2@h/db")
    assert "hunter2" not in refusal(sasl_password="hunter2\udcff")
    assert "hunter2" not in refusal(bootstrap_servers="SASL_SSL://me:hunter2@h:1")
    assert "hunter2" not in refusal(bootstrap_servers="SASL_SSL://me:hunter2,x@h:1", security_protocol="SSL")


def test_a_long_value_is_cut() -> None:
    """An error stays readable."""
    assert refusal(queue_size="9" * 5000 + "x").startswith(f"CALLGAUGE_QUEUE_SIZE: '{'9' * 80}'... is refused")


def test_an_unknown_setting_is_named() -> None:
    """A misspelt argument of `load_settings`."""
    assert refusal(queue=1) == "CALLGAUGE_QUEUE: there is no such setting; see docs/settings.md"


def test_the_scheme_of_brokers_sets_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    """What clients get is the cleaned list."""
    monkeypatch.setenv("CALLGAUGE_BOOTSTRAP_SERVERS", " sasl_ssl://a:1,b, ,")
    settings = load_settings()
    assert (settings.bootstrap_servers, settings.security_protocol) == ("a:1,b:9092", "SASL_SSL")
    monkeypatch.setenv("CALLGAUGE_SASL_USERNAME", "me")
    monkeypatch.setenv("CALLGAUGE_SASL_PASSWORD", "secret")
    assert load_settings().librdkafka()["bootstrap.servers"] == "a:1,b:9092"
    assert load_settings(security_protocol="SASL_SSL").bootstrap_servers == "a:1,b:9092"
    assert load_settings(bootstrap_servers="kafka://a", security_protocol="SSL").security_protocol == "SSL"


def test_a_scheme_must_not_contradict_the_protocol() -> None:
    """One line that names both settings."""
    assert refusal(bootstrap_servers="SASL_SSL://a:1", security_protocol="PLAINTEXT") == (
        "CALLGAUGE_BOOTSTRAP_SERVERS: the addresses say SASL_SSL://, but CALLGAUGE_SECURITY_PROTOCOL is 'PLAINTEXT': "
        "make them agree, or leave one out"
    )


def test_an_address_that_cannot_be_read_is_told() -> None:
    """With the variable and what to write."""
    assert refusal(bootstrap_servers="::1") == (
        "CALLGAUGE_BOOTSTRAP_SERVERS: '::1' is refused: '::1': an IPv6 address needs brackets: write [::1]:9092"
    )
    assert refusal(bootstrap_servers=" ,").startswith(
        "CALLGAUGE_BOOTSTRAP_SERVERS: ' ,' is refused: no broker is named"
    )


def test_an_empty_path_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose makes an empty variable of ${CALLGAUGE_RULES_FILE:-}: the default holds."""
    for name in PATHS:
        monkeypatch.setenv(f"CALLGAUGE_{name.upper()}", " " if name == "data_dir" else "")
    settings = load_settings()
    assert (settings.ssl_ca_file, settings.rules_file, settings.ready_file) == ("", None, None)
    assert settings.data_dir == Path("callgauge-data")
    assert not settings.model_fields_set & set(PATHS)


def test_all_paths_are_known() -> None:
    """A setting of the kind path, or that is called a file or folder, is in the list."""
    paths = [
        name
        for name, info in Settings.model_fields.items()
        if allowed_values(info).startswith("path") or name.endswith(("_file", "_dir"))
    ]
    assert sorted(paths) == sorted(PATHS)


@pytest.mark.parametrize("name", ["service", "environment"])
def test_default_labels_fit_into_a_call(name: str) -> None:
    """As long as a label may be, and no longer."""
    longest = next(item.max_length for item in Call.model_fields[name].metadata if isinstance(item, MaxLen))
    assert load_settings(**{name: "x" * longest})
    assert refusal(**{name: "x" * (longest + 1)}).endswith("it may hold: text, at most 256 characters")


@pytest.mark.parametrize("name", ["topic_prefix", "group_prefix"])
@pytest.mark.parametrize("prefix", ["", ".", "..", "a/b", "a b", "é", "llm\n", "x" * (LONGEST_PREFIX + 1)])
def test_prefixes_are_what_kafka_allows(name: str, prefix: str) -> None:
    """A name that the broker would refuse is refused at the start."""
    assert "it may hold 1 to 234 of the letters a-z and A-Z, digits, dot, _ and -" in refusal(**{name: prefix})


def test_the_longest_prefix_gives_the_longest_topic_name() -> None:
    """249 characters."""
    settings = load_settings(topic_prefix="x" * LONGEST_PREFIX, group_prefix="team_1.callgauge-x")
    assert max(len(topic.name) for topic in settings.topics.all()) == 249


def test_groupings_are_checked_at_the_start() -> None:
    """With the setting's name, once."""
    assert refusal(groupings="model@10s colour@10s").startswith(
        "CALLGAUGE_GROUPINGS: 'model@10s colour@10s' is refused: 'colour' in 'colour@10s' is no label; labels: service,"
    )
    assert "name at least one" in refusal(groupings="")


def test_the_store_s_user_and_password_go_first() -> None:
    """They may hold any characters."""
    settings = load_settings(store="http://me:old@h:1/db", store_user="you", store_password="n/e#w?")
    assert settings.store_dsn == "http://you:n%2Fe%23w%3F@h:1/db"
    assert load_settings(store="http://me:old@h:1/db").store_dsn == "http://me:old@h:1/db"


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field is the variable CALLGAUGE_<NAME>; an argument goes before it."""
    monkeypatch.setenv("CALLGAUGE_SERVICE", "search")
    assert load_settings().service == "search"
    assert load_settings(service="chat").service == "chat"
