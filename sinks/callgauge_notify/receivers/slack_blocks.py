"""A notice as Slack's blocks, within Slack's limits: 50 blocks, 3,000 characters a section, 150 a header.

With `buttons` each alert that fires has some; `callgauge_notify.two_way.slack` takes what they send.

Texts of others are escaped: `<!channel>` in a label calls nobody.
"""

from __future__ import annotations

from typing import Any

from callgauge_notify.grouping.notice import Item, Notice
from callgauge_notify.receivers.words import cut, headline, lines_of, one_line, rest_of, shown_items, state_of
from callgauge_notify.routing.owners import UNKNOWN, Owner

__all__ = ["BUTTONS", "blocks_of", "escaped", "fallback_of"]

_HEADER, _SECTION, _FALLBACK, _BLOCK_ID = 150, 3_000, 3_000, 255
_MOST_ITEMS, _MOST_WITH_BUTTONS = 40, 20
#: action_id of a button -> what stands on it. Its value is the alert's alert_id.
BUTTONS = {"acknowledge": "Acknowledge", "resolve": "Resolve", "silence_1h": "Silence 1 h"}
_SIGNS = {"critical": "🔴", "error": "🟠", "warning": "🟡", "info": "🔵"}


def escaped(text: str) -> str:
    """The text with Slack's three control characters escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fallback_of(notice: Notice) -> str:
    """What a notification on a phone shows."""
    return cut(escaped(headline(notice)), _FALLBACK)


def blocks_of(
    notice: Notice, title: str = "", text: str = "", owner: Owner = UNKNOWN, *, buttons: bool = False
) -> list[dict[str, Any]]:
    """The blocks of a message.

    Args:
        title, text: of the receiver's own templates; empty: ours.
    """
    header = {"type": "plain_text", "text": cut(one_line(title or headline(notice)), _HEADER), "emoji": True}
    blocks: list[dict[str, Any]] = [{"type": "header", "text": header}]
    most = _MOST_WITH_BUTTONS if buttons else _MOST_ITEMS
    if text:
        blocks.append(_section(escaped(text)))
    for item in shown_items(notice, most):
        if not text:
            blocks.append(_section(_words(item)))
        if buttons and item.alert.state == "firing":
            blocks.append(_buttons(item))
    if not text and (rest := rest_of(notice, most)):
        blocks.append(_section(f"_{rest}_"))
    context = f"callgauge, route {notice.route}" + (f", owner {owner.team}" if owner.team else "")
    blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": escaped(context)}]})
    return blocks


def _words(item: Item) -> str:
    alert = item.alert
    state = state_of(item)
    sign = {"resolved": "✅", "acknowledged": "👀"}.get(state, _SIGNS[alert.severity])
    labels = " ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
    head = f"{sign} *{escaped(one_line(alert.rule))}* {state} ({alert.severity})  {escaped(one_line(labels))}"
    return "\n".join([head, *(escaped(line) for line in lines_of(item))])


def _buttons(item: Item) -> dict[str, Any]:
    wanted = [name for name in BUTTONS if name != "acknowledge" or item.acknowledged is None]
    return {
        "type": "actions",
        "block_id": f"callgauge {item.alert.alert_id}"[:_BLOCK_ID],
        "elements": [
            {
                "type": "button",
                "action_id": name,
                "text": {"type": "plain_text", "text": BUTTONS[name]},
                "value": item.alert.alert_id,
            }
            | ({"style": "primary"} if name == "acknowledge" else {})
            for name in wanted
        ],
    }


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut_escaped(text)}}


def _cut_escaped(text: str) -> str:
    """Cut so that no escape is cut in two, which Slack would show as it is."""
    if len(text) <= _SECTION:
        return text
    kept = text[: _SECTION - 1]
    ampersand = kept.rfind("&", -5)
    if ampersand >= 0 and ";" not in kept[ampersand:]:
        kept = kept[:ampersand]
    return kept + "…"
