"""An alert storm: when many groups wait for one receiver, it is told of all of them in one notice.

The notice says how many groups and alerts there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from callgauge_notify.grouping.notice import Notice

__all__ = ["MANY", "together"]

#: So many notices that wait are told one by one; more are told together.
MANY = 10


def together(notices: Sequence[Notice]) -> Notice:
    """One notice with everything that is new in these, and what else they hold."""
    items = [item for notice in notices for item in notice.items]
    items.sort(key=lambda item: (not item.news, item.alert.state != "firing", item.alert.starts_at))
    repeats = all(notice.repeats for notice in notices)
    return replace(notices[0], group=(), items=tuple(items), repeats=repeats, groups=sum(n.groups for n in notices))
