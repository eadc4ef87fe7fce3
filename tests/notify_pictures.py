"""Draws what people see of a notice: `python -m tests.notify_pictures` writes into build/notify.

slack.json (blocks), pagerduty.json, webhook.json, email.html, chart.png; and email.png, the mail as Chromium shows it,
where there is one.
"""

from __future__ import annotations

import base64
import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from email.message import EmailMessage
from pathlib import Path

from callgauge_notify.grouping.notice import Item
from callgauge_notify.receivers.alert_json import webhook_json
from callgauge_notify.receivers.chart import chart_of
from callgauge_notify.receivers.email import mail_of
from callgauge_notify.receivers.pagerduty import event_of
from callgauge_notify.receivers.slack_blocks import blocks_of, fallback_of
from callgauge_notify.routing.receiver_kinds import ConsoleSpec, EmailSpec
from callgauge_notify.routing.routes import Routing
from tests.unit.sinks.notify.alerts import T0, acknowledged, alert, notice

__all__ = ["page_of"]

_FOLDER = Path(__file__).parents[1] / "build" / "notify"


def _course(values: Iterable[float | None], step_s: float = 60.0) -> list[list[float]]:
    values = list(values)
    steps = ((T0 + 60 - step_s * (len(values) - place), value) for place, value in enumerate(values, 1))
    return [[at, value] for at, value in steps if value is not None]


_DICE = random.Random(7)
_CALM = [0.02 + 0.015 * _DICE.random() for _ in range(48)]
_HIDDEN = (
    alert(rule="slow_model", labels={"model": "gpt-4o", "provider": "openai"}),
    alert(rule="falling_back", labels={"service": "chat"}),
)
_CAUSE = alert(
    rule="provider_down", severity="critical", labels={"provider": "openai"}, aggregate="error_rate", threshold=0.2,
    value=0.87, n=4_180, runbook="https://wiki.example.org/provider-down", event_id="call-7f3a",
    summary="error_rate of provider=openai over 5m is 87 % (4,180 calls; alert when above 20 %)",
    points=_course([*_CALM, 0.03, 0.09, 0.31, 0.55, 0.71, 0.8, 0.84, 0.86, None, None, 0.85, 0.87]), fired_at=T0 - 360,
)  # fmt: skip
NOTICE = notice(
    Item(_CAUSE, ("firing",), _HIDDEN),
    acknowledged(
        alert(
            severity="error",
            labels={"service": "search", "model": "claude-sonnet-4"},
            summary="p95 latency of service=search over 5m is 2.9 s (310 calls; alert when above 2 s)",
            value=2_900.0,
            points=_course(1_400 + 500 * math.sin(n / 6) + (n > 40) * (n - 40) * 90 for n in range(60)),
        ),
        ("firing", "acknowledged"),
        why="looking at the vector store",
    ),
    alert("resolved", labels={"service": "summaries"}),
)


def page_of(mail: EmailMessage) -> str:
    """The mail's HTML, with its picture inside."""
    parts = {part.get_content_type(): part for part in mail.walk() if not part.is_multipart()}
    picture = base64.b64encode(parts["image/png"].get_content()).decode()
    page: str = parts["text/html"].get_content()
    return page.replace("cid:chart", f"data:image/png;base64,{picture}")


def main() -> None:
    """Write all of them."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    spec = EmailSpec(name="mail", to=("oncall@example.org",), sender="callgauge@example.org", host="localhost")
    chart = chart_of(NOTICE)
    mail = mail_of(NOTICE, spec, Routing({"console": ConsoleSpec(name="console")}, ()), chart, T0)
    texts = {
        "slack.json": json.dumps(
            {"text": fallback_of(NOTICE), "blocks": blocks_of(NOTICE, buttons=True)}, indent=2, ensure_ascii=False
        ),
        "pagerduty.json": json.dumps(event_of(NOTICE.items[0], "trigger", "0" * 32), indent=2),
        "webhook.json": json.dumps(webhook_json(NOTICE), indent=2),
        "email.html": page_of(mail),
    }
    for name, text in texts.items():
        (_FOLDER / name).write_text(text)
    (_FOLDER / "chart.png").write_bytes(chart)
    _photograph(_FOLDER / "email.html", _FOLDER / "email.png")
    print(f"{_FOLDER}: {', '.join(sorted(path.name for path in _FOLDER.iterdir()))}")


def _photograph(page: Path, picture: Path) -> None:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        print("no email.png: Chromium is missing (apt-get install chromium)", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory(prefix="callgauge-", ignore_cleanup_errors=True) as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"]
        argv = [program, *options, "--window-size=800,960", f"--screenshot={picture}", page.as_uri()]
        begun = time.time()
        done = subprocess.run(argv, capture_output=True, timeout=120, check=False)
        if not picture.exists() or picture.stat().st_mtime < begun - 1:
            raise RuntimeError(f"Chromium made no picture: {done.stderr.decode(errors='replace')[-500:]}")


if __name__ == "__main__":
    main()
