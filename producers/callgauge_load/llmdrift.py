"""LLMDrift: the same prompts put to two versions of two model families; real latencies, tokens, costs.

Source: lchen001/LLMDrift, Apache-2.0; L. Chen, M. Zaharia, J. Zou, "How is ChatGPT's behavior changing over time?",
2023. The authors asked one model after the other. Here the calls get new times, as if the provider had swapped the
models of both families half-way:

    gpt-4          |--- gpt-4-0314 ---|--- gpt-4-0613 ---|
    gpt-3.5-turbo  |-- 3.5-turbo-0301-|-- 3.5-turbo-0613-|
                   start           half-way            start + duration
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from callgauge.schema import Call
from callgauge_load.rows import TraceRow, read_rows

__all__ = ["COLUMNS", "DURATION_S", "read_llmdrift"]

COLUMNS = frozenset({"model", "dataset", "id", "latency", "cost", "timestamp", "answer_token"})

DURATION_S = 3_600.0


def read_llmdrift(path: Path, *, duration_s: float = DURATION_S) -> Iterator[Call]:
    """The calls in the order of their ends, which lie evenly over `duration_s` seconds from the first call's time on.

    Within a model and data set the order of the file is kept.

    Raises:
        TraceError: the file or a row cannot be read.
    """
    rows = list(read_rows(path, COLUMNS))
    if not rows:
        return
    start = min(_epoch_s(row) for row in rows)
    ends = sorted(_ends(rows), key=lambda item: item[0])
    for share, row in ends:
        yield _call(row, start + share * duration_s)


def _ends(rows: list[TraceRow]) -> Iterator[tuple[float, TraceRow]]:
    """(share of the duration at which the call ends, row)."""
    groups: dict[tuple[str, str, str], list[TraceRow]] = defaultdict(list)
    for row in rows:
        groups[*_family_and_version(row), row.text("dataset")].append(row)
    versions: dict[str, list[str]] = defaultdict(list)
    for family, version in sorted({(family, version) for family, version, _ in groups}):
        versions[family].append(version)
    for (family, version, _), members in groups.items():
        nth, of = versions[family].index(version), len(versions[family])
        for i, row in enumerate(members):
            yield (nth + (i + 0.5) / len(members)) / of, row


def _family_and_version(row: TraceRow) -> tuple[str, str]:
    """Split the model's name: openaichat/gpt-4-0314 -> gpt-4, 0314."""
    name = row.text("model").rpartition("/")[2]
    family, dash, version = name.rpartition("-")
    if not dash or not version.isdigit():
        raise row.error(f"model is {name!r}, not like openaichat/gpt-4-0314")
    return family, version


def _call(row: TraceRow, end_s: float) -> Call:
    family, version = _family_and_version(row)
    latency_s = row.number("latency")
    dataset = row.text("dataset")
    return row.call(
        event_id=str(row.event_id()),
        ts=end_s - latency_s,
        latency_ms=latency_s * 1e3,
        service="llmdrift",
        feature=dataset,
        provider="openai",
        model=family,
        response_model=f"{family}-{version}",
        output_tokens=row.count("answer_token"),
        cost_usd=row.number("cost"),
        price_source="llmdrift, 2023 prices",
        tags={"id": row.text("id")},
    )


def _epoch_s(row: TraceRow) -> float:
    text = row.text("timestamp")
    try:
        return datetime.strptime(text, "%m/%d/%Y, %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise row.error(f"timestamp is {text!r}, not like 07/26/2023, 21:03:32") from None
