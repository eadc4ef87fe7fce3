"""What people see of an alert: a function of transitions and actions, in whatever order and however often they come."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.schema import Alert, AlertAction
from callgauge_rules.alert_book import AlertBook
from callgauge_rules.shown import Actions, by_hand, shown
from tests.unit.streams.rules.people import T0, acknowledge, did, episode, processes, resolve, silence, unsilence

FIRST, SECOND = episode(), episode(start=200.0)


def state(alert: Alert, *actions: AlertAction, at: float = 60.0) -> str:
    return shown(alert, Actions(actions), T0 + at).state


def test_without_actions_it_is_what_detect_says() -> None:
    """Pending, firing, resolved."""
    assert [state(episode(name)) for name in ("pending", "firing", "resolved")] == ["pending", "firing", "resolved"]


def test_acknowledged_until_the_episode_ends() -> None:
    """Its end is an end, and the next episode fires."""
    ack = acknowledge(FIRST)
    assert state(FIRST, ack) == "acknowledged"
    assert state(episode("resolved", seq=2), ack) == "resolved"
    assert state(SECOND, ack) == "firing"


def test_resolved_by_hand_hides_the_episode_until_it_ends() -> None:
    """Also when late rows revive the episode; the next one is a new alert. Acknowledging changes nothing any more."""
    done = resolve(FIRST)
    assert state(FIRST, done) == state(episode(seq=3), done) == state(FIRST, done, acknowledge(FIRST, 30)) == "resolved"
    assert state(SECOND, done) == "firing"


@pytest.mark.parametrize(
    ("at", "expected"), [(9.0, "firing"), (10.0, "silenced"), (99.9, "silenced"), (100.0, "firing")]
)
def test_silenced_while_a_silence_is_in_force(at: float, expected: str) -> None:
    """From its start up to its end, which is not in it any more."""
    assert state(FIRST, silence(), at=at) == expected


def test_a_silence_is_ended() -> None:
    """From then on, not before; ended again later changes nothing."""
    assert [state(FIRST, silence(), unsilence(), unsilence(at=70.0), at=at) for at in (49.0, 50.0, 80.0)] == [
        "silenced",
        "firing",
        "firing",
    ]


def test_a_silence_that_is_made_again_replaces_itself() -> None:
    """The last version counts."""
    assert state(FIRST, silence(until=20.0), silence(at=15.0, until=100.0, since=10.0)) == "silenced"


def test_all_conditions_of_a_silence_must_hold() -> None:
    """Of rule, severity and labels; patterns are matched whole."""
    assert state(FIRST, silence("rule=slow", "service=~ch.*", "severity>=warning")) == "silenced"
    for other in ("rule=fast", "service=~h.*", "severity>=error", "model=x"):
        assert state(FIRST, silence("rule=slow", other)) == "firing"


def test_acknowledged_stays_so_in_a_silence() -> None:
    """Both are known."""
    seen = shown(FIRST, Actions([silence(), acknowledge(FIRST)]), T0 + 60)
    assert (seen.state, seen.by and seen.by.action, seen.silence and seen.silence.id) == (
        "acknowledged",
        "acknowledge",
        "s1",
    )


@pytest.mark.parametrize("matchers", [["moddel=x"], ["???"], [], ["owner=team"]])
def test_a_silence_that_cannot_be_read_hides_nothing(matchers: list[str]) -> None:
    """It says why. A newer version may know more labels."""
    actions = Actions([did("silence", silence_id="s", matchers=matchers, starts_at=T0, ends_at=T0 + 100)])
    assert shown(FIRST, actions, T0 + 60).state == "firing"
    (found,) = actions.silences()
    assert found.problem


def test_by_hand_says_who_and_why() -> None:
    """The end is when it was done; the identity of the episode and of its transition stay."""
    done = by_hand(FIRST, resolve(FIRST, why="deploy rolled back"))
    assert (done.state, done.ends_at, done.reason) == ("resolved", T0 + 20, "resolved by ann: deploy rolled back")
    assert (done.alert_id, done.seq) == (FIRST.alert_id, FIRST.seq)


def test_processes_are_shown_beside_the_state() -> None:
    """The last that was found out, of this episode; it changes no state, and nobody did it."""
    actions = Actions([processes(FIRST, 30.0, "silent"), processes(FIRST, 10.0, "live")])
    seen = shown(FIRST, actions, T0 + 60)
    assert (seen.state, seen.by, seen.processes and seen.processes.processes) == ("firing", None, "silent")
    assert shown(SECOND, actions, T0 + 260).processes is None


def test_old_actions_are_forgotten() -> None:
    """Those on alerts, and silences that ended, each with its end; what is still in force stays."""
    old = [acknowledge(FIRST), resolve(FIRST), silence(), unsilence(), processes(FIRST)]
    kept = [silence(id="long", until=900.0), acknowledge(SECOND, 300.0)]
    actions = Actions([*old, *kept])
    assert {each.action_id for each in actions.forget(T0 + 200)} == {each.action_id for each in old}
    assert {each.action_id for each in actions.all()} == {each.action_id for each in kept}
    assert not actions.forget(T0 + 200)


TIMES = st.sampled_from([5.0, 15.0, 25.0, 210.0, 260.0])
TRANSITIONS = st.builds(
    episode,
    state=st.sampled_from(["pending", "firing", "resolved"]),
    start=st.sampled_from([0.0, 200.0]),
    seq=st.integers(0, 3),
    service=st.sampled_from(["chat", "search"]),
)
ACTIONS = st.one_of(
    st.builds(acknowledge, TRANSITIONS, TIMES, who=st.sampled_from("ab")),
    st.builds(resolve, TRANSITIONS, TIMES, who=st.sampled_from("ab")),
    st.builds(
        silence, st.sampled_from(["rule=slow", "service=chat", "bad"]), at=TIMES, until=st.sampled_from([100.0, 300.0]),
        id=st.sampled_from("xy"),
    ),
    st.builds(unsilence, st.sampled_from("xy"), TIMES),
    st.builds(processes, TRANSITIONS, TIMES, found=st.sampled_from(["live", "silent"])),
)  # fmt: skip


def identity(record: Alert | AlertAction) -> tuple[Any, ...]:
    if isinstance(record, Alert):
        return record.fingerprint, record.starts_at, record.seq
    return record.action_id, record.alert_id, record.silence_id


def seen_in(records: list[Any], now: float) -> dict[str, Any]:
    book = AlertBook()
    for record in records:
        book.take(record, 0)
    return {alert.fingerprint: (alert.alert_id, book.shown(alert, T0 + now)) for alert in book.all()}


@given(
    st.lists(st.one_of(TRANSITIONS, ACTIONS), max_size=14, unique_by=repr),
    st.data(),
    st.sampled_from([0.0, 20.0, 120.0, 250.0, 400.0]),
)
def test_order_and_repetition_change_nothing(records: list[Any], data: st.DataObject, now: float) -> None:
    """Any interleaving of transitions and actions, with any of them again, is seen the same. Two records with
    the same identity are the same record."""
    records = list({identity(record): record for record in records}.values())
    again = data.draw(st.lists(st.sampled_from(records), max_size=6)) if records else []
    mixed = data.draw(st.permutations([*records, *again]))
    assert seen_in(mixed, now) == seen_in(records, now)


@given(TRANSITIONS, st.lists(ACTIONS, max_size=8), TIMES)
def test_what_people_do_decides_only_what_is_seen(alert: Alert, actions: list[AlertAction], at: float) -> None:
    """What detect has ended is over whatever was done; what fires is hidden only by an action on this very episode,
    or by a silence in force."""
    seen = shown(alert, Actions(actions), T0 + at)
    done = {each.action for each in actions if each.alert_id == alert.alert_id}
    match seen.state:
        case "resolved":
            assert alert.state == "resolved" or "resolve" in done
        case "acknowledged":
            assert "acknowledge" in done
            assert "resolve" not in done
        case "silenced":
            assert seen.silence is not None
            assert seen.silence.made.starts_at <= T0 + at < seen.silence.ends_at
        case left:
            assert left == alert.state
            assert not done & {"acknowledge", "resolve"}
