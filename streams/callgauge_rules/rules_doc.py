"""Makes the page of rules from their definitions: `python -m callgauge_rules.rules_doc > docs/rules.md`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

from callgauge.counted import LABELS
from callgauge.schema import Severity
from callgauge_detectors.threshold import Op
from callgauge_detectors.verdict import LEVELS
from callgauge_rules.aggregates import AGGREGATES, FAMILIES
from callgauge_rules.detectors import DETECTORS, THRESHOLD
from callgauge_rules.fields import LONGEST_COOLDOWN, LONGEST_HELD, LONGEST_LOOKBACK
from callgauge_rules.rule import HISTORY_LABELS, ConditionEntry, Rule
from callgauge_rules.rule_file import SHIPPED

__all__ = ["rules_page"]

#: The fields of a rule, and of a condition where it has several.
_FIELDS = {
    "name": "a letter, then letters, digits, _ and -; an alert is known by it and its labels",
    "summary": "what is wrong, for people",
    "by": f"labels, of which each combination is judged by itself: {', '.join(LABELS)}; from history also "
    f"{', '.join(HISTORY_LABELS)}",
    "where": "only series with these label values; of labels in `by`",
    "aggregate": "what is judged; see below",
    "lookback": f"over how long, sliding: a multiple of the window; up to {LONGEST_HELD} in the stream, "
    f"{LONGEST_LOOKBACK} from history",
    "every": "how often it is judged; by default each window, or of a detector that learns each lookback",
    "detector": f"what judges; see below. By default {THRESHOLD}",
    "parameters": "of the detector; see below",
    "level": f"of the detector, from which on the rule fires: {', '.join(LEVELS[1:])}; by default high",
    "op": f"of a threshold: {', '.join(get_args(Op))}",
    "value": "the limit of a threshold; of shares also 5%",
    **dict.fromkeys(get_args(Severity), "a limit of a threshold for each severity, in place of `value`"),
    "min_count": "events (calls; of scores, scores) below which nothing is judged; by default 1, or 0 where no calls "
    "at all fulfil the condition, and of a count that a detector learns",
    "conditions": "several conditions on the same series, each with the fields of a rule that say what is judged",
    "needs": "how many of the conditions must hold: all (by default), any, or a number",
    "for": "must hold for so long before the alert fires",
    "keep_firing_for": "must have ended for so long before it is resolved",
    "cooldown": f"counted from firing: not fired again before, up to {LONGEST_COOLDOWN}; it hides what is wrong",
    "severity": f"{', '.join(get_args(Severity))}",
    "severities": "which level of a detector is told as which severity: {high: warning, critical: critical}",
    "role": "cause or symptom: a fact on the alert, by which notifiers may let one hide the other",
    "runbook": "a link for whoever is told",
}

_HEAD = """# Rules

This page is made from the code: `python -m callgauge_rules.rules_doc > docs/rules.md`.

A rule names a number about each series of calls (an *aggregate* over a sliding *lookback*), and what judges it: a
limit, or a *detector* that knows how the series usually is. Rules are a YAML file. `callgauge rules check FILE` says
what is wrong with it, where each rule is judged, and how many series it would judge now.

    rules:
      - name: slow_answers
        by: [service]
        aggregate: latency_p95_ms
        lookback: 5m
        warning: 5000            # one limit for each severity, or value: 5000 and severity: warning
        critical: 10000
        min_count: 20
        for: 1m

      - name: cost_unusual
        by: [service]
        aggregate: cost_usd
        lookback: 5m
        detector: zscore         # fed with the cost of each 5 minutes
        parameters: {direction: above, min_history: 30}
        severities: {high: warning, critical: critical}

      - name: model_in_trouble
        by: [model]
        needs: 2                 # any, all, or how many
        conditions:
          - {aggregate: error_rate, lookback: 5m, value: 5%}
          - {aggregate: latency_p95_ms, lookback: 5m, detector: ewma, parameters: {scale: log}}
          - {aggregate: score.faithfulness.mean, lookback: 1h, op: lt, value: 3.5, min_count: 10}

Durations are 10s, 5m, 1h30m, 1d. A name that is not known is refused with its file, line and the nearest name there
is.

## Where a rule is judged

Detect judges rules in the stream, seconds after a window has ended. It takes those whose labels are a grouping set
(`CALLGAUGE_GROUPINGS`), and which, with all that their detector compares with, look back no further than 24 h; of
detectors of what is usual only the lookback counts. All others are **evaluated from history**, by the evaluator,
against ClickHouse ([evaluator.md](evaluator.md)); detect names them in its log when it starts.

Rules on scores go by the watermarks of the scores topic: calls do not wait for scores, and a rule with conditions on
both waits for both.

A lookback ends with the window that is judged. Up to 15 min it begins exactly so long before. A longer one begins at
the start of the minute in which it would begin otherwise, one of 2 h and more at full five minutes, of 4 h and more at
full ten, of 12 h and more at the full hour: `1h` is up to 1 min longer, `6h` up to 10 min, `24h` up to 1 h, since so
far back only minutes and hours are kept. What they add up to is exact, percentiles as everywhere.

A rule that is fulfilled where nothing came (`calls lt 10`) goes on for an hour after the lookback of a series is
empty; then the series has vanished, and the alert is resolved with that reason.

## Change rules while everything runs

`callgauge rules push FILE` checks the file, says what it adds, changes and removes, and puts its rules in force for
all windows that end in 30 s or later, or at `--effective-from` (a time, or +10m). `--dry-run` only says it, `--by`
and `--why` are for others. `callgauge rules list` shows which set is in force and which are coming, since when and by
whom; `--all` those of before too. A set replaces all rules before it; `CALLGAUGE_RULES_FILE` counts only until the
first one.

Sets lie on the compacted topic `llm.rules`. Each window is judged by the set in force at its end, in event time, also
when the log is read again. So no set judges windows that end within 10 s after it was written, whatever it asks for.
A rule that the next set holds unchanged goes on. One that has changed (same `name`) takes over its alerts; one that
is gone has them resolved, "the rule was removed". A detector goes on from what it has learned if what it judges, and
how, is the same. When other rules become known a worker reads the windows that they look back at once more.

Whoever writes sets without the command, and wrongly, changes nothing: the set is refused, told in detect's log, in
`rules list` and as a dead letter (`callgauge dead`), and the rules in force stay. To take back a set that is coming,
push another one with the same `--effective-from`.

## Fields

"""

_AGGREGATES = """## Aggregates

Over the lookback, of the calls of one series. Latencies are of answered calls; percentiles have a relative error of at
most 1.1 %. `cache_hit_rate` is of all hits. A hit whose call does not tell its level
(`cache_level`), or of a window from before levels were counted, is in neither `cache_hit_rate.exact` nor
`cache_hit_rate.semantic`.

"""

_SHIPPED = """## Rules that come with callgauge

`CALLGAUGE_RULES_FILE` names a file, or one of these. Nothing set: `default`, few and quiet.

`seeds` is a list to choose from, and loud as it is: its limits are the same for everybody. On made-up traffic (six
stretches of fourteen days, [how](load.md#detection-judged-on-incidents)) it paged 25 times per series and week about
series that nothing was wrong with, `default` 0.02 times; nearly all by `latency_average`, `latency_p95` and
`latency_p99`.
Set those to what is usual for your models before you let them page.

"""

_PAST = """## Try rules on the past

`callgauge rules test FILE --from 7d` says when each rule would have fired and been resolved in the last seven days,
its worst values, and how many alerts and pages (critical alerts) a day that makes; `--to` ends it earlier, `--json`
prints everything for programs, and `--png FILE` draws the series with when each alert fired and was resolved. FILE
may be `default` or `seeds`. A time is a day, a time (UTC, if it names no zone), or how long ago; the last minute is
left out, since its windows may not be stored yet.

`--trace FILE` judges the calls of a file instead, and needs no store: one call a line as on `llm.calls` (.jsonl or
.ndjson), or a recorded trace that `callgauge replay` reads, plain or as .gz. Each call counts as if it had come when it
ended; without `--from` all of them are judged.

It reads the windows that ClickHouse holds and judges them by the same engine as the stream does. It also reads those
before `--from`, as far as the rules look back, their detectors remember and their cooldowns last, and an hour more; it
says from when on. The same rules over the same past tell the same episodes as they did live, with these differences:

- Calls that came late count in their windows from the start. Live, their windows were judged without them first: such
  an alert fired later, was retracted, or was told as found late.
- An alert that was firing before the first window that is read begins with it; what was learned before is not known.
- Nothing is told of the stream itself: records lost, too many series, sources unheard.
- One engine judges all partitions, so its cap on series is reached earlier than that of each partition's engine.
- Rules that are evaluated from history are left out, and named; with `--history` they are tested instead.
"""

_LEARNING = """## Detectors

A detector that learns is fed with the aggregate once every lookback (or `every`), in order, and judges each window
when it has ended. **A call that comes later changes neither what was said of its window nor what was learned of it**;
it counts in limits, which are judged again. After a window for which the rule holds, windows are not learned until
one is normal again, for up to 6 hours. What was learned of a series is saved every two minutes, and when the series
falls quiet, in the compacted topic `llm.detect.state`; it rests there until the series comes back, for as long as the
detector remembers. A worker that starts goes on from it.

**What is usual.** `usual_level` (latency, tokens, a share of the cache), `usual_sum` (calls, tokens, cost),
`usual_share` (failures, fallbacks) and `usual_stop` (calls that do not come) know what each series usually is at the
hour, how many of its calls usually fail, or how long it is usually silent, and tell what chance explains (`tiers`) from
what nobody minds (`least_change`, `least_ratio`, `least`). What they know is a few numbers of a series, so the stream
judges by them however far back it reaches; the default rules are made of them.

`drift_rate`, `anytime_rate`, `burn_rate` and `usual_share` take an aggregate that is a share of calls or scores;
`drift_distribution` and `outlier_call` look at the single calls behind an aggregate of latency, time to first token,
cost or output tokens.
Those, `ratio` and `exhaustion` add up: their `every` is the lookback. Parameters that are durations are written as
such; those of a list of parts as mappings: `limits: [{op: gt, value: 130%}, {op: lt, value: 70%, level: critical}]`.

"""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _fields() -> str:
    names = [info.alias or name for name, info in Rule.model_fields.items()]
    inside = set(ConditionEntry.model_fields)
    ordered = sorted(names, key=list(_FIELDS).index)
    rows = ((f"`{name}`", _FIELDS[name], "yes" if name in inside else "") for name in ordered)
    return _table(("Field", "Meaning", "In a condition"), rows)


def _aggregates() -> str:
    plain = ((f"`{each.name}`", each.about, each.unit) for each in AGGREGATES.values())
    families = ((", ".join(f"`{name}`" for name in names.split(", ")), about, "") for names, about in FAMILIES.items())
    return _table(("Aggregate", "Meaning", "Unit"), [*plain, *families])


def _detectors() -> str:
    parts = []
    for kind in DETECTORS.values():
        file = f"../streams/{kind.config.__module__.replace('.', '/')}.py"
        parts.append(f"### {kind.name}\n\n{kind.about}. [How it works, and what the parameters mean]({file})\n")
        if kind.name == THRESHOLD:
            parts.append("It takes `op` and `value`, or a limit for each severity; no parameters.\n")
            continue
        fixed = f" (`method` is {kind.fixed['method']})" if kind.fixed else ""
        rows = [
            (f"`{name}`", f"`{default}`" if default else "") for name, default in kind.parameters.defaults().items()
        ]
        parts.append(f"Fed with: {kind.feeds}{fixed}.\n\n{_table(('Parameter', 'Default'), rows)}")
    return "\n".join(parts)


def rules_page() -> str:
    """The text of docs/rules.md."""
    shipped = "".join(f"- `{name}`: [{file}](../streams/callgauge_rules/{file})\n" for name, file in SHIPPED.items())
    parts = (_HEAD + _fields(), _AGGREGATES + _aggregates(), _LEARNING + _detectors(), _PAST, _SHIPPED + shipped)
    return "\n".join(parts)


if __name__ == "__main__":
    print(rules_page(), end="")
