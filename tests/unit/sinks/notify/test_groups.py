"""Grouping: which alerts are told together and when; each state once.

Drawn times are seconds after T0; the routes have group_wait 30, group_interval 300, repeat_interval 3600.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_notify.grouping.episode import told_by
from callgauge_notify.grouping.notice import Notice
from tests.unit.sinks.notify.alerts import T0, alert
from tests.unit.sinks.notify.grouped import deliver, groups_of, news_of, route, take


def test_alerts_of_a_group_are_told_together_after_group_wait() -> None:
    """0: a, 20: b -> 30: both. 40: c -> 330. Then nothing new until the repetition at 3930."""
    groups = groups_of()
    take(groups, 0, "a")
    take(groups, 20, "b")
    assert deliver(groups, 29.9) == []
    assert deliver(groups, 30) == [[("a", ("firing",)), ("b", ("firing",))]]
    take(groups, 40, "c")
    assert deliver(groups, 329.9) == []
    assert deliver(groups, 330) == [[("c", ("firing",)), ("a", ()), ("b", ())]]
    assert deliver(groups, 3929.9) == []
    assert deliver(groups, 3930) == [[("a", ()), ("b", ()), ("c", ())]]


def test_resolved_is_told_once_and_the_group_ends() -> None:
    """The next episode of the same alert waits for group_wait again."""
    groups = groups_of()
    take(groups, 0)
    deliver(groups, 30)
    take(groups, 100, state="resolved")
    take(groups, 101, state="resolved")
    assert deliver(groups, 330) == [[("chat", ("resolved",))]]
    take(groups, 400, start=T0 + 400)
    assert deliver(groups, 429.9) == []
    assert deliver(groups, 430) == [[("chat", ("firing",))]]


def test_an_alert_that_was_over_at_once_is_told_all_the_same() -> None:
    """Fired at 0, resolved at 10: one notice at 30 that says both."""
    groups = groups_of()
    take(groups, 0)
    take(groups, 10, state="resolved")
    assert deliver(groups, 30) == [[("chat", ("firing", "resolved"))]]
    assert deliver(groups, 330) == []


def test_what_is_no_news_is_not_told() -> None:
    """Pending, an episode that never fired, a transition that comes again, an older one."""
    groups = groups_of()
    take(groups, 0, state="pending")
    take(groups, 0, state="resolved", fired_at=None)
    assert deliver(groups, 100) == []
    take(groups, 100, seq=4)
    take(groups, 100, seq=4)
    take(groups, 100, seq=2, state="resolved")
    assert deliver(groups, 130) == [[("chat", ("firing",))]]
    take(groups, 131, seq=4)
    take(groups, 131, start=T0 - 1000, state="resolved", seq=9)
    assert deliver(groups, 1000) == []


def test_an_alert_that_gets_worse_is_told_again() -> None:
    """Once; and its end once."""
    groups = groups_of()
    take(groups, 0, seq=1)
    deliver(groups, 30)
    take(groups, 40, seq=2, severity="critical")
    assert deliver(groups, 330) == [[("chat", ("firing",))]]
    take(groups, 340, seq=3, severity="critical")
    assert deliver(groups, 700) == []
    take(groups, 710, seq=4, state="resolved", severity="critical")
    assert deliver(groups, 1_010) == [[("chat", ("resolved",))]]


def test_a_route_for_mild_alerts_hears_the_end_of_one_that_got_worse() -> None:
    """
    warning    mild: told at 30          critical    severe: told          resolved    both hear of it
    """
    mild = route(name="mild", match=["severity=warning"])
    severe = route(name="severe", match=["severity=critical"], receiver="other")
    groups = groups_of(mild, severe)
    take(groups, 0, seq=1)
    assert len(deliver(groups, 30)) == 1
    take(groups, 40, seq=2, severity="critical")
    assert len(deliver(groups, 400)) == 2
    take(groups, 410, seq=3, state="resolved", severity="critical")
    assert deliver(groups, 800) == [[("chat", ("resolved",))]] * 2


def test_a_revived_episode_is_told_again_only_if_people_heard_that_it_was_over() -> None:
    """Resolved and fired again between two notices: nothing new. After "resolved" was told: firing again."""
    groups = groups_of()
    take(groups, 0)
    deliver(groups, 30)
    take(groups, 40, state="resolved", seq=2)
    take(groups, 50, seq=4)
    assert deliver(groups, 330) == []
    take(groups, 340, state="resolved", seq=5)
    assert deliver(groups, 340) == [[("chat", ("resolved",))]]
    take(groups, 700, seq=7)
    assert deliver(groups, 730) == [[("chat", ("firing",))]]


def test_what_comes_while_a_notice_is_on_its_way_is_for_the_next() -> None:
    """One notice of a group at a time."""
    groups = groups_of()
    take(groups, 0)
    (first,) = groups.due(T0 + 30)
    take(groups, 31, state="resolved")
    assert groups.due(T0 + 1000) == []
    groups.heard(first, told_by(first, T0 + 1000, {}), T0 + 1000)
    assert deliver(groups, 1299) == []
    assert deliver(groups, 1300) == [[("chat", ("resolved",))]]


def test_offsets_are_held_until_what_they_hold_is_told() -> None:
    """Commit after delivery: the lowest offset that waits, of each partition."""
    groups = groups_of()
    take(groups, 0, "a", offset=7)
    take(groups, 0, "b", offset=9)
    groups.take(alert(labels={"service": "c"}), 3, 4, T0)
    assert groups.held_from() == {0: 7, 3: 4}
    (notice,) = groups.due(T0 + 30)
    take(groups, 31, "b", state="resolved", offset=12)
    assert groups.held_from() == {0: 7, 3: 4}
    groups.heard(notice, told_by(notice, T0 + 31, {}), T0 + 31)
    assert groups.held_from() == {0: 12}


def test_the_next_process_goes_on_from_what_was_told() -> None:
    """What was told is not told again when it is read again; what fires is known, repeated and resolved."""
    groups = groups_of()
    take(groups, 0)
    (notice,) = groups.due(T0 + 30)
    told = told_by(notice, T0 + 30, {notice.items[0].alert.alert_id: {"ts": "1.2"}})
    after = groups_of()
    after.restore(told, T0 + 40)
    take(after, 40, offset=0)
    assert after.held_from() == {}
    assert deliver(after, 3629) == []
    assert deliver(after, 3630) == [[("chat", ())]]
    take(after, 3700, state="resolved", offset=1)
    (last,) = after.due(T0 + 3930)
    assert (news_of(last), last.items[0].memory) == ([("chat", ("resolved",))], {"ts": "1.2"})


def test_a_new_route_hears_of_what_fires() -> None:
    """Alerts that fire when a notifier starts with more routes than before."""
    groups = groups_of()
    take(groups, 0)
    (notice,) = groups.due(T0 + 30)
    after = groups_of(route(**{"continue": True}), route(name="new", receiver="other"))
    after.restore(told_by(notice, T0 + 30, {}), T0 + 100)
    assert [notice.receiver for notice in after.due(T0 + 130)] == ["other"]


def test_what_a_slower_route_waits_for_is_held_by_the_next_process() -> None:
    """One route was told, the other not: the next process knows the alert from the first, and holds its offset once it
    has read it again. Else a second crash would lose it for the slower route."""
    routes = (route(**{"continue": True}), route(name="slow", receiver="other"))
    groups = groups_of(*routes)
    take(groups, 0, offset=5)
    first = next(notice for notice in groups.due(T0 + 30) if notice.route == "all")
    after = groups_of(*routes)
    after.restore(told_by(first, T0 + 30, {}), T0 + 40)
    take(after, 40, offset=5)
    assert after.held_from() == {0: 5}
    assert [notice.route for notice in after.due(T0 + 70)] == ["slow"]


def test_partitions_that_went_to_another_worker_are_forgotten() -> None:
    """It tells of them."""
    groups = groups_of()
    take(groups, 0, "a", offset=7)
    groups.take(alert(labels={"service": "c"}), 3, 4, T0)
    groups.drop([0])
    assert groups.held_from() == {3: 4}
    assert deliver(groups, 30) == [[("c", ("firing",))]]


def test_send_resolved_false() -> None:
    """The end is not told, but noted, so that no later process takes the alert for firing."""
    groups = groups_of(route(send_resolved="false"))
    take(groups, 0)
    deliver(groups, 30)
    take(groups, 40, state="resolved", offset=5)
    assert deliver(groups, 330) == []
    assert [told.alert.state for told in groups.settled()] == ["resolved"]
    assert groups.held_from() == {}
    assert deliver(groups, 99_999) == []


def test_a_storm_is_one_notice_a_group() -> None:
    """5,000 alerts of one rule in a minute: two notices, nothing lost."""
    groups = groups_of()
    for number in range(5_000):
        take(groups, number * 60 / 5_000, f"s{number}", offset=number)
        deliver_at = 30.0
        if number == 2_500:
            (first,) = deliver(groups, deliver_at)
            assert len(first) == 2_501
    (second,) = deliver(groups, 330)
    assert sum(1 for _, news in second if news) == 2_499
    assert groups.held_from() == {}


@pytest.mark.parametrize(("news", "same"), [(1, True), (2, False)])
def test_a_notice_has_one_id_for_the_same_news(news: int, same: bool) -> None:
    """Also in another process, so a receiver knows a retry."""
    ids = []
    for number in (1, news):
        groups = groups_of()
        take(groups, 0, seq=number)
        ids.append(groups.due(T0 + 30 + number)[0].id)
    assert (ids[0] == ids[1]) is same


EVENTS = st.lists(
    st.tuples(st.integers(0, 120), st.sampled_from("abcd"), st.integers(0, 2), st.booleans()), min_size=1, max_size=40
)


def history(events: list[tuple[int, str, int, bool]]) -> list[tuple[float, str, int, str, int]]:
    """Transitions as detect makes them: (time, service, episode, state, seq), with some that come twice."""
    at, states, found = 0.0, {}, []  # type: ignore[var-annotated]
    for wait, service, _, again in events:
        at += wait
        episode, seq, state = states.get(service, (0, 0, "resolved"))
        step = (episode + 1, 1, "firing") if state == "resolved" else (episode, seq + 1, "resolved")
        states[service] = step
        found += [(at, service, step[0], step[2], step[1])] * (2 if again else 1)
    return found


@settings(max_examples=150, deadline=None)
@given(EVENTS, st.sampled_from([0.0, 7.0, 45.0]))
def test_each_firing_alert_is_told_in_time_and_each_state_once(
    events: list[tuple[int, str, int, bool]], takes_s: float
) -> None:
    """Whatever happens, and however long (under a minute) a delivery takes: every episode is in a notice at most
    group_wait + group_interval + the time of two deliveries after it fired, no state of it is told twice, and at the
    end everything is told and nothing is held.
    """
    groups = groups_of()
    fired: dict[str, float] = {}
    ended: set[str] = set()
    told: dict[tuple[str, str], float] = {}
    under_way: list[tuple[float, Notice]] = []

    def run_to(now: float) -> None:
        for notice in groups.due(T0 + now):
            under_way.append((now + takes_s, notice))
        for arrives, notice in [each for each in under_way if each[0] <= now]:
            under_way.remove((arrives, notice))
            groups.heard(notice, told_by(notice, T0 + now, {}), T0 + now)
            for item in notice.items:
                for state in item.news:
                    assert (item.alert.alert_id, state) not in told
                    told[item.alert.alert_id, state] = now

    clock = 0
    for offset, (at, service, episode, state, seq) in enumerate(history(events)):
        while clock < at:
            run_to(clock)
            clock += 1
        made = alert(state, labels={"service": service}, start=T0 + episode, seq=seq)
        fired.setdefault(made.alert_id, at)
        ended |= {made.alert_id} if state == "resolved" else set()
        groups.take(made, 0, offset, T0 + at)
    for _ in range(800):
        run_to(clock)
        clock += 1
    assert {key for key, state in told if state == "firing"} == fired.keys()
    assert {key for key, state in told if state == "resolved"} == ended
    assert all(told[key, "firing"] - at <= 30 + 300 + 2 * takes_s + 3 for key, at in fired.items())
    assert groups.held_from() == {}
