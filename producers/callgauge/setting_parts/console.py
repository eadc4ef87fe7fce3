"""The local stack and the console."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from callgauge.brokers import DEFAULT_PORT
from callgauge.setting_parts.part import Part

__all__ = ["API_PORT", "ConsoleSettings", "LocalStackSettings"]

#: Where the console is, unless a setting says otherwise. Registered to nobody, and below the ephemeral ports.
API_PORT = 22_550


class LocalStackSettings(Part):
    """The local stack."""

    data_dir: Path = Field(
        default=Path("callgauge-data"), description="Folder of the local stack: history, log, state."
    )
    bus_port: int = Field(
        default=DEFAULT_PORT, ge=0, le=65_535, description="Port of the local stack's bus; 0: a free one."
    )


class ConsoleSettings(Part):
    """The console."""

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
