"""How people are told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from callgauge.setting_parts.part import Part

__all__ = ["NotifySettings"]


class NotifySettings(Part):
    """Notifiers."""

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
