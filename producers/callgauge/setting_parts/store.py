"""Where ClickHouse is, how it is filled, and how long it keeps what."""

from __future__ import annotations

from pydantic import Field, SecretStr

from callgauge.setting_parts.part import Part

__all__ = ["RetentionSettings", "StoreSettings"]


class StoreSettings(Part):
    """The store."""

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


class RetentionSettings(Part):
    """How long the store keeps all else."""

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
