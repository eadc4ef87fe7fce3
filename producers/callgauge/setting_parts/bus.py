"""How clients reach the brokers, what topics and groups are called, and how groups behave."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from callgauge.brokers import DEFAULT_PORT
from callgauge.setting_parts.part import Part

__all__ = ["BusSettings"]


class BusSettings(Part):
    """The bus."""

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
