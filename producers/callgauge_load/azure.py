"""The Azure LLM inference traces of 2023: real arrivals and token counts of production requests, two services.

Source: Azure/AzurePublicDataset, CC BY 4.0; cite P. Patel et al., "Splitwise", ISCA 2024. The data have no model, no
latency and no price: latencies here are *simulated* (`LatencyModel`; tag latency=simulated), prices *assumed*
(`price_source`), and the models' names are the traces'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log
from pathlib import Path
from random import Random
from typing import Literal

from callgauge.schema import Call
from callgauge_load.rows import TraceRow, read_rows

__all__ = ["COLUMNS", "AssumedPrice", "LatencyModel", "read_azure"]

COLUMNS = frozenset({"TIMESTAMP", "ContextTokens", "GeneratedTokens"})

SERVICES = {"code": "code-assistant", "conv": "chat"}


@dataclass(frozen=True)
class LatencyModel:
    """Simulated latencies for a trace that has none. They are not measurements.

        TTFT    = (base_ms + prefill_ms_per_token * input) * jitter,   jitter ~ LogNormal(0, ttft_sigma)
        latency = TTFT + (output - 1) * token_ms,                      token_ms ~ LogNormal(ln median, token_sigma)

    One `token_ms` is drawn per call. The draws depend on `seed` and the row alone.
    """

    seed: int = 0
    base_ms: float = 120.0
    prefill_ms_per_token: float = 0.15
    ttft_sigma: float = 0.30
    token_ms_median: float = 25.0
    token_sigma: float = 0.25

    def draw(self, row_key: int, input_tokens: int, output_tokens: int) -> tuple[float, float]:
        """(time to first token, latency) in ms of the row that `row_key` names; latency >= TTFT > 0."""
        random = Random(row_key ^ self.seed)  # noqa: S311 (a simulation)
        jitter = random.lognormvariate(0.0, self.ttft_sigma)
        token_ms = random.lognormvariate(log(self.token_ms_median), self.token_sigma)
        ttft_ms = (self.base_ms + self.prefill_ms_per_token * input_tokens) * jitter
        return ttft_ms, ttft_ms + max(0, output_tokens - 1) * token_ms


@dataclass(frozen=True)
class AssumedPrice:
    """US dollars per million tokens."""

    input_usd: float = 10.0
    output_usd: float = 30.0

    @property
    def source(self) -> str:
        """The text for `Call.price_source`."""
        return f"assumed: ${self.input_usd:g}/${self.output_usd:g} per million tokens"

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        """Price of one call, dollars."""
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / 1e6


def read_azure(
    path: Path,
    part: Literal["code", "conv"],
    *,
    latency: LatencyModel = LatencyModel(),
    price: AssumedPrice = AssumedPrice(),
) -> Iterator[Call]:
    """The calls of one trace, at the trace's own times (UTC is assumed), in the order of the file (by their starts).

    Raises:
        TraceError: the file or a row cannot be read.
    """
    for row in read_rows(path, COLUMNS):
        yield _call(row, part, latency, price)


def _call(row: TraceRow, part: str, latency: LatencyModel, price: AssumedPrice) -> Call:
    event_id = row.event_id()
    input_tokens, output_tokens = row.count("ContextTokens"), row.count("GeneratedTokens")
    ttft_ms, latency_ms = latency.draw(event_id.int, input_tokens, output_tokens)
    return row.call(
        event_id=str(event_id),
        ts=_epoch_s(row),
        service=SERVICES[part],
        provider="azure",
        model=f"azure-2023-{part}",
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        stream=True,
        time_to_first_token_ms=ttft_ms,
        latency_ms=latency_ms,
        tags={"latency": "simulated"},
        cost_usd=price.cost_usd(input_tokens, output_tokens),
        price_source=price.source,
    )


def _epoch_s(row: TraceRow) -> float:
    text = row.text("TIMESTAMP")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise row.error(f"TIMESTAMP is {text!r}, not like 2023-11-16 18:17:03.9799600") from None
