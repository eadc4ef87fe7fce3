"""The rollup and detect workers."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from callgauge.setting_parts.part import Part

__all__ = ["DetectSettings", "RollupSettings"]


class RollupSettings(Part):
    """Rollup."""

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


class DetectSettings(Part):
    """Detect."""

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
