"""What people do with alerts, and what receivers are told of it.

Drawn times are seconds after T0; the routes have group_wait 30, group_interval 300, repeat_interval 3600. `pager` wants
to know who has acknowledged, `console` does not.
"""

from __future__ import annotations

from typing import Any

from callgauge.schema import AlertAction
from callgauge_notify.grouping.episode import Told, told_by
from callgauge_notify.grouping.groups import Groups
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.routing.receiver_kinds import AlertmanagerSpec
from callgauge_notify.routing.routes import Routing
from tests.unit.sinks.notify.alerts import T0, alert
from tests.unit.sinks.notify.grouped import RECEIVERS, deliver, groups_of, route, take

CHAT = alert()


def did(action: Any, at: float, of: Any = CHAT, **more: Any) -> AlertAction:
    values = {"action_id": f"{action}{at}", "action": action, "at": T0 + at, "who": "ann", "how": "cli"}
    return AlertAction(**values | {"fingerprint": of.fingerprint, "alert_id": of.alert_id} | more)


def silence(at: float, until: float, *matchers: str) -> AlertAction:
    more = {"silence_id": "s", "matchers": list(matchers or ("service=chat",)), "starts_at": T0 + at}
    return did("silence", at, fingerprint="", alert_id="", ends_at=T0 + until, **more)


def act(groups: Groups, at: float, action: AlertAction, offset: int = 1) -> None:
    groups.act(action, offset, T0 + at)


def test_acknowledged_is_told_once_and_not_repeated() -> None:
    """Fired 0, told 30, acknowledged and told 40; never again, whoever else acknowledges; the end is told."""
    groups = groups_of()
    take(groups, 0)
    deliver(groups, 30)
    act(groups, 40, did("acknowledge", 40))
    act(groups, 41, did("acknowledge", 41, who="bob"))
    assert deliver(groups, 41) == [[("chat", ("acknowledged",))]]
    assert deliver(groups, 20_000) == []
    take(groups, 20_001, state="resolved")
    assert deliver(groups, 20_001) == [[("chat", ("resolved",))]]


def test_acknowledged_before_it_was_told() -> None:
    """Told in one notice; who does not want to know is told that it fires."""
    groups = groups_of(route(**{"continue": True}), route(name="b", receiver="console", group_wait=30.0))
    take(groups, 0)
    act(groups, 10, did("acknowledge", 10))
    assert deliver(groups, 30) == [[("chat", ("firing", "acknowledged"))], [("chat", ("firing",))]]
    assert groups.held_from() == {}


def test_an_action_that_comes_before_its_alert_is_known_then() -> None:
    """As when a process that has noted the action reads the alert again."""
    groups = groups_of()
    act(groups, 0, did("acknowledge", 0))
    take(groups, 1)
    assert deliver(groups, 31) == [[("chat", ("firing", "acknowledged"))]]


def test_what_is_not_acknowledged_is_repeated_alone() -> None:
    """Of two that fire one is acknowledged: the other is told again, without it."""
    groups = groups_of()
    take(groups, 0, "chat")
    take(groups, 0, "search")
    deliver(groups, 30)
    act(groups, 40, did("acknowledge", 40))
    assert deliver(groups, 40) == [[("chat", ("acknowledged",)), ("search", ())]]
    assert deliver(groups, 3640) == [[("search", ())]]


def test_alertmanager_is_kept_informed_of_what_is_acknowledged() -> None:
    """It takes what is not sent again for over."""
    spec = AlertmanagerSpec.model_validate({"name": "am", "url": "http://am"})
    groups = Groups(Routing(RECEIVERS | {"am": spec}, (route(receiver="am", repeat_interval=None),)))
    take(groups, 0)
    deliver(groups, 0)
    act(groups, 10, did("acknowledge", 10))
    assert deliver(groups, 60) == [[("chat", ())]]


def test_resolved_by_hand_is_over_for_receivers_until_a_new_episode() -> None:
    """Whatever detect says of the episode afterwards: revived, or over. The next episode is told."""
    groups = groups_of()
    take(groups, 0)
    deliver(groups, 30)
    act(groups, 40, did("resolve", 40, why="rolled back"))
    (notice,) = groups.due(T0 + 40)
    (item,) = notice.items
    assert (item.news, item.alert.state, item.alert.ends_at) == (("resolved",), "resolved", T0 + 40)
    assert item.alert.reason == "resolved by ann: rolled back"
    groups.heard(notice, told_by(notice, T0 + 40, {}), T0 + 40)
    for seq, state in ((2, "resolved"), (4, "firing"), (5, "resolved")):
        take(groups, 400, state=state, seq=seq)
    assert deliver(groups, 9_000) == []
    take(groups, 9_001, start=T0 + 9_000)
    assert deliver(groups, 9_031) == [[("chat", ("firing",))]]


def test_resolved_by_hand_before_it_was_told_calls_nobody() -> None:
    """No page half a minute after somebody has dealt with it, only that it is over; also if late rows revive it."""
    groups = groups_of()
    take(groups, 0, offset=5)
    act(groups, 10, did("resolve", 10))
    take(groups, 11, seq=3)
    assert deliver(groups, 30) == [[("chat", ("resolved",))]]
    take(groups, 50, seq=5, offset=9)
    assert deliver(groups, 400) == []
    assert groups.held_from() == {}


def test_resolved_by_hand_within_a_silence_is_told_to_nobody() -> None:
    """If it was not told before."""
    groups = groups_of()
    act(groups, 0, silence(0, 1_000))
    take(groups, 1)
    act(groups, 40, did("resolve", 40))
    assert deliver(groups, 50) == deliver(groups, 2_000) == []
    assert groups.held_from() == {}


def test_resolved_by_hand_while_the_first_notice_is_on_its_way() -> None:
    """It arrives, so its end is told too."""
    groups = groups_of()
    take(groups, 0)
    (notice,) = groups.due(T0 + 30)
    act(groups, 31, did("resolve", 31), offset=7)
    assert groups.held_from() == {0: 0}
    groups.heard(notice, told_by(notice, T0 + 32, {}), T0 + 32)
    assert groups.held_from() == {0: 7}
    assert deliver(groups, 332) == [[("chat", ("resolved",))]]
    assert groups.held_from() == {}


def test_acknowledged_while_the_first_notice_is_on_its_way() -> None:
    """Told next, not lost with the notice."""
    groups = groups_of()
    take(groups, 0)
    (notice,) = groups.due(T0 + 30)
    act(groups, 31, did("acknowledge", 31), offset=7)
    groups.heard(notice, told_by(notice, T0 + 32, {}), T0 + 32)
    assert groups.held_from() == {0: 7}
    assert deliver(groups, 332) == [[("chat", ("acknowledged",))]]


def test_silenced_is_told_when_the_silence_ends_while_it_fires() -> None:
    """Silenced from 10 to 1000: told at 1000. Nothing of it is committed before."""
    groups = groups_of()
    act(groups, 10, silence(10, 1_000))
    take(groups, 20, offset=5)
    take(groups, 20, "search", offset=6)
    assert deliver(groups, 50) == [[("search", ("firing",))]]
    assert deliver(groups, 999) == []
    assert groups.held_from() == {0: 5}
    assert deliver(groups, 1_000) == [[("chat", ("firing",)), ("search", ())]]
    assert groups.held_from() == {}


def test_a_silence_is_ended_by_hand() -> None:
    """What it hid is told at once."""
    groups = groups_of()
    act(groups, 10, silence(10, 9_000))
    take(groups, 20)
    assert deliver(groups, 500) == []
    act(groups, 600, did("unsilence", 600, fingerprint="", alert_id="", silence_id="s"))
    assert deliver(groups, 600) == [[("chat", ("firing",))]]


def test_over_within_the_silence_is_told_to_nobody() -> None:
    """The end of what was told before is told."""
    groups = groups_of()
    take(groups, 0, "search")
    deliver(groups, 30)
    act(groups, 40, silence(40, 9_000, "rule=slow"))
    take(groups, 50, "chat")
    take(groups, 60, "chat", state="resolved")
    take(groups, 70, "search", state="resolved")
    assert deliver(groups, 330) == [[("search", ("resolved",))]]
    assert deliver(groups, 10_000) == []
    assert groups.held_from() == {}


def test_silenced_is_not_repeated_until_the_silence_ends() -> None:
    """Then it is, at once if its time has come."""
    groups = groups_of()
    take(groups, 0)
    deliver(groups, 30)
    act(groups, 40, silence(40, 5_000))
    assert deliver(groups, 4_999) == []
    assert deliver(groups, 5_000) == [[("chat", ())]]


class Restart:
    """What was noted outlives a process."""

    def __init__(self) -> None:
        self.noted: dict[str, Told] = {}

    def deliver(self, groups: Groups, at: float) -> list[Notice]:
        found = groups.due(T0 + at)
        for notice in found:
            told = told_by(notice, T0 + at, {})
            groups.heard(notice, told, T0 + at)
            self.noted |= {each.key: each for each in told}
        return found

    def next(self, at: float, *actions: AlertAction) -> Groups:
        groups = groups_of()
        groups.restore(self.noted.values(), T0 + at, actions)
        return groups


def test_the_next_process_knows_what_people_did() -> None:
    """What was told of it is not told again, what was not is; a silence goes on."""
    before, runs = groups_of(), Restart()
    take(before, 0, "chat")
    take(before, 0, "search")
    runs.deliver(before, 30)
    search = alert(labels={"service": "search"})
    acks = [did("acknowledge", 40), did("resolve", 50, of=search)]
    act(before, 40, acks[0])
    runs.deliver(before, 330)
    after = runs.next(400, *acks, silence(300, 9_000, "service=new"))
    act(after, 400, acks[1], offset=8)
    assert after.held_from() == {0: 8}
    take(after, 401, "new", offset=9)
    (notice,) = runs.deliver(after, 630)
    assert [(item.alert.labels["service"], item.news) for item in notice.items] == [
        ("search", ("resolved",)),
        ("chat", ()),
    ]
    assert after.held_from() == {0: 9}
    last = runs.next(700, *acks)
    take(last, 700, "search", seq=3)
    assert runs.deliver(last, 20_000) == []


def test_old_actions_are_forgotten() -> None:
    """A month after they were done."""
    groups = groups_of()
    act(groups, 40, did("acknowledge", 40))
    assert groups.forget_actions(T0 + 86_400) == []
    assert [each.action for each in groups.forget_actions(T0 + 32 * 86_400)] == ["acknowledge"]
