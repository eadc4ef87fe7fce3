"""The gateway's application without a socket and without a broker: requests in, answers and records out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from callgauge.codec import decode_call, read
from callgauge.prices.found import Prices, load_prices
from callgauge.rates import Rates
from callgauge.redaction.redactor import Redactor
from callgauge.schema import Call, DeadLetter, Mark, Score
from callgauge.testing import ManualClock
from callgauge.topics import Topics
from callgauge_gateway.batch import Record
from callgauge_gateway.dialects.judgements import call_of_ref
from callgauge_gateway.guard.key_file import KeyFile
from callgauge_gateway.guard.new_series import NewSeries
from callgauge_gateway.intake import Intake
from callgauge_gateway.metrics import Metrics
from callgauge_gateway.web.app import make_app
from callgauge_gateway.web.body import Limits
from callgauge_gateway.web.endpoint import Guards
from callgauge_gateway.web.readers import Readers

__all__ = ["MemoryBus", "Served"]

NOW = 1_700_000_000.0


class MemoryBus:
    """Keeps what it is sent.

    Attributes:
        failure: raised by `send` in place of taking anything.
        faults: place -> reason, what `send` answers.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.failure: Exception | None = None
        self.faults: dict[int, str] = {}

    async def send(self, records: Sequence[Record]) -> dict[int, str]:
        """See `Sender.send`."""
        if self.failure is not None:
            raise self.failure
        self.records.extend(record for record in records if record.place not in self.faults)
        return self.faults


class Served:
    """The application with a memory bus, and clients of it."""

    def __init__(
        self,
        *,
        keys: KeyFile | None = None,
        limits: Limits | None = None,
        per_s: float = 0.0,
        series_per_h: int = 0,
        redactor: Redactor | None = None,
        prices: Prices | None = None,
    ) -> None:
        self.bus = MemoryBus()
        self.topics = Topics()
        limits = limits or Limits(1_000_000, 5_000_000, 1_000)
        prices = prices or load_prices(None)
        intake = Intake(self.topics, prices, NewSeries(series_per_h), redactor, ManualClock(NOW))
        self.metrics = Metrics()
        guards = Guards(keys, limits, Rates(per_s), self.bus, self.metrics)
        self.app = make_app(guards, Readers(intake, limits.events, call_of_ref))

    def post(
        self, path: str, body: Any = None, *, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send `body` as JSON, or `content` as it is."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                data = content if content is not None else json.dumps(body).encode()
                return await client.post(path, content=data, headers=dict(headers or {}))

        return asyncio.run(ask())

    def values(self, topic: str) -> list[bytes]:
        """What the bus has of a topic."""
        return [record.value for record in self.bus.records if record.topic == topic]

    @property
    def calls(self) -> list[Call]:
        """Decoded as every consumer decodes them."""
        return [read(Call, value) for value in self.values(self.topics.calls.name) if decode_call(value)]

    @property
    def scores(self) -> list[Score]:
        return [read(Score, value) for value in self.values(self.topics.scores.name)]

    @property
    def marks(self) -> list[Mark]:
        return [read(Mark, value) for value in self.values(self.topics.rules.name)]

    @property
    def dead(self) -> list[DeadLetter]:
        return [read(DeadLetter, value) for value in self.values(self.topics.dead.name)]
