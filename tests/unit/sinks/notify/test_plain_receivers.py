"""Console, file, Apprise, charts, templates: what they show, and what they never do."""

from __future__ import annotations

import io
import json
import math
import threading
from pathlib import Path
from typing import Any, get_args

import pytest
from matplotlib.figure import Figure
from pydantic import SecretStr
from rich.console import Console

from callgauge.errors import SettingError
from callgauge.schema import Severity
from callgauge_notify.grouping.notice import Item, Notice
from callgauge_notify.receivers.alert_json import annotations_of
from callgauge_notify.receivers.apprise import AppriseReceiver
from callgauge_notify.receivers.chart import Charts, chart_of, courses_of, shares_of
from callgauge_notify.receivers.console import ConsoleReceiver, line_of
from callgauge_notify.receivers.course import draw_course
from callgauge_notify.receivers.file import FileReceiver
from callgauge_notify.receivers.receiver import NotDelivered
from callgauge_notify.receivers.words import headline, rest_of, text_of
from callgauge_notify.routing.receiver_kinds import AppriseSpec, FileSpec
from callgauge_notify.templates import problem_of_template, rendered
from tests.unit.sinks.notify.alerts import T0, alert, notice
from tests.unit.sinks.notify.http_stub import Answer, Stub


def printed(made: Notice) -> str:
    out = io.StringIO()
    ConsoleReceiver(Console(file=out, width=200)).deliver(made)
    return out.getvalue()


def test_an_alert_of_a_detector_says_what_is_usual() -> None:
    """It has no limit, so none is shown, and no bar is drawn against one."""
    odd = alert(op="", threshold=4.0, detector="zscore", baseline=512.0, score=8.1)
    assert "3500 (zscore: 512 is usual)" in line_of(odd).plain
    assert "3500 (novelty)" in line_of(alert(op="", detector="novelty")).plain
    assert annotations_of(Item(odd))["threshold"] == "zscore: 512 is usual"
    assert [share for _, share, _ in shares_of(notice(odd, alert()))] == [1.75]


def test_the_console_says_it_all() -> None:
    """State, severity, rule, labels, value, threshold, since when."""
    out = printed(notice(alert(severity="critical", labels={"model": "gpt-4o"})))
    for part in ("FIRING", "critical", "slow", "model=gpt-4o", "3500", "> 2000", "2023-11-14 22:13:20Z"):
        assert part in out


@pytest.mark.parametrize("severity", get_args(Severity))
def test_the_console_shows_every_severity(severity: Severity) -> None:
    """Each in a style of its own."""
    text = line_of(alert(severity=severity))
    styles = {"info": "bold cyan", "warning": "bold yellow", "error": "bold dark_orange", "critical": "bold red"}
    assert [span.style for span in text.spans if text.plain[span.start : span.end] == f" {severity} "] == [
        styles[severity]
    ]


def test_the_console_shows_what_is_new_and_no_escapes_of_others() -> None:
    """What was told before only when the notice repeats it."""
    known = Item(alert(rule="known"))
    assert "known" not in printed(notice(alert(), known))
    assert "known" in printed(notice(known, repeats=True))
    assert "\x1b" not in printed(notice(alert(summary="\x1b]0;title\x07", labels={"service": "\x1b[31m"})))


def test_the_console_lists_what_a_cause_hides() -> None:
    """By their rules."""
    out = printed(notice(Item(alert(), ("firing",), (alert(rule="errors"), alert(rule="slow_first_token")))))
    assert "hides 2 alerts that it probably causes: errors, slow_first_token" in out


def test_the_file_has_a_line_for_each_alert(tmp_path: Path) -> None:
    """That others can read again."""
    receiver = FileReceiver(FileSpec(name="f", path=str(tmp_path / "alerts.jsonl")))
    receiver.deliver(notice(alert(), Item(alert(rule="known"))))
    receiver.deliver(notice(alert("resolved")))
    lines = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert [(line["news"], line["alert"]["state"]) for line in lines] == [
        (["firing"], "firing"),
        (["resolved"], "resolved"),
    ]
    with pytest.raises(NotDelivered, match="No such file or directory"):
        FileReceiver(FileSpec(name="f", path=str(tmp_path / "no" / "alerts"))).deliver(notice(alert()))


def test_apprise_sends_title_and_text(stub: Stub) -> None:
    """By its JSON service, as an example of all; a failure comes back."""
    receiver = AppriseReceiver(AppriseSpec(name="a", url=SecretStr(f"json://127.0.0.1:{stub.port}/x")))
    receiver.deliver(notice(alert()))
    body = stub.requests[0].json
    assert (body["title"], body["type"]) == ("[FIRING] slow (service=chat)", "warning")
    assert "p95 latency of service=chat" in body["message"]
    stub.answers = [Answer(500)]
    with pytest.raises(NotDelivered):
        receiver.deliver(notice(alert()))
    with pytest.raises(SettingError, match="receiver a: Apprise does not know such a URL") as caught:
        AppriseReceiver(AppriseSpec(name="a", url=SecretStr("hunter2://x")))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (notice(alert()), "[FIRING] slow (service=chat)"),
        (notice(alert(), alert(labels={"service": "b"})), "[FIRING 2] slow"),
        (notice(alert(), alert("resolved", rule="x")), "[FIRING 1, RESOLVED 1] slow, x (service=chat)"),
        (notice(Item(alert()), repeats=True), "[STILL FIRING] slow (service=chat)"),
        (
            notice(*(alert(rule=f"r{n}") for n in range(5)), groups=5),
            "[FIRING 5, 5 groups] r0, r1, r2 and 2 more rules (service=chat)",
        ),
    ],
)  # fmt: skip
def test_the_headline(made: Notice, told: str) -> None:
    """How many, of which rules, what they share."""
    assert headline(made) == told


def test_the_text_says_how_many_more() -> None:
    """Of 5,000 it shows 20."""
    storm = notice(*(alert(labels={"service": f"s{number}"}) for number in range(5_000)))
    assert rest_of(storm) == "and 4,980 more (4,980 firing, 0 resolved)"
    assert text_of(storm).count("FIRING") == 20


def test_the_text_of_what_was_over_at_once() -> None:
    """It says so."""
    made = notice(Item(alert("resolved"), ("firing", "resolved")))
    assert "until 2023-11-14 22:18:20Z (over before it could be told)" in text_of(made)


def test_a_chart_is_a_png() -> None:
    """Names with formula signs and of other scripts are drawn as they are; nothing to draw is no picture."""
    assert chart_of(notice(alert(labels={"service": "$x^2$ ünï"}), alert("resolved"))).startswith(b"\x89PNG\r\n")
    assert chart_of(notice(alert(value=None))) == b""
    assert [(name, share) for name, share, _ in shares_of(notice(alert()))] == [("slow chat", 1.75)]


def minutes(*values: float | None) -> list[list[float]]:
    return [[T0 - 60.0 * (len(values) - place), value] for place, value in enumerate(values, 1) if value is not None]


def test_the_course_is_drawn_where_it_is_known() -> None:
    """Of at most four alerts, the first ones of the notice; of the others a bar. One value makes no line."""
    known = [alert(labels={"service": f"s{n}"}, points=minutes(1_000.0, None, 3_500.0)) for n in range(6)]
    one = alert(labels={"service": "one"}, points=minutes(None, 3_500.0))
    made = notice(*known[:5], one)
    assert courses_of(made) == known[:4]
    assert [each.labels["service"] for _, _, each in shares_of(made)] == ["s4", "one"]
    assert chart_of(made).startswith(b"\x89PNG\r\n")
    assert chart_of(notice(known[0])) != chart_of(notice(alert(labels={"service": "s0"})))


def test_a_course_holds_value_threshold_and_since_when_it_fires() -> None:
    """Gaps are gaps; the last window is marked; what is over is green."""
    axes: Any = Figure().add_subplot()
    draw_course(axes, alert("resolved", points=minutes(1_000.0, 900.0, None, 3_500.0), fired_at=T0 - 60))
    line, last, limit = axes.get_lines()
    assert [math.isnan(value) for value in line.get_ydata()] == [False, False, True, False]
    assert list(last.get_ydata()) == [3_500.0]
    assert last.get_color() == "#2e8b57"
    assert set(limit.get_ydata()) == {2_000.0}
    assert [text.get_text() for text in axes.texts] == ["threshold 2,000"]
    assert len(axes.patches) == 1


def test_a_late_chart_is_left_out() -> None:
    """The message does not wait for it."""
    over = threading.Event()

    def slow(notice: Notice) -> bytes:
        over.wait(30)
        return b"late"

    charts = Charts(within_s=0.05, draw=slow)
    try:
        assert charts.of(notice(alert())) == b""
    finally:
        over.set()


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ first.__init__.__globals__ }}",
        "{% for x in range(999999999) %}x{% endfor %}",
    ],
)  # fmt: skip
def test_a_template_stays_in_its_sandbox(source: str) -> None:
    """Ours is sent instead, with a line that says so."""
    told = rendered(source, {"first": alert()}, "ours")
    assert told.startswith("ours\n(the template of this receiver failed: ")


def test_templates_have_times_and_labels() -> None:
    """As filters. What is too long is cut."""
    made = rendered("{{ first.starts_at|time }} {{ first.labels|labels }}", {"first": alert(starts_at=T0)}, "")
    assert made == "2023-11-14 22:13:20Z service=chat"
    assert len(rendered("{% for x in range(9000) %}ab{% endfor %}", {}, "")) == 10_000
    assert problem_of_template("{{ x") != ""
