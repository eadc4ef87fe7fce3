"""All settings, put together from their parts (`callgauge.setting_parts`), checked, and what follows from them.

Each field is the environment variable CALLGAUGE_<NAME>, in capitals. This module alone reads the environment;
everything else is given what it needs. A `.env` file is not read.
"""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from callgauge.brokers import parse_brokers
from callgauge.content.choice import parse_choice
from callgauge.errors import SettingError
from callgauge.groupings import parse_groupings
from callgauge.prefixes import check_prefix
from callgauge.security.librdkafka import librdkafka_options
from callgauge.security.security import Security
from callgauge.setting_errors import PREFIX, setting_error
from callgauge.setting_parts.answers import EmbeddingsSettings, EvalSettings, JudgeSettings, QualitySettings
from callgauge.setting_parts.bus import BusSettings
from callgauge.setting_parts.console import API_PORT, ConsoleSettings, LocalStackSettings
from callgauge.setting_parts.gateway import GATEWAY_PORT, GatewaySettings
from callgauge.setting_parts.notify import NotifySettings
from callgauge.setting_parts.part import Part
from callgauge.setting_parts.process import ProcessSettings
from callgauge.setting_parts.sdk import ContentSettings, SdkSettings
from callgauge.setting_parts.store import RetentionSettings, StoreSettings
from callgauge.setting_parts.workers import DetectSettings, RollupSettings
from callgauge.store_address import check_store, store_dsn
from callgauge.topics import Topics

__all__ = ["API_PORT", "GATEWAY_PORT", "PARTS", "PATHS", "Settings", "load_settings"]

#: The settings that name a file or folder. Empty means not given, which is what compose makes of ${CALLGAUGE_X:-}.
PATHS = (
    "ssl_ca_file",
    "ssl_cert_file",
    "ssl_key_file",
    "rules_file",
    "routes_file",
    "owners_file",
    "budgets_file",
    "data_dir",
    "prices_file",
    "spill_dir",
    "ready_file",
    "redact_patterns_file",
    "quality_unsafe_file",
    "judge_truths_file",
    "judge_spent_file",
    *("gateway_socket", "gateway_keys_file", "gateway_tls_cert", "gateway_tls_key"),
    *("console_keys_file", "console_tls_cert", "console_tls_key"),
)


class Settings(
    # pydantic lists the fields of the last base first
    ProcessSettings,
    RetentionSettings,
    ContentSettings,
    SdkSettings,
    ConsoleSettings,
    LocalStackSettings,
    GatewaySettings,
    NotifySettings,
    StoreSettings,
    EvalSettings,
    EmbeddingsSettings,
    JudgeSettings,
    QualitySettings,
    DetectSettings,
    RollupSettings,
    BusSettings,
    BaseSettings,
):
    """Every setting with its default, unit and meaning."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, allow_inf_nan=False, defer_build=False)

    @model_validator(mode="before")
    @classmethod
    def _forget_empty_paths(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if name not in PATHS or not _is_blank(value)}

    @model_validator(mode="before")
    @classmethod
    def _take_protocol_from_brokers(cls, given: dict[str, Any]) -> dict[str, Any]:
        try:
            protocol = parse_brokers(str(given.get("bootstrap_servers", ""))).protocol
        except ValueError:  # the field's own check tells
            return given
        if protocol and given.get("security_protocol", protocol) != protocol:
            raise ValueError(
                f"CALLGAUGE_BOOTSTRAP_SERVERS: the addresses say {protocol}://, but CALLGAUGE_SECURITY_PROTOCOL is "
                f"{given['security_protocol']!r}: make them agree, or leave one out"
            )
        return given | ({"security_protocol": protocol} if protocol else {})

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_broken_text(cls, value: Any) -> Any:
        if isinstance(value, str) and any(char == "\0" or "\ud800" <= char <= "\udfff" for char in value):
            raise ValueError("it must be text in UTF-8, without the character NUL")
        return value

    @field_validator("bootstrap_servers")
    @classmethod
    def _clean_brokers(cls, text: str) -> str:
        return str(parse_brokers(text))

    @field_validator("topic_prefix", "group_prefix")
    @classmethod
    def _check_prefix(cls, text: str) -> str:
        return check_prefix(text)

    @field_validator("content", "quality_calls", "judge_share", "embeddings_share")
    @classmethod
    def _check_content(cls, text: str) -> str:
        parse_choice(text)
        return text

    @field_validator("groupings")
    @classmethod
    def _check_groupings(cls, text: str) -> str:
        try:
            parse_groupings(text)
        except SettingError as error:
            raise ValueError(str(error).removeprefix("CALLGAUGE_GROUPINGS: ")) from None
        return text

    @field_validator("store")
    @classmethod
    def _check_store(cls, address: SecretStr) -> SecretStr:
        return SecretStr(check_store(address.get_secret_value()))

    @property
    def store_dsn(self) -> str:
        """The store's address with user and password in it: a secret."""
        return store_dsn(self.store.get_secret_value(), self.store_user, self.store_password.get_secret_value())

    @property
    def topics(self) -> Topics:
        """The topics under the configured prefix."""
        return Topics(self.topic_prefix, self.partitions, self.windows_partitions)

    def group(self, role: str) -> str:
        """Consumer group of a role: rollup, detect, sink-calls, ..."""
        return f"{self.group_prefix}-{role}"

    @property
    def security(self) -> Security:
        """How clients talk to the brokers.

        Raises:
            SettingError: it cannot work, or is not safe and was not asked for.
        """
        security = Security(**{name: _plain(getattr(self, name)) for name in Security.__dataclass_fields__})
        security.check(parse_brokers(self.bootstrap_servers).addresses)
        return security

    def librdkafka(self) -> dict[str, Any]:
        """Connection settings for confluent-kafka clients.

        Raises:
            SettingError: see `security`; or a file cannot be used.
        """
        return {"bootstrap.servers": self.bootstrap_servers, **librdkafka_options(self.security)}


#: The parts, each with a docstring, in the order of the fields.
PARTS: tuple[type[Part], ...] = Settings.__bases__[-2::-1]


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment and `overrides`.

    Raises:
        SettingError: naming each bad variable, what it holds and what it may hold.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise setting_error(error, Settings.model_fields) from None


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()
