"""A month of history at size, made inside ClickHouse: arrivals as ServeGen's, lengths as Azure's, 10,000 series.

Calls are inserted day by day, about 12 us of processor time each. What the tiers would hold after the windows' time to
live is then derived: hours straight from the calls, since a month of windows of seconds would be ten times the work,
and days and usage by the statements that the job itself runs. A day is merged when it is done, and never before.
"""

from __future__ import annotations

import csv
import time
from datetime import UTC, datetime
from importlib.resources import files
from itertools import islice
from pathlib import Path

from callgauge.counted import LABELS, MEASURES
from callgauge_history.questions.call_rows import CALL_ROW
from callgauge_history.store import Store
from callgauge_history.tiers.columns import columns_of, merged_columns
from callgauge_history.tiers.counting import COUNTS, count_sql
from callgauge_history.tiers.deriving import derive_sql
from callgauge_history.tiers.ladder import BASES, TIERS
from callgauge_history.tiers.usage import HOUR_MS, calls_sql, days_sql, usage_sql
from callgauge_load import read_trace
from callgauge_windows.histogram import PER_DOUBLING

__all__ = ["DAY_MS", "START_MS", "add_day", "prepare", "settle"]

START_MS = 1_790_812_800_000  # 2026-10-01 00:00 UTC
DAY_MS = 86_400_000
_BINS = 144
_RATES = Path(__file__).parents[1] / "data" / "servegen_rate_10min.csv"
_WINDOWS = BASES[0]
_MAIN = ("service", "feature", "provider", "model")
#: Tables with a partition for each day, and those with one for each month.
_BY_DAY = ("calls", "usage_1h")
_BY_MONTH = ("windows_1h", "windows_1d", "window_counts_1h", "window_counts_1d", "usage_1d", "trace_days")
#: Nothing comes twice, so there is nothing to replace inside an insert; and merges make the indexes.
_INSERTED = "optimize_on_insert = 0, materialize_skip_indexes_on_insert = 0"
#: Grouping set -> width. The others are added up from the first.
GROUPINGS = {",".join(_MAIN): 60, "": 10, "service": 10, "model": 10}


def prepare(store: Store) -> None:
    """Make the table of lengths, 4,096 real pairs of tokens, and mark the tiers as up to date."""
    folder = files("callgauge_deploy") / "samples"
    pairs = [
        (call.input_tokens or 0, call.output_tokens or 0)
        for name in ("azure_code.csv.gz", "azure_conv.csv.gz")
        for call in islice(read_trace(Path(str(folder / name))), 2_048)
    ]
    store.command("CREATE TABLE made_lengths (input Array(Int64), output Array(Int64)) ENGINE = TinyLog")
    store.command(f"INSERT INTO made_lengths VALUES ({[i for i, _ in pairs]}, {[o for _, o in pairs]})")
    tiers = [(base, tier.name) for base in ("windows", COUNTS) for tier in TIERS]
    for base, tier in (*tiers, ("calls", "usage"), ("calls", "usage_1d")):
        store.command(
            "INSERT INTO tier_progress (base, tier, cursor, kept_from_ms) "
            f"VALUES ('{base}', '{tier}', now64(3) + INTERVAL 1 DAY, 0)"
        )


def rates() -> list[float]:
    """Requests of each 10 minutes of 14 days, relative."""
    with _RATES.open() as file:
        return [float(row["rate_rps"]) for row in csv.DictReader(file)]


def add_day(store: Store, day: int, calls: int, series: int) -> None:
    """Add a day: calls, then what is derived of them. What an earlier attempt left of the day is removed."""
    partition = f"{datetime.fromtimestamp((START_MS + day * DAY_MS) / 1000, UTC):%Y%m%d}"
    for table in _BY_DAY:
        store.command(f"SYSTEM STOP MERGES {table}")
        store.command(f"ALTER TABLE {table} DROP PARTITION {partition}")
    store.command(_day_sql(day, calls, series))
    hours = [START_MS + day * DAY_MS + hour * HOUR_MS for hour in range(24)]
    store.command(hours_sql(hours[0]))
    for grouping in list(GROUPINGS)[1:]:
        store.command(_coarser_sql(grouping, hours[0]))
    store.command(count_sql(TIERS[1], hours))
    store.command(derive_sql(_WINDOWS, TIERS[2], [hours[0]]))
    store.command(count_sql(TIERS[2], [hours[0]]))
    store.command(usage_sql(hours))
    store.command(calls_sql(hours))
    store.command(days_sql(hours[0]))
    for table in _BY_DAY:
        store.command(f"SYSTEM START MERGES {table}")
        store.command(f"OPTIMIZE TABLE {table} PARTITION {partition} FINAL")


def settle(store: Store) -> None:
    """Merge as the store does by itself when nothing has come for an hour (migration 0060), so that nothing is left to
    do beside the questions."""
    for table in (*_BY_MONTH, *_BY_DAY):
        store.command(f"OPTIMIZE TABLE {table} FINAL SETTINGS optimize_skip_merged_partitions = 1")
    while int(store.query("SELECT count() FROM system.merges").rows[0][0]):
        time.sleep(0.2)


def _day_sql(day: int, count: int, series: int) -> str:
    shape = rates()
    bins = [shape[(day * _BINS + at) % len(shape)] for at in range(_BINS)]
    counts = [round(count * each / sum(bins)) for each in bins]
    start_ms = START_MS + day * DAY_MS
    return f"""
    INSERT INTO calls (
        event_id, ts, event_time, event_time_ms, service, model, trace_id, span_id, operation, latency_ms, latency_us,
        time_to_first_token_ms, feature, provider, user_id, session_id, input_tokens, output_tokens, cost_usd,
        cost_nano, price_source, status, error_type, http_status, schema_version, kafka_partition, kafka_offset, source
    )
    WITH (SELECT input FROM made_lengths) AS inputs, (SELECT output FROM made_lengths) AS outputs
    SELECT
        lower(hex(sipHash128(id))), fromUnixTimestamp64Milli(start, 'UTC'),
        fromUnixTimestamp64Milli(start + intDiv(us, 1000), 'UTC') AS event_time, start + intDiv(us, 1000),
        concat('service-', toString(series % 100)), concat('model-', toString(intDiv(series, 1000) % 10)),
        lower(hex(sipHash128(intDiv(id, 3), 7))), lower(hex(sipHash64(id, 5))), 'chat', us / 1e3, us, ttft_us / 1e3,
        concat('feature-', toString(intDiv(series, 100) % 10)), concat('provider-', toString(series % 4)),
        concat('user-', toString(user)),
        concat('session-', toString(intDiv(id, 20))), input, output, nano / 1e9, nano, 'table: 2026-10-01',
        if(failed, 'error', 'success'), if(failed, ['timeout', 'rate_limit', 'other'][id % 3 + 1], ''),
        if(failed AND id % 3 = 1, 429, 200), 1, id % 12, intDiv(id, 12), concat('cluster/topic/', toString(id % 12))
    FROM (
        SELECT *, toUInt32(200000 * pow(r2, 3)) AS user,
            -- Each user has five series, and some series have more users than others.
            least(toUInt32({series} * pow(sipHash64(user, id % 5) / 18446744073709551616, 2)), {series - 1}) AS series,
            outputs[id * 31 % 4096 + 1] AS output,
            inputs[id * 31 % 4096 + 1] AS input,
            toInt64((120 + 0.15 * input) * 1e3 * exp(0.3 * (r1 + r2 + r3 + r4 - 2) * 1.7)) AS ttft_us,
            ttft_us + toInt64(output * 25e3 * exp(0.25 * (r2 + r3 - 1) * 2.4)) AS us,
            input * 10000 + output * 30000 AS nano, r4 < 0.02 AS failed
        FROM (
            SELECT {day * 100_000_000} + rowNumberInAllBlocks() AS id,
                {start_ms} + bin.1 * 600000 + toInt64(r3 * 600000) AS start,
                sipHash64(id, 1) / 18446744073709551616 AS r1, sipHash64(id, 2) / 18446744073709551616 AS r2,
                sipHash64(id, 3) / 18446744073709551616 AS r3, sipHash64(id, 4) / 18446744073709551616 AS r4
            FROM (SELECT arrayJoin(arrayZip(range({_BINS}), {counts})) AS bin)
            ARRAY JOIN range(bin.2) AS nth
        )
    )
    WHERE toYYYYMMDD(event_time) = toYYYYMMDD(fromUnixTimestamp64Milli({start_ms}, 'UTC'))
    SETTINGS max_partitions_per_insert_block = 0, {_INSERTED}"""


def hours_sql(start_ms: int, *, plain: bool = False) -> str:
    """The hours of a day, of the grouping set with most labels, from the calls.

    Args:
        plain: by the very aggregates of tiers, which takes twice as long and gives the same.
    """
    wanted = columns_of(_WINDOWS)
    of_call = CALL_ROW | {label: label if label in _MAIN else "''" for label in LABELS}
    of_call |= {"rate_limit_used_max_ppm": "toInt64(0)"}
    aggregates = dict(merged_columns(_WINDOWS, "w"))
    if not plain:
        of_call |= _EACH
        aggregates |= _TOGETHER
    made = ", ".join(f"{of_call.get(name, 'toInt64(0)')} AS {name}" for name in wanted)
    columns = ", ".join(["grouping", "series_id", "window_start", "window_ms", *wanted, "version"])
    merged = ", ".join(f"{aggregates[name]} AS {name}" for name in wanted)
    hour = f"intDiv(event_time_ms, {HOUR_MS}) * {HOUR_MS}"
    series = f"sipHash64({', '.join(_MAIN)})"
    return f"""
    INSERT INTO windows_1h ({columns})
    SELECT '{_name(",".join(_MAIN))}', w.series, fromUnixTimestamp64Milli(w.bucket, 'UTC'), {HOUR_MS}, {merged},
        sum(w.n) AS version
    FROM (
        SELECT {series} AS series, {hour} AS bucket, {_HEAD} AS head, {made}
        FROM calls WHERE event_time >= fromUnixTimestamp64Milli({start_ms})
            AND event_time < fromUnixTimestamp64Milli({start_ms + DAY_MS})
    ) AS w
    GROUP BY w.series, w.bucket
    SETTINGS {_INSERTED}"""


#: The first 16 digits of an id, as a number: no two calls of this history have the same.
_HEAD = "reinterpretAsUInt64(reverse(unhex(substring(event_id, 1, 16))))"
#: What a call has in place of maps of one entry, which are slow to make and to add up.
_EACH = {"errors": "if(status = 'error', toString(if(error_type = '', 'other', error_type)), '')"}
_EACH |= {"finish_reasons": "toString(finish_reason)"}
for _measure in MEASURES:
    _number = CALL_ROW[f"{_measure}_sum"]
    _EACH[f"{_measure}_histogram"] = f"toInt16(ceil(log2(greatest({_number}, 1)) * {PER_DOUBLING}) - 1)"


def _counted(column: str, condition: str, kind: str) -> str:
    """A map of how often each value occurs."""
    values = f"groupArrayIf(w.{column}, {condition})"
    keys = f"arraySort(arrayDistinct({values}))"
    return f"CAST(mapFromArrays({keys}, arrayMap(key -> countEqual({values}, key), {keys})), '{kind}')"


_TOGETHER = {
    name: _counted(name, f"w.{name} != ''", "Map(LowCardinality(String), Int64)")
    for name in ("errors", "finish_reasons")
}
for _measure in MEASURES:
    _TOGETHER[f"{_measure}_histogram"] = _counted(
        f"{_measure}_histogram", f"w.{_measure}_sum > 0", "Map(Int16, UInt64)"
    )
    # The largest value, and of equal ones the lowest id.
    _rank = f"bitShiftLeft(toUInt128(w.{_measure}_max), 64) + bitNot(w.head)"
    _TOGETHER[f"{_measure}_max_event_id"] = f"argMaxIf(w.{_measure}_max_event_id, {_rank}, w.{_measure}_count > 0)"


def _coarser_sql(grouping: str, start_ms: int) -> str:
    """The hours of a day of another grouping set, added up from those of the first."""
    wanted = columns_of(_WINDOWS)
    labels = [label for label in grouping.split(",") if label]
    columns = ", ".join(["grouping", "series_id", "window_start", "window_ms", *wanted, "version"])
    aggregates = dict(merged_columns(_WINDOWS, "w"))
    merged = ", ".join(
        f"{chr(39) * 2 if name in LABELS and name not in labels else aggregates[name]} AS {name}" for name in wanted
    )
    key = ", ".join(["w.window_start", *(f"w.{label}" for label in labels)])
    series = f"sipHash64({', '.join([repr(grouping), *(f'w.{label}' for label in labels)])})"
    return f"""
    INSERT INTO windows_1h ({columns})
    SELECT '{_name(grouping)}', {series}, w.window_start, {HOUR_MS}, {merged}, sum(w.n) AS version
    FROM windows_1h AS w
    WHERE w.grouping = '{_name(",".join(_MAIN))}' AND w.window_start >= fromUnixTimestamp64Milli({start_ms})
        AND w.window_start < fromUnixTimestamp64Milli({start_ms + DAY_MS})
    GROUP BY {key}
    SETTINGS {_INSERTED}"""


def _name(grouping: str) -> str:
    return f"{grouping}@{GROUPINGS[grouping]}s"
