"""Crashes while people act: what is told stays true, nothing is lost, only what was under way comes twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from callgauge.schema import Alert, AlertAction
from callgauge_notify.grouping.episode import Told, told_by
from callgauge_notify.grouping.groups import Groups
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.routing.receiver_kinds import ConsoleSpec, PagerDutySpec
from callgauge_notify.routing.routes import Route, Routing
from tests.unit.sinks.notify.alerts import T0, alert

ROUTING = Routing(
    {"log": ConsoleSpec(name="log"), "pager": PagerDutySpec(name="pager", routing_key=SecretStr("k"))},
    tuple(
        Route.model_validate(
            {"name": n, "receiver": n, "group_by": by, "group_wait": wait, "group_interval": wait, "continue": True}
        )
        for n, by, wait in (("log", [], 0.0), ("pager", ["service"], 3.0))
    ),
)
SERVICES = st.sampled_from("ab")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("change"), SERVICES),
        st.tuples(st.just("acknowledge"), SERVICES),
        st.tuples(st.just("resolve"), SERVICES),
        st.tuples(st.just("turn"), st.just("")),
        st.tuples(st.just("turn"), st.just("")),
        st.tuples(st.just("deliver"), st.sampled_from(["log", "pager"])),
        st.tuples(st.just("die"), st.sampled_from(["log", "pager"])),
        st.tuples(st.just("crash"), st.just("")),
    ),
    max_size=60,
)


class Run:
    """One process after another, with what outlives them: the log, what is committed, what is noted."""

    def __init__(self) -> None:
        self.log: list[Alert | AlertAction] = []
        self.committed = 0
        self.noted: dict[str, Told] = {}
        self.kept: dict[str, AlertAction] = {}
        self.told: Counter[tuple[str, str, str]] = Counter()
        self.again: Counter[tuple[str, str, str]] = Counter()
        self.now = T0
        self.crash()

    def crash(self) -> None:
        """The next process restores what was noted, and reads from what was committed."""
        self.groups = Groups(ROUTING)
        self.groups.restore(self.noted.values(), self.now, self.kept.values())
        self.next = self.committed
        self.under_way: list[Notice] = []

    def last(self, service: str) -> Alert | None:
        alerts = (each for each in reversed(self.log) if isinstance(each, Alert))
        return next((each for each in alerts if each.labels["service"] == service), None)

    def change(self, service: str) -> None:
        """An alert fires; if it fires, it ends."""
        last, labels = self.last(service), {"service": service}
        if last is None or last.state == "resolved":
            self.log.append(alert(labels=labels, start=T0 + len(self.log)))
        else:
            self.log.append(alert("resolved", labels=labels, start=last.starts_at))

    def act(self, action: str, service: str) -> None:
        """Somebody does something with the last episode, perhaps a moment too late."""
        last = self.last(service)
        if last is not None:
            values = {"action_id": f"{len(self.log)}", "action": action, "at": T0 + len(self.log), "who": "ann"}
            self.log.append(
                AlertAction(**values, fingerprint=last.fingerprint, alert_id=last.alert_id)  # type: ignore[arg-type]
            )

    def turn(self) -> None:
        """One round of the notifier's loop: actions are noted before anything is committed."""
        for offset in range(self.next, len(self.log)):
            record = self.log[offset]
            if isinstance(record, Alert):
                self.groups.take(record, 0, offset, self.now)
            elif self.groups.act(record, offset, self.now):
                self.kept[f"{record.action}/{record.alert_id}"] = record
        self.next = len(self.log)
        self.under_way += self.groups.due(self.now)
        self.committed = max(self.committed, self.groups.held_from().get(0, self.next))
        self.now += 1.0

    def deliver(self, receiver: str, *, note: bool = True) -> None:
        """The receiver is told of its first notice; the process may die before it has noted that."""
        notice = next((each for each in self.under_way if each.receiver == receiver), None)
        if notice is None:
            return
        keys = [(receiver, item.alert.alert_id, news) for item in notice.items for news in item.news]
        self.told.update(keys)
        if not note:
            self.again.update(keys)
            self.crash()
            return
        told = told_by(notice, self.now, {})
        self.noted |= {each.key: each for each in told}
        self.under_way.remove(notice)
        self.groups.heard(notice, told, self.now)

    def step(self, what: str, of: str) -> None:
        """What happens next."""
        match what:
            case "acknowledge" | "resolve":
                self.act(what, of)
            case "change":
                self.change(of)
            case "turn":
                self.turn()
            case "crash":
                self.crash()
            case _:
                self.deliver(of, note=what == "deliver")

    def finish(self) -> None:
        """Until everything is told and committed."""
        for _ in range(500):
            self.turn()
            for receiver in ("log", "pager"):
                self.deliver(receiver)
            if self.committed == len(self.log) and not self.under_way:
                return

    def expected(self) -> Iterator[tuple[str, set[str], set[str]]]:
        """For each episode: what must have been told, and what may have been."""
        for firing in (each for each in self.log if isinstance(each, Alert) and each.state == "firing"):
            mine = [each for each in self.log if each.alert_id == firing.alert_id]
            done = {each.action for each in mine if isinstance(each, AlertAction)}
            over = any(isinstance(each, Alert) and each.state == "resolved" for each in mine)
            if "resolve" in done:
                yield firing.alert_id, {"resolved"}, {"firing", "resolved", "acknowledged"}
            elif over:
                yield firing.alert_id, {"firing", "resolved"}, {"firing", "resolved", "acknowledged"}
            else:
                ack = {"acknowledged"} & {f"{action}d" for action in done}
                yield firing.alert_id, {"firing"} | ack, {"firing"} | ack


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_what_people_do_is_told_once_whatever_crashes(steps: list[tuple[str, str]]) -> None:
    """Who was told that an alert fires is told that it is over, also if a person says so; the log alone is not told of
    acknowledging."""
    run = Run()
    for step in steps:
        run.step(*step)
    run.finish()
    assert run.committed == len(run.log)
    assert all(count <= 1 + run.again[key] for key, count in run.told.items())
    for alert_id, must, may in run.expected():
        for receiver in ("log", "pager"):
            quiet = {"acknowledged"} if receiver == "log" else set()
            found = {news for name, episode, news in run.told if (name, episode) == (receiver, alert_id)}
            assert must - quiet <= found <= may - quiet
