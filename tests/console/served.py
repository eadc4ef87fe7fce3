"""The console over a filled embedded store, without a bus: alerts are held in memory, and what is written is kept."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from callgauge.keys.key_file import KeyFile
from callgauge.schema import Alert, AlertAction, RuleSet
from callgauge.settings import Settings, load_settings
from callgauge.transport import Outbound
from callgauge_actions.desk import Desk
from callgauge_console.application import make_app
from callgauge_console.parts import Parts
from callgauge_console.pipeline import Pipeline
from callgauge_console.rules_known import RulesKnown
from callgauge_console.web.access import KEYS, Access
from callgauge_history.store import Store
from callgauge_intake.lag import Lag
from callgauge_rules.alert_book import AlertBook

__all__ = ["GROUPINGS", "Served", "serve"]

GROUPINGS = "@10s model@10s service@10s feature@60s service,feature,provider,model@60s service,model,prompt_version@60s"


class HeldAlerts:
    """An alert log that was read, of these records."""

    def __init__(self, records: Sequence[Alert | AlertAction]) -> None:
        self.book = AlertBook()
        self.lock = threading.Lock()
        for record in records:
            self.book.take(record, 0)


@dataclass
class Served:
    """A console.

    Attributes:
        written: the actions that it wrote.
        sent: the judgements that it sent.
        pushed: the rule sets.
    """

    url: str
    store: Store
    written: list[AlertAction] = field(default_factory=list)
    sent: list[Outbound] = field(default_factory=list)
    pushed: list[RuleSet] = field(default_factory=list)

    def publish(self, what: Any, partition: int | None = None) -> None:
        """Take what the broker would be given."""
        if isinstance(what, AlertAction):
            self.written.append(what)
        elif isinstance(what, RuleSet):
            self.pushed.append(what)
        else:
            self.sent += what


@contextmanager
def serve(
    store: Store, alerts: Sequence[Alert | AlertAction] = (), keys: Path | None = None, **settings: Any
) -> Iterator[Served]:
    """Serve on a free port of this machine until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    served = Served(f"http://127.0.0.1:{listener.getsockname()[1]}", store)
    chosen = load_settings(groupings=GROUPINGS, console_requests_per_s=0, **settings)
    access = Access(None if keys is None else KeyFile(keys, KEYS), "t0ken")
    app = make_app(_parts(chosen, served, alerts), access)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield served
    finally:
        server.should_exit = True
        thread.join(60)
        listener.close()


def _parts(settings: Settings, served: Served, alerts: Sequence[Alert | AlertAction]) -> Parts:
    held: Any = HeldAlerts(alerts)
    desk = Desk(held, served, time.time)
    desk.ready.set()
    pipeline = Pipeline(
        lambda: [Lag("callgauge-rollup", "llm.calls", 0, 90, 100), Lag("callgauge-notify", "a", 1, None, 3)]
    )
    pipeline.look()
    rules = RulesKnown(settings, tuple, served)
    return Parts(settings, served.store, lambda: desk, served, pipeline, rules)
