"""What a message says of a notice, as plain text: a headline and a few lines for each alert."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from callgauge.printable import printable
from callgauge.schema import Alert, AlertAction
from callgauge_notify.grouping.notice import Item, News, Notice
from callgauge_notify.routing.owners import UNKNOWN, Owner
from callgauge_notify.templates import utc

__all__ = [
    "MOST_SHOWN",
    "cut",
    "headline",
    "limit_of",
    "lines_of",
    "one_line",
    "rest_of",
    "shown_items",
    "state_of",
    "template_values",
    "text_of",
]

#: A message shows so many alerts, and says how many more there are.
MOST_SHOWN = 20


def cut(text: str, most: int) -> str:
    """The text with at most so many characters; "…" ends one that was cut."""
    return text if len(text) <= most else text[: most - 1] + "…"


def limit_of(alert: Alert) -> str:
    """What the value was judged by: "gt 2000", or the detector and what it expected, "zscore: 512 is usual"."""
    if alert.op:
        return f"{alert.op} {alert.threshold:.6g}"
    return alert.detector if alert.baseline is None else f"{alert.detector}: {alert.baseline:.6g} is usual"


def one_line(text: str) -> str:
    """The text in one line, without control characters."""
    return printable(" ".join(text.split()))


def headline(notice: Notice) -> str:
    """ "[FIRING 2, RESOLVED 1] slow (service=chat)": how many, of which rules, what they share."""
    words = Counter(state_of(item) for item in notice.items)
    counts = [(word.upper(), words[word]) for word in ("firing", "acknowledged", "resolved") if words[word]]
    again = "STILL " if notice.repeats else ""
    told = ", ".join(word if n == 1 and len(counts) == 1 else f"{word} {n}" for word, n in counts)
    rules = sorted({item.alert.rule for item in notice.items})
    what = ", ".join(rules[:3]) + (f" and {len(rules) - 3} more rules" if len(rules) > 3 else "")
    shared = " ".join(f"{name}={value}" for name, value in _shared(notice).items())
    storm = f", {notice.groups} groups" if notice.groups > 1 else ""
    return one_line(f"[{again}{told}{storm}] {what}" + (f" ({shared})" if shared else ""))


def state_of(item: Item) -> News:
    """What a message says that the alert is."""
    if item.alert.state == "resolved":
        return "resolved"
    return "firing" if item.acknowledged is None else "acknowledged"


def _shared(notice: Notice) -> dict[str, str]:
    """The labels that all alerts have alike."""
    first = notice.items[0].alert.labels
    return {
        name: value
        for name, value in sorted(first.items())
        if all(item.alert.labels.get(name) == value for item in notice.items)
    }


def shown_items(notice: Notice, most: int = MOST_SHOWN) -> tuple[Item, ...]:
    """The alerts that a message shows; what is new comes first."""
    return notice.items[:most]


def rest_of(notice: Notice, most: int = MOST_SHOWN) -> str:
    """ "and 4,980 more (4,900 firing, 80 resolved)"; "" if all are shown."""
    rest = notice.items[most:]
    if not rest:
        return ""
    firing = sum(1 for item in rest if item.alert.state == "firing")
    return f"and {len(rest):,} more ({firing:,} firing, {len(rest) - firing:,} resolved)"


def lines_of(item: Item) -> list[str]:
    """What happened, why, since when, and what it hides."""
    alert = item.alert
    told = [printable(alert.summary)]
    if alert.reason:
        told.append(printable(alert.reason))
    if item.processes:
        told.append(printable(item.processes))
    if item.acknowledged is not None and alert.state != "resolved":
        told.append(_acknowledged(item.acknowledged))
    told.append(_when(alert, item))
    if alert.runbook:
        told.append(f"runbook: {printable(alert.runbook)}")
    if item.hides:
        names = [one_line(f"{each.rule} {_labels(each)}".strip()) for each in item.hides[:10]]
        more = f" and {len(item.hides) - 10} more" if len(item.hides) > 10 else ""
        told.append(f"hides {len(item.hides)} alerts that it probably causes: {'; '.join(names)}{more}")
    return told


def _acknowledged(by: AlertAction) -> str:
    return one_line(f"acknowledged by {by.who} at {utc(by.at)}" + (f": {by.why}" if by.why else ""))


def _when(alert: Alert, item: Item) -> str:
    told = f"since {utc(alert.starts_at)}"
    if alert.ends_at is not None:
        told += f" until {utc(alert.ends_at)}"
        if item.news == ("firing", "resolved"):
            told += " (over before it could be told)"
    return told + (f", largest: call {printable(alert.event_id)}" if alert.event_id else "")


def _labels(alert: Alert) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))


def text_of(notice: Notice, most: int = MOST_SHOWN) -> str:
    """The whole message."""
    blocks = []
    for item in shown_items(notice, most):
        head = f"{state_of(item).upper()} {item.alert.severity} {one_line(item.alert.rule)} {_labels(item.alert)}"
        blocks.append("\n".join([one_line(head), *(f"    {line}" for line in lines_of(item))]))
    return "\n".join(filter(None, [*blocks, rest_of(notice, most)]))


def template_values(notice: Notice, owner: Owner = UNKNOWN) -> Mapping[str, Any]:
    """What a template sees."""
    return {
        "notice": notice,
        "alerts": [item.alert for item in notice.items],
        "firing": [item.alert for item in notice.firing],
        "resolved": [item.alert for item in notice.resolved],
        "first": notice.items[0].alert,
        "owner": owner,
    }
