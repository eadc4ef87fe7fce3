"""What becomes of alerts does not depend on when the evaluator was started again, nor on how many there are."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.schema import Alert
from callgauge_evaluator.binding import HistoryRule, bind_history
from callgauge_evaluator.judging import ConditionJudged, Judged
from callgauge_evaluator.lives import LOG, Lives, Subject, subject_of, timing_of
from callgauge_rules.placing import Placed
from callgauge_rules.rule import Rule
from callgauge_windows.totals import Totals

MINUTE_MS = 60_000
T0_MS = 1_793_577_600_000
USERS = ("ada", "bob")


def rule_of(**fields: object) -> HistoryRule:
    entry = {
        "name": "r", "aggregate": "errors", "lookback": "5m", "warning": "1", "critical": "5", "by": ["user_id"],
        "for": "2m", "keep_firing_for": "3m", "cooldown": "10m",
    }  # fmt: skip
    [rule], _ = bind_history([Placed(Rule.model_validate(entry | fields), None, "")])
    return rule


def subjects(rule: HistoryRule, ranks: Sequence[int]) -> list[Subject]:
    """A rank of -1 stands for a user without calls."""
    judged = [Judged(rank, (ConditionJudged(rank, float(rank), Totals()),)) for rank in ranks]
    return [subject_of(rule.bound, (user,), each) for user, each in zip(USERS, judged, strict=True) if each.rank >= 0]


def run(rule: HistoryRule, course: Sequence[Sequence[int]], restarts: frozenset[int] = frozenset()) -> list[Alert]:
    """All transitions; restarts: minutes after which the evaluator begins again with what is on the topic."""
    lives, told = Lives(), list[Alert]()
    missing = lambda labels: subject_of(rule.bound, (labels["user_id"],), None)  # noqa: E731

    def judge(minute: int) -> list[Alert]:
        at_ms = T0_MS + minute * MINUTE_MS
        return lives.judge("r", timing_of(rule.bound), subjects(rule, course[minute]), at_ms, missing)

    for minute in range(len(course)):
        told += judge(minute)
        if minute in restarts:
            latest = {alert.fingerprint: alert for alert in told}
            lives = Lives(latest.values(), T0_MS + minute * MINUTE_MS)
            for before in range(max(0, minute - 18), minute + 1):
                assert judge(before) == []
    return told


COURSES = st.lists(st.tuples(*[st.sampled_from([0, 0, 0, 2, 2, 2, 4, -1])] * 2), min_size=5, max_size=60)


@settings(max_examples=60)
@given(course=COURSES, restarts=st.frozensets(st.integers(0, 59), max_size=6))
def test_restarts_change_nothing(course: list[tuple[int, int]], restarts: frozenset[int]) -> None:
    """The same transitions, with the same content, wherever it is started again."""
    rule = rule_of()
    assert run(rule, course, restarts) == run(rule, course)


def test_for_and_keep_firing_for_count_minutes() -> None:
    """Pending, firing after `for`, resolved after `keep_firing_for`.

    minute   0 1 2 3 4 5 6 7 8
    holds    . x x x x . . . .
    state    . P . F . . . . R
    """
    rule = rule_of(cooldown="0s")
    told = run(rule, [(0, 0), *[(2, 0)] * 4, *[(0, 0)] * 6])
    assert [(alert.state, (alert.at - T0_MS / 1000) / 60) for alert in told] == [
        ("pending", 1), ("firing", 3), ("resolved", 8)
    ]  # fmt: skip
    assert {alert.log for alert in told} == {LOG}
    assert told[0].labels == {"user_id": "ada"}


def test_an_alert_without_calls_is_resolved() -> None:
    """A user who is gone: nothing is judged any more."""
    told = run(rule_of(keep_firing_for="0s"), [(2, 0)] * 3 + [(-1, 0)] * 2)
    assert [(alert.state, alert.reason) for alert in told][-1] == ("resolved", "nothing to judge")


def test_what_got_worse_is_told_again() -> None:
    """Once it has held to the higher rank for so long as `for`."""
    told = run(rule_of(), [(2, 0)] * 4 + [(4, 0)] * 4)
    assert [(alert.state, alert.severity) for alert in told] == [
        ("pending", "warning"), ("firing", "warning"), ("firing", "critical")
    ]  # fmt: skip


def test_alerts_of_removed_rules_end() -> None:
    """And those of others are left alone."""
    told = run(rule_of(), [(2, 0)] * 4)
    strange = told[-1].model_copy(update={"log": "cluster/topic/0", "fingerprint": "other", "rule": "stream"})
    lives = Lives([told[-1], strange], T0_MS)
    assert lives.active_rules() == {"r"}
    [over] = lives.end_removed({"another"}, T0_MS + 600_000)
    assert (over.state, over.reason, over.fingerprint) == (
        "resolved",
        "the rule was removed or changed",
        told[-1].fingerprint,
    )
    assert lives.end_removed({"another"}, T0_MS + 660_000) == []
