"""The gateway."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from callgauge.setting_parts.part import Part

__all__ = ["GATEWAY_PORT", "GatewaySettings"]

#: Where the gateway is, unless a setting says otherwise: where exporters of OTLP look for a collector.
GATEWAY_PORT = 4_318


class GatewaySettings(Part):
    """The gateway."""

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
