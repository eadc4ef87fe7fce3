"""The SDK: what a Gauge sends, what it redacts, and whose prompts and answers it may send."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from callgauge.setting_parts.part import Part

__all__ = ["ContentSettings", "SdkSettings"]


class SdkSettings(Part):
    """The SDK."""

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


class ContentSettings(Part):
    """Redaction and content."""

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
