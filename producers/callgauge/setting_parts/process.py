"""What every process has."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from callgauge.setting_parts.part import Part

__all__ = ["ProcessSettings"]


class ProcessSettings(Part):
    """Every process."""

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
