"""All settings. This module alone reads the environment; everything else is given what it needs.

Each field is the environment variable CALLGAUGE_<NAME>, in capitals. A `.env` file is not read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from callgauge.brokers import DEFAULT_PORT, parse_brokers
from callgauge.content.choice import parse_choice
from callgauge.errors import SettingError
from callgauge.groupings import parse_groupings
from callgauge.prefixes import check_prefix
from callgauge.security.librdkafka import librdkafka_options
from callgauge.security.security import Security
from callgauge.setting_errors import PREFIX, setting_error
from callgauge.store_address import check_store, store_dsn
from callgauge.topics import Topics

__all__ = ["API_PORT", "GATEWAY_PORT", "PATHS", "Settings", "load_settings"]

#: Where the console is, unless a setting says otherwise. Registered to nobody, and below the ephemeral ports.
API_PORT = 22_550
#: Where the gateway is, unless a setting says otherwise: where exporters of OTLP look for a collector.
GATEWAY_PORT = 4_318
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


class Settings(BaseSettings):
    """Every setting with its default, unit and meaning."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, allow_inf_nan=False)

    # the bus
    bootstrap_servers: str = Field(
        default=f"127.0.0.1:{DEFAULT_PORT}",
        description="Kafka brokers, host:port, comma-separated; SASL_SSL://host:port sets the protocol too.",
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How to talk to the brokers."
    )
    allow_plaintext: bool = Field(
        default=False, description="Talk to brokers beyond this machine without encryption, where nobody else listens."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = Field(
        default="SCRAM-SHA-512", description="Used with SASL_PLAINTEXT and SASL_SSL."
    )
    sasl_username: str = Field(default="", description="SASL user.")
    sasl_password: SecretStr = Field(default=SecretStr(""), description="SASL password, any characters.")
    ssl_ca_file: str = Field(default="", description="CA certificate file for SSL; empty: the system's.")
    ssl_cert_file: str = Field(default="", description="This client's certificate (PEM), for mutual TLS; empty: none.")
    ssl_key_file: str = Field(default="", description="The certificate's key (PEM); empty: it is in the same file.")
    ssl_key_password: SecretStr = Field(default=SecretStr(""), description="Password of the key.")
    oauth_token_url: str = Field(
        default="", description="OpenID provider that gives tokens for OAUTHBEARER (client credentials)."
    )
    oauth_client_id: str = Field(default="", description="Client that asks it.")
    oauth_client_secret: SecretStr = Field(default=SecretStr(""), description="The client's secret.")
    oauth_scope: str = Field(default="", description="Scope of the tokens.")
    oauth_token_command: str = Field(
        default="", description="Command that prints a token for OAUTHBEARER, instead of a provider; no shell."
    )
    topic_prefix: str = Field(default="llm", description="Topics are named <prefix>.calls and so on.")
    partitions: int = Field(
        default=4, ge=1, description="Partitions of the calls and scores topics when they are made."
    )
    windows_partitions: int = Field(default=4, ge=1, description="Partitions of the windows and alerts topics.")
    replication_factor: int = Field(default=1, ge=1, description="Replicas of topics that callgauge makes.")
    group_prefix: str = Field(default="callgauge", description="Consumer groups are named <prefix>-rollup and so on.")
    session_timeout_s: float = Field(
        default=45.0, gt=0, description="A worker unheard for this long loses its partitions."
    )
    rebalance_timeout_s: float = Field(default=60.0, gt=0, description="How long a rebalance waits for every worker.")
    heartbeat_s: float = Field(default=3.0, gt=0, description="A worker's heartbeat interval.")
    worker_name: str = Field(
        default="", description="Static group membership (group.instance.id); unique per worker; empty: dynamic."
    )

    # rollup
    block_offsets: int = Field(default=65_536, ge=16, le=65_536, description="Offsets per block (B in the block rule).")
    groupings: str = Field(
        default="@10s model@10s service@10s service,feature,provider,model@60s service,model,prompt_version@60s",
        description="Grouping sets, blank-separated: labels joined by commas, @, window width in seconds.",
    )
    dedup_offsets: int = Field(
        default=131_072,
        ge=0,
        description="An event is a duplicate if its id was seen within so many offsets; 0: never.",
    )
    dedup_s: float = Field(default=60.0, ge=0, description="... and within so many seconds of append time.")
    series_cap: int = Field(
        default=2_000, ge=1, description="Series of a service per grouping set and block; more become __other__."
    )
    out_of_orderness_ms: int = Field(default=2_000, ge=0, description="How late an event may be and still be on time.")
    idle_after_s: float = Field(
        default=5.0, gt=0, description="A caught-up source with no records for this long is idle."
    )
    fetch_max_records: int = Field(default=4_096, ge=1, description="Records a worker takes from the broker at once.")

    # detect
    rules_file: Path | None = Field(
        default=None, description="YAML rule file, or `seeds` (docs/rules.md); empty: the default rules."
    )
    budgets_file: Path | None = Field(
        default=None, description="YAML file of budgets, which the evaluator judges (docs/budgets.md); empty: none."
    )
    source_timeout_s: float = Field(
        default=60.0, gt=0, description="Sources unheard for this long (log time) are left out."
    )
    snapshot_s: float = Field(
        default=20.0, gt=0, description="How often detect saves what it knows (log time); a restart goes on from there."
    )

    # quality
    quality_calls: str = Field(
        default="0.05",
        description="Whose response_length, cut_off and blocked are scored, which need no text; as CALLGAUGE_CONTENT.",
    )
    quality_weights: str = Field(
        default="", description="Weights of the overall quality that differ from the default: refusal=3,coherence=0."
    )
    quality_refusal_threshold: float = Field(
        default=0.5, gt=0, lt=1, description="Probability from which an answer counts as a refusal."
    )
    quality_expect: str = Field(
        default="",
        description="What services answer in: extract=json,orders=order-schema.json,chat=de; alone: all others.",
    )
    quality_unsafe_file: Path | None = Field(
        default=None, description="More phrases that count as unsafe_terms, one a line; empty: none."
    )

    # the judge
    judge_url: str = Field(
        default="",
        description="Base URL of an OpenAI-compatible API that judges answers: texts go there; empty: no judge.",
    )
    judge_model: str = Field(default="", max_length=256, description="The model that judges.")
    judge_key: SecretStr = Field(default=SecretStr(""), description="API key of the judge's endpoint.")
    judge_allow_http: bool = Field(default=False, description="The judge's endpoint may be http:// on another machine.")
    judge_share: str = Field(
        default="0.05",
        description="Share of the contents that is judged, as CALLGAUGE_CONTENT: 0.05,chat=0.1,search=off.",
    )
    judge_new_share: float = Field(
        default=0.25, ge=0, le=1, description="Share that is judged at least of the first answers of a prompt version."
    )
    judge_new_count: int = Field(default=200, ge=0, description="How many answers of a prompt version are its first.")
    judge_per_minute: int = Field(
        default=30, ge=0, description="Answers of a service and partition judged a minute, at most; 0: no limit."
    )
    judge_rubric: str = Field(
        default="answer-1", description="What the judge is asked: a shipped rubric, or a YAML file."
    )
    judge_structure: Literal["json_schema", "json_object", "none"] = Field(
        default="json_schema", description="How the endpoint is told to answer in JSON."
    )
    judge_truths_file: Path | None = Field(
        default=None, description="Questions and expected answers (JSON lines), for factual_accuracy; empty: none."
    )
    judge_concurrency: int = Field(default=4, ge=1, le=256, description="Judgements of a worker at once.")
    judge_timeout_s: float = Field(default=30.0, gt=0, description="How long the endpoint may take for an answer.")
    judge_retries: int = Field(
        default=3, ge=0, le=20, description="Further attempts after 408, 429, 5xx and no answer."
    )
    judge_budget_usd: float = Field(
        default=5.0,
        ge=0,
        description="What judges may spend on a day (UTC), shared by partitions; then they stop and say so.",
    )
    judge_price: str = Field(
        default="", description="Dollars per million tokens of input and output: 0.15,0.60; empty: the table's price."
    )
    judge_spent_file: Path | None = Field(
        default=None, description="Keeps what was spent today over a restart; empty: a restart begins anew."
    )
    judge_cache: int = Field(default=10_000, ge=0, description="Judgements kept, for answers that come again.")
    embeddings_url: str = Field(
        default="",
        description="Base URL of an OpenAI-compatible API for embeddings: questions and answers go there; empty: off.",
    )
    embeddings_model: str = Field(default="", max_length=256, description="The model that makes them.")
    embeddings_key: SecretStr = Field(default=SecretStr(""), description="API key of that endpoint.")
    embeddings_allow_http: bool = Field(
        default=False, description="The endpoint of embeddings may be http:// on another machine."
    )
    embeddings_share: str = Field(
        default="0.05", description="Share of the contents, as CALLGAUGE_CONTENT: 0.05,chat=0.1,search=off."
    )
    embeddings_per_minute: int = Field(
        default=60, ge=0, description="Answers of a service and worker a minute, at most; 0: no limit."
    )
    embeddings_timeout_s: float = Field(
        default=10.0, gt=0, description="How long the endpoint may take; then it is left alone for 30 s."
    )
    embeddings_cache: int = Field(default=4_096, ge=1, description="Embeddings kept, for texts that come again.")
    eval_url: str = Field(default="", description="Base URL of the API that `callgauge eval` asks.")
    eval_model: str = Field(default="", max_length=256, description="The model that `callgauge eval` asks.")
    eval_key: SecretStr = Field(default=SecretStr(""), description="API key of that endpoint.")

    # the store
    store: SecretStr = Field(
        default=SecretStr("chdb://callgauge-data/clickhouse"),
        description="ClickHouse: http(s)://user:password@host:port/database, or chdb://folder for the embedded engine.",
    )
    store_user: str = Field(default="", description="ClickHouse user; goes before the one in the store's address.")
    store_password: SecretStr = Field(
        default=SecretStr(""),
        description="ClickHouse password, any characters; goes before the one in the store's address.",
    )
    store_cluster: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9_.-]*$",
        max_length=128,
        description="Cluster of ClickHouse that the tables are made on (docs/history.md); empty: a single server.",
    )
    sink_batch_rows: int = Field(default=50_000, ge=1, description="Insert at the latest after this many records.")
    sink_batch_s: float = Field(default=1.0, gt=0, description="Insert at the latest after this many seconds.")
    dead_letter_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="The calls sink stops when over this share of its last 10,000 is unreadable.",
    )

    # notifiers
    notify_console: bool = Field(default=False, description="Print alerts on the notifier's standard output.")
    webhook_url: SecretStr = Field(default=SecretStr(""), description="POST alerts here as JSON.")
    webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="Signs webhooks as Standard Webhooks has it: whsec_ and base64."
    )
    routes_file: Path | None = Field(default=None, description="YAML file of receivers and routes.")
    owners_file: Path | None = Field(default=None, description="YAML file that says which team owns which service.")
    slack_webhook_url: SecretStr = Field(
        default=SecretStr(""), description="Incoming webhook of Slack for warnings and worse."
    )
    pagerduty_routing_key: SecretStr = Field(
        default=SecretStr(""), description="PagerDuty (Events v2) for critical alerts."
    )
    slack_signing_secret: SecretStr = Field(
        default=SecretStr(""), description="Signing secret of the Slack app: its messages get buttons (two-way)."
    )
    pagerduty_webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="Secret of PagerDuty's webhook (v3) to the notifier (two-way)."
    )
    two_way_port: int = Field(
        default=0, ge=0, le=65_535, description="Port where a notifier takes Slack's and PagerDuty's requests; 0: none."
    )
    two_way_host: str = Field(default="127.0.0.1", description="Address of that port.")
    alertmanager_url: SecretStr = Field(
        default=SecretStr(""), description="Send every alert to this Alertmanager (API v2)."
    )
    notify_allow_http: bool = Field(default=False, description="Notifiers may use http:// URLs.")
    notify_allow_hosts: str = Field(
        default="",
        description="Private hosts or networks (CIDR) that notifiers may reach, by commas.",
    )
    heartbeat_url: SecretStr = Field(
        default=SecretStr(""),
        description="Fetched each minute while the whole pipeline is alive (dead-man's switch).",
    )
    heartbeat_lag_s: float = Field(
        default=300.0, gt=0, description="The pipeline counts as alive while its windows are at most this old."
    )

    # the gateway
    gateway_host: str = Field(
        default="127.0.0.1", description="Address the gateway listens on; any but the loopback needs keys."
    )
    gateway_port: int = Field(
        default=GATEWAY_PORT,
        ge=0,
        le=65_535,
        description="Port of the gateway; 0: a free one. 4318 is that of OTLP/HTTP.",
    )
    gateway_socket: Path | None = Field(
        default=None, description="Unix socket that the gateway listens on, in place of host and port."
    )
    gateway_keys_file: Path | None = Field(
        default=None,
        description="YAML file of the gateway's keys (`callgauge gateway-key new`); empty: none are asked for.",
    )
    gateway_tls_cert: Path | None = Field(
        default=None, description="Certificate chain of the gateway, PEM; empty: no TLS."
    )
    gateway_tls_key: Path | None = Field(default=None, description="Private key of the gateway's certificate, PEM.")
    gateway_body_bytes: int = Field(default=1_000_000, ge=1, description="Largest body of a request, as it is sent.")
    gateway_inflated_bytes: int = Field(default=5_000_000, ge=1, description="... and when it is inflated.")
    gateway_events: int = Field(default=1_000, ge=1, description="Most events, spans or log records of a request.")
    gateway_in_flight: int = Field(
        default=20_000, ge=1, description="Events that may wait for the broker; beyond, requests are answered 429."
    )
    gateway_ack_s: float = Field(
        default=10.0, gt=0, description="How long the broker may take to confirm; then requests are answered 503."
    )
    gateway_grace_s: float = Field(
        default=15.0, gt=0, description="How long the gateway may take to answer open requests when it ends."
    )
    gateway_events_per_s: float = Field(
        default=0.0, ge=0, description="Events a second that each service may send; beyond: 429. 0: no limit."
    )
    gateway_new_series_per_h: int = Field(
        default=2_000,
        ge=0,
        description="New series an hour of each service; beyond, a label is __other__. 0: no limit.",
    )

    # the local stack
    data_dir: Path = Field(
        default=Path("callgauge-data"), description="Folder of the local stack: history, log, state."
    )
    bus_port: int = Field(
        default=DEFAULT_PORT, ge=0, le=65_535, description="Port of the local stack's bus; 0: a free one."
    )

    # the console
    api_host: str = Field(
        default="127.0.0.1",
        description="Address of the console, API and page; any but the loopback needs keys.",
    )
    api_port: int = Field(default=API_PORT, ge=0, le=65_535, description="Port of the console; 0: a free one.")
    api_token: SecretStr = Field(
        default=SecretStr(""),
        description="Bearer token that opens all of the console, for the `callgauge` command; empty: made at start.",
    )
    console_keys_file: Path | None = Field(
        default=None,
        description="YAML file of the console's keys (`callgauge console-key new`); empty: none are asked for, "
        "in a local stack.",
    )
    console_tls_cert: Path | None = Field(
        default=None, description="Certificate chain of the console, PEM; empty: no TLS."
    )
    console_tls_key: Path | None = Field(default=None, description="Private key of the console's certificate, PEM.")
    console_body_bytes: int = Field(default=1_000_000, ge=1, description="Largest body of a request to the console.")
    console_requests_per_s: float = Field(
        default=100.0, ge=0, description="Requests a second of each key or address; beyond: 429. 0: no limit."
    )

    # the SDK
    # A call's labels have at most 256 characters.
    service: str = Field(default="", max_length=256, description="Default `service` of calls that a Gauge emits.")
    environment: str = Field(
        default="", max_length=256, description="Default `environment` of calls that a Gauge emits."
    )
    queue_size: int = Field(
        default=10_000, ge=1, description="Calls a Gauge holds while the bus is slow; more are dropped."
    )
    linger_ms: int = Field(default=50, ge=0, description="How long a Gauge waits to fill a batch.")
    spill_dir: Path | None = Field(
        default=None,
        description="Folder where Gauges keep calls while the bus is away and the queue full; empty: none.",
    )
    spill_mb: int = Field(default=256, ge=1, description="Most that all Gauges together keep there, in MiB.")
    gauge_heartbeat_s: float = Field(
        default=10.0, ge=0, description="How often a Gauge tells that its process is alive; 0: never."
    )
    log_calls: str = Field(
        default="", description="A JSON line in the log for each call: stderr, or a file; empty: none."
    )
    prices_file: Path | None = Field(
        default=None, description="YAML file of one's own prices, which go before the table's; empty: none."
    )

    # redaction and content
    redact: bool = Field(
        default=True,
        description="Replace personal data and secrets in what a Gauge sends, before it leaves the process.",
    )
    redact_patterns_file: Path | None = Field(
        default=None, description="YAML file of one's own patterns to redact; empty: none."
    )
    redact_key: SecretStr = Field(
        default=SecretStr(""),
        description="Secret of the digests by which redacted users and sessions stay apart; empty: they become one.",
    )
    redact_presidio: str = Field(
        default="", description="Also redact by Presidio: an installed spaCy model, or `patterns`; empty: no."
    )

    content: str = Field(
        default="off",
        description="Whose prompts and answers are sent: off, all, a share of traces (0.05), by service: off,chat=all.",
    )
    content_max_chars: int = Field(
        default=32_768, ge=1, le=250_000, description="Longest prompt or answer that is sent; more is cut."
    )
    content_days: int = Field(default=7, ge=1, le=3_650, description="How long the store keeps prompts and answers.")

    # how long the store keeps all else
    calls_days: int = Field(default=0, ge=0, le=36_500, description="Days that the store keeps calls; 0: for ever.")
    scores_days: int = Field(
        default=0, ge=0, le=36_500, description="Days that the store keeps scores and changes of breakers; 0: for ever."
    )
    windows_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="Days that the store keeps windows as rollup made them (10 s, 60 s); 0: for ever.",
    )
    windows_1m_days: int = Field(
        default=0, ge=0, le=36_500, description="Days that the store keeps windows of a minute; 0: for ever."
    )
    windows_1h_days: int = Field(
        default=0, ge=0, le=36_500, description="... and of an hour; 0: for ever. Those of a day are kept for ever."
    )
    usage_days: int = Field(default=0, ge=0, le=36_500, description="Days that the store keeps usage; 0: for ever.")
    alerts_days: int = Field(default=0, ge=0, le=36_500, description="Days that the store keeps alerts; 0: for ever.")
    dead_letters_days: int = Field(
        default=0, ge=0, le=36_500, description="Days that the store keeps dead letters; 0: for ever."
    )

    # every process
    metrics_port: int = Field(
        default=0, ge=0, le=65_535, description="Port of a worker's Prometheus metrics; 0: none are served."
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address of a worker's Prometheus metrics.")
    metrics_series: int = Field(
        default=2_000, ge=1, description="Services and models that have metrics of their own; more are `__other__`."
    )
    stall_s: float = Field(
        default=60.0, gt=0, description="A worker that has lag and makes no progress for this long ends itself."
    )
    ready_file: Path | None = Field(
        default=None, description="Made when the process is ready; for supervisors and probes."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Log level of workers.")

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
