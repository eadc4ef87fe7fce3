"""Crashes at any moment: every state of every alert is told, and again only what was under way when it crashed."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.schema import Alert
from callgauge_notify.grouping.episode import Told, told_by
from callgauge_notify.grouping.groups import Groups
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.routing.receiver_kinds import ConsoleSpec
from callgauge_notify.routing.routes import Route, Routing
from tests.unit.sinks.notify.alerts import T0, alert

ROUTING = Routing(
    {name: ConsoleSpec(name=name) for name in ("quick", "slow")},
    tuple(
        Route.model_validate({"name": n, "receiver": n, "group_by": by, "group_wait": wait, "continue": True})
        for n, by, wait in (("quick", [], 0.0), ("slow", ["service"], 3.0))
    ),
)
#: What happens next: an alert of a service changes its state, a second passes, a notice arrives, a crash, the
#: partition is taken away and given back while notices are under way.
STEPS = st.lists(
    st.one_of(
        st.sampled_from("abc"),
        st.just("tick"),
        st.just("tick"),
        st.tuples(st.sampled_from(["quick", "slow"]), st.booleans()),
        st.just("crash"),
        st.just("rebalance"),
    ),
    max_size=80,
)


class Run:
    """One process after another, with what outlives them: the log, what is committed, what is noted."""

    def __init__(self) -> None:
        self.log: list[Alert] = []
        self.committed = 0
        self.noted: dict[str, Told] = {}
        self.told: Counter[tuple[str, str, str]] = Counter()
        self.again: Counter[tuple[str, str, str]] = Counter()
        self.now = T0
        self.crash()

    def crash(self) -> None:
        """The next process restores what was noted, and reads from what was committed."""
        self.groups = Groups(ROUTING)
        self.groups.restore(self.noted.values(), self.now)
        self.next = self.committed
        self.under_way: list[Notice] = []

    def rebalance(self) -> None:
        """The same process forgets the partition and gets it again; its couriers go on."""
        self.groups.drop([0])
        self.groups.restore(self.noted.values(), self.now)
        self.next = self.committed

    def change(self, service: str) -> None:
        """An alert fires; if it fires, it ends."""
        last = next((a for a in reversed(self.log) if a.labels["service"] == service), None)
        labels = {"service": service}
        if last is None or last.state == "resolved":
            self.log.append(alert(labels=labels, start=T0 + len(self.log)))
        else:
            self.log.append(alert("resolved", labels=labels, start=last.starts_at))

    def turn(self) -> None:
        """One round of the notifier's loop."""
        for offset in range(self.next, len(self.log)):
            self.groups.take(self.log[offset], 0, offset, self.now)
        self.next = len(self.log)
        self.under_way += self.groups.due(self.now)
        self.committed = max(self.committed, self.groups.held_from().get(0, self.next))
        self.now += 1.0

    def deliver(self, receiver: str, *, note: bool) -> None:
        """The receiver is told of its first notice; the process may crash before it has noted that."""
        mine = [notice for notice in self.under_way if notice.receiver == receiver]
        if not mine:
            return None
        notice = mine[0]
        keys = [(receiver, item.alert.alert_id, state) for item in notice.items for state in item.news]
        self.told.update(keys)
        if not note:
            self.again.update(keys)
            return self.crash()
        told = told_by(notice, self.now, {})
        self.noted |= {each.key: each for each in told}
        self.under_way.remove(notice)
        self.groups.heard(notice, told, self.now)
        return None

    def step(self, step: str | tuple[str, bool]) -> None:
        """What happens next."""
        if isinstance(step, tuple):
            self.deliver(step[0], note=step[1])
        elif step == "crash":
            self.crash()
        elif step == "rebalance":
            self.rebalance()
        elif step == "tick":
            self.turn()
        else:
            self.change(step)


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_nothing_is_lost_and_only_what_was_under_way_comes_twice(steps: list[str | tuple[str, bool]]) -> None:
    """Two routes of different pace; an alert that fires and ends between two notices is told both states."""
    run = Run()
    for step in steps:
        run.step(step)
    for _ in range(2_000):
        run.turn()
        for receiver in ("quick", "slow"):
            run.deliver(receiver, note=True)
        if run.committed == len(run.log) and not run.under_way:
            break
    wanted = {(receiver, each.alert_id, each.state) for each in run.log for receiver in ("quick", "slow")}
    assert set(run.told) == wanted
    assert all(count <= 1 + run.again[key] for key, count in run.told.items())
    assert run.committed == len(run.log)
