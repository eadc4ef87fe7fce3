"""kill -9 of the notifier, again and again, while it tells alerts to three receivers; then everything is counted.

    python -m tests.chaos.notify --kills 10
    python -m tests.chaos.notify --kills 100 --broker kafka

Alerts end because detect says so, or because somebody resolves them by hand, in turn.

Half of the kills come at a moment that the clock chooses, the others while a receiver has taken a message and has not
answered yet: then the notifier cannot know that it was told. It prints

    expected N, delivered N, lost 0, twice M

where N counts each state (firing, resolved) of each alert at each receiver. PagerDuty has a key that names an alert, so
what comes twice is shown once there; its incidents that are not in the right state at the end are counted. The webhook
and the file may see again what was told and not noted when the notifier died: at most one message for each kill. The
exit code is 1 if something is lost, more messages came again, or PagerDuty shows something wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from callgauge.schema import Alert, AlertAction
from callgauge.settings import Settings, load_settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from tests.brokers import Broker, start_broker
from tests.forkserver import forking
from tests.notifying import Counted, Process, send_alerts
from tests.unit.sinks.notify.alerts import alert
from tests.unit.sinks.notify.http_stub import Stub, serving

__all__ = ["Verdict", "run", "verdict_of"]

_QUICK = "group_wait: 200ms, group_interval: 200ms, group_by: [service]"
_ROUTES = f"""
receivers:
  - {{name: hook, type: webhook, url: "HOOK"}}
  - {{name: pager, type: pagerduty, url: "PAGER", routing_key: 0123456789abcdef0123456789abcdef}}
  - {{name: log, type: file, path: "FOLDER/alerts.jsonl"}}
routes:
  - {{name: hook, receiver: hook, {_QUICK}, continue: true}}
  - {{name: pager, receiver: pager, {_QUICK}, continue: true}}
  - {{name: log, receiver: log}}
"""
_RECEIVERS = ("webhook", "pagerduty", "file")
_A_KILL = 20  # alerts that are sent between two kills


@dataclass(frozen=True)
class Verdict:
    """What the count found. `repeated`: messages that told something again, of the receiver that had most of them."""

    expected: int
    delivered: int
    lost: int
    twice: int
    wrong_incidents: int
    repeated: int

    def __str__(self) -> str:
        return f"expected {self.expected}, delivered {self.delivered}, lost {self.lost}, twice {self.twice}"


def verdict_of(alerts: list[Alert], counted: Counted) -> Verdict:
    """Count what receivers were told against the alerts that were sent."""
    told = counted.told
    expected = {(name, _key(name, each), each.state) for name in _RECEIVERS for each in alerts}
    found = {key for key in told if key in expected}
    plain = {key: count for key, count in told.items() if key[0] != "pagerduty"}
    states: dict[str, set[str]] = {}
    for name, key, state in told:
        if name == "pagerduty":
            states.setdefault(key, set()).add(state)
    wanted: dict[str, set[str]] = {}
    for each in alerts:
        wanted.setdefault(each.fingerprint, set()).add(each.state)
    return Verdict(
        expected=len(expected),
        delivered=len(found),
        lost=len(expected - found),
        twice=sum(1 for count in plain.values() if count > 1),
        wrong_incidents=sum(1 for key, shown in wanted.items() if states.get(key) != shown),
        repeated=max(counted.repeated["webhook"], counted.repeated["file"]),
    )


def _key(receiver: str, of: Alert) -> str:
    return of.fingerprint if receiver == "pagerduty" else of.alert_id


def run(broker: Broker, kills: int, seed: int, folder: Path) -> Verdict:
    """Send alerts, kill, start again, count."""
    settings = _settings(broker, folder)
    ensure_topics(settings)
    counted, dice = Counted(), random.Random(seed)
    sent: list[Alert] = []
    with serving(Stub(counted.webhook)) as hook, serving(Stub(counted.pagerduty)) as pager:
        text = _ROUTES.replace("HOOK", hook.url).replace("PAGER", pager.url).replace("FOLDER", str(folder))
        (folder / "routes.yaml").write_text(text)
        process = Process(settings, folder)
        process.start()
        by_hand = 0
        for number in range(kills):
            by_hand += _kill_once(process, counted, dice, settings, sent, number, folder)
            told = f"{len(sent)} transitions sent, of which {by_hand} are ends by hand"
            print(f"kill {number + 1} of {kills}: {told}", file=sys.stderr, flush=True)
        wait_until(lambda: verdict_of(sent, _with_file(counted, folder)).lost == 0, 120, poll_s=0.5)
        process.stop()
        return verdict_of(sent, _with_file(counted, folder))


def _kill_once(
    process: Process,
    counted: Counted,
    dice: random.Random,
    settings: Settings,
    sent: list[Alert],
    number: int,
    folder: Path,
) -> int:
    """Send some alerts, and the ends of those before; kill while they are told; start again.

    Returns how many ends were by hand.
    """
    fresh = [alert(labels={"service": f"s{number}-{n}"}) for n in range(_A_KILL)]
    over, by_hand = _over(sent, _with_file(counted, folder))
    ends = [_resolved_by_hand(each) if each.fingerprint in by_hand else each for each in over]
    within, left = number % 2 == 0, dice.randint(1, _A_KILL)
    lock = threading.Lock()

    def news() -> None:
        nonlocal left
        with lock:
            left -= 1
            if within and left == 0:
                process.kill()

    counted.on_news = news
    send_alerts(settings, [*ends, *fresh])
    sent += [*over, *fresh]
    if within:
        wait_until(lambda: not process.alive, 60)
    else:
        wait_until(lambda: False, dice.uniform(0.0, 1.5))
    counted.on_news = lambda: None
    process.kill()
    process.wait()
    process.start()
    return len(by_hand)


def _over(sent: list[Alert], counted: Counted) -> tuple[list[Alert], set[str]]:
    """The alerts that end now, and the fingerprints of those that somebody resolves by hand.

    By hand end only those that all receivers were told of: of what is resolved before that, they are not told that it
    fires. The others, of the last round, end because detect says so.
    """
    ended = {each.fingerprint for each in sent if each.state == "resolved"}
    fires = [each for each in sent if each.fingerprint not in ended]
    told = [each for each in fires if all((n, _key(n, each), "firing") in counted.told for n in _RECEIVERS)]
    by_hand = {each.fingerprint for each in told[: _A_KILL // 2]}
    over = [*told[: _A_KILL // 2], *(each for each in fires[-_A_KILL // 2 :] if each.fingerprint not in by_hand)]
    return [alert("resolved", labels=each.labels) for each in over], by_hand


def _resolved_by_hand(of: Alert) -> AlertAction:
    return AlertAction(
        action_id=uuid.uuid4().hex, action="resolve", at=time.time(), who="ann", how="cli", fingerprint=of.fingerprint,
        alert_id=of.alert_id,
    )  # fmt: skip


def _settings(broker: Broker, folder: Path) -> Settings:
    prefix = f"c{uuid.uuid4().hex[:8]}"
    return load_settings(
        bootstrap_servers=broker.bootstrap,
        topic_prefix=prefix,
        group_prefix=prefix,
        windows_partitions=2,
        session_timeout_s=3.0 if broker.name == "tansu" else 2.0,
        heartbeat_s=0.5,
        routes_file=folder / "routes.yaml",
        notify_allow_http=True,
        notify_allow_hosts="127.0.0.1",
        log_level="WARNING",
    )


def _with_file(counted: Counted, folder: Path) -> Counted:
    """What the stubs counted, and the lines of the file. A line that was cut by a kill tells nothing."""
    both = Counted()
    both.told, both.repeated = Counter(counted.told), Counter(counted.repeated)
    path = folder / "alerts.jsonl"
    messages: dict[tuple[str, float], list[tuple[str, str]]] = {}
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        news = messages.setdefault((found["notice"], found["at"]), [])
        news += [(found["alert"]["alert_id"], state) for state in found["news"]]
    for news in messages.values():
        both.count("file", news)
    return both


def main() -> None:
    """Run, print, exit."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.notify", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--broker", choices=("kafka", "tansu"), default="tansu")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with forking(), start_broker(options.broker) as broker, tempfile.TemporaryDirectory(prefix="callgauge-") as folder:
        verdict = run(broker, options.kills, options.seed, Path(folder))
    print(verdict)
    print(
        f"messages that came again: {verdict.repeated} at most of a receiver, in {options.kills} kills; "
        f"incidents that PagerDuty shows wrong: {verdict.wrong_incidents}"
    )
    sys.exit(bool(verdict.lost or verdict.wrong_incidents or verdict.repeated > options.kills))


if __name__ == "__main__":
    main()
