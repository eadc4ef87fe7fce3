"""What rules from history would have told about the past: judged as they are live, instant by instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from callgauge.schema import Alert
from callgauge_evaluator.binding import HistoryRule
from callgauge_evaluator.evaluation import Evaluation, RuleJudge, instants
from callgauge_evaluator.lives import Lives
from callgauge_history.store import Ask
from callgauge_rules.lifecycle import COUNTED_MS

__all__ = ["backtest_history"]


def backtest_history(rules: Sequence[HistoryRule], ask: Ask, from_ms: int, to_ms: int) -> Iterator[Alert]:
    """The transitions up to `to_ms`, from as long before `from_ms` on as what is decided then depends on.

    Each instant is a question to the store for each condition: an hour of one rule that is judged every minute takes
    some seconds.

    Raises:
        StoreUnavailable: the store cannot be asked.
    """
    judges = [RuleJudge(rule) for rule in rules]
    evaluation = Evaluation(lambda _: judges, Lives())
    spans_ms = (each.remembers_ms + rule.bound.rule.cooldown for each, rule in zip(judges, rules, strict=True))
    before_ms = max([COUNTED_MS, *spans_ms])
    step_ms = min((rule.step_ms for rule in rules), default=1)
    for at_ms in instants(from_ms - before_ms, to_ms, step_ms):
        yield from evaluation.at(ask, at_ms)
