"""Asks the store what answers were like in a time: the figures of a `Baseline`, and examples of what is new."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from callgauge.schema import Baseline, CountedShare
from callgauge_history.quality_drift import SHARES
from callgauge_history.store import QueryResult

__all__ = ["Example", "Kind", "examples", "figures", "kinds_below", "pairs_judged", "quiet_week"]

Ask = Callable[[str], QueryResult]
_WEEK_S, _DAY_S = 7 * 86_400, 86_400
_BUCKETS_PER_DOUBLING = 8  # OpenTelemetry's scale 3


class Kind(NamedTuple):
    """Which answers: of a service, and where given of one model and prompt version."""

    service: str
    model: str = ""
    prompt_version: str = ""


class Example(NamedTuple):
    """One answer, as its content was sent."""

    event_id: str
    prompt: str
    response: str


def figures(ask: Ask, kind: Kind, since: float, until: float) -> Baseline:
    """What those answers were like from since up to until, epoch seconds."""
    names = ", ".join(map(_text, SHARES))
    wanted = f"{_of_scores(kind)} AND {_between('ts', since, until)} AND origin = 'heuristic' AND name IN ({names})"
    shares = ask(f"SELECT name, count(), countIf(value > 0) FROM scores_final WHERE {wanted} GROUP BY name").rows  # noqa: S608
    bucket = (
        f"if(output_tokens = 0, 'zero', toString(toInt32(ceil(log2(output_tokens) * {_BUCKETS_PER_DOUBLING})) - 1))"
    )
    answered = (
        f"{_of_calls(kind)} AND {_between('event_time', since, until)} AND output_tokens IS NOT NULL "
        "AND status IN ('success', 'fallback')"
    )
    columns = f"{bucket} AS bucket, count(), sum(output_tokens)"
    tokens = ask(f"SELECT {columns} FROM calls_final WHERE {answered} GROUP BY bucket").rows  # noqa: S608
    calls = sum(int(row[1]) for row in tokens)
    return Baseline(
        service=kind.service,
        model=kind.model,
        prompt_version=kind.prompt_version,
        since=since,
        until=until,
        shares={str(name): CountedShare(n=int(n), above_zero=int(above)) for name, n, above in shares},
        tokens={str(row[0]): int(row[1]) for row in tokens},
        calls=calls,
        mean_tokens=sum(int(row[2]) for row in tokens) / calls if calls else 0.0,
    )


def kinds_below(ask: Ask, kind: Kind, since: float, until: float, least: int, most: int = 200) -> list[Kind]:
    """The models, and their prompt versions, of which these answers are, with `least` calls or more; the most used of
    them first."""
    counted = f"{_of_calls(kind)} AND {_between('event_time', since, until)} AND model != ''"
    columns = "model, prompt_version, count() AS calls, sum(count()) OVER (PARTITION BY model) AS of_model"
    sql = f"SELECT {columns} FROM calls_final WHERE {counted} GROUP BY model, prompt_version ORDER BY calls DESC"  # noqa: S608
    found: dict[Kind, None] = {}
    for model, version, calls, of_model in ask(sql).rows:
        for each, count in ((Kind(kind.service, model), of_model), (Kind(kind.service, model, version), calls)):
            if int(count) >= least and each != kind:
                found[each] = None
    return list(found)[:most]


def examples(ask: Ask, kind: Kind, score: str, since: float, until: float, most: int = 3) -> list[Example]:
    """The newest answers that have a score above 0, where their content is stored."""
    wanted = f"{_of_scores(kind)} AND {_between('ts', since, until)} AND name = {_text(score)} AND value > 0"
    inner = f"SELECT event_id FROM scores_final WHERE {wanted}"  # noqa: S608
    sql = (
        f"SELECT event_id, prompt, response FROM content FINAL WHERE service = {_text(kind.service)} "  # noqa: S608
        f"AND event_id IN ({inner}) ORDER BY ts DESC LIMIT {most}"
    )
    return [Example(*map(str, row)) for row in ask(sql).rows]


def quiet_week(ask: Ask, kind: Kind, now: float) -> tuple[float, float] | None:
    """The last seven days, of the last 28, in which no alert of this service or model fired. None: there were none."""
    about = f"labels['service'] = {_text(kind.service)}"
    if kind.model:
        about = f"({about} OR labels['model'] = {_text(kind.model)})"
    sql = (
        "SELECT toFloat64(starts_at), if(ends_at IS NULL, 0, toFloat64(assumeNotNull(ends_at))) FROM alert_episodes "  # noqa: S608
        f"WHERE {about} AND fired_at IS NOT NULL AND severity != 'info' "
        f"AND starts_at >= toDateTime({int(now - 35 * _DAY_S)})"
    )
    loud = [(float(row[0]), float(row[1]) or now) for row in ask(sql).rows]
    for days in range(22):
        until = now - days * _DAY_S
        since = until - _WEEK_S
        if not any(begin < until and end > since for begin, end in loud):
            return since, until
    return None


def pairs_judged(ask: Ask, days: float, service: str = "") -> list[tuple[str, str, str, float, float]]:
    """(judge's score, who judged, user's score, the judge's value, the user's) of answers that have both."""
    of = f" AND service = {_text(service)}" if service else ""
    since = f"ts >= now() - toIntervalSecond({int(days * _DAY_S)}) AND event_id != ''{of}"

    def latest(by: str, origins: str) -> str:
        columns = f"event_id, name, {by} AS by, argMax(value, ts) AS last"
        where = f"origin IN ({origins}) AND {since}"
        return f"SELECT {columns} FROM scores_final WHERE {where} GROUP BY event_id, name, by"  # noqa: S608

    judged, said = latest("comment", "'judge'"), latest("''", "'user', 'business'")
    sql = (
        f"SELECT j.name, j.by, u.name, j.last, u.last FROM ({judged}) AS j INNER JOIN ({said}) AS u "  # noqa: S608
        "ON u.event_id = j.event_id LIMIT 1000000"
    )
    return [(str(a), str(b), str(c), float(d), float(e)) for a, b, c, d, e in ask(sql).rows]


def _of_scores(kind: Kind) -> str:
    parts = [f"service = {_text(kind.service)}"]
    parts += [f"labels[{_text(name)}] = {_text(value)}" for name, value in _labels(kind) if value]
    return " AND ".join(parts)


def _of_calls(kind: Kind) -> str:
    parts = [f"service = {_text(kind.service)}"]
    return " AND ".join([*parts, *(f"{name} = {_text(value)}" for name, value in _labels(kind) if value)])


def _labels(kind: Kind) -> tuple[tuple[str, str], ...]:
    return ("model", kind.model), ("prompt_version", kind.prompt_version)


def _between(column: str, since: float, until: float) -> str:
    begin, end = (f"fromUnixTimestamp64Milli({round(at * 1000)})" for at in (since, until))
    return f"{column} >= {begin} AND {column} < {end}"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
