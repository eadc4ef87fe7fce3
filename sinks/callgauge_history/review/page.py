"""A review as one HTML file, its plots inside: it can be mailed and opened anywhere. Pure."""

from __future__ import annotations

from base64 import b64encode
from html import escape

from callgauge.printable import printable
from callgauge_history.review.facts import Facts
from callgauge_history.review.sections import sections_of

__all__ = ["page_of"]

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "h1{font-size:1.4rem}h2{font-size:1.05rem;margin-bottom:.2rem}ul{margin-top:.2rem}img{max-width:100%}.no{color:#777}"
)


def page_of(facts: Facts, plots: bytes) -> str:
    """The page.

    Args:
        plots: a PNG; b"": none.
    """
    title = f"callgauge: week {escape(facts.week.name)}"
    parts = [f"<h1>{title}</h1>"]
    if plots:
        picture = b64encode(plots).decode()
        parts.append(
            f'<img alt="Calls, cost, error rate and latency by the hour" src="data:image/png;base64,{picture}">'
        )
    for section in sections_of(facts):
        items = "".join(f"<li>{escape(printable(line))}</li>" for line in section.lines)
        body = f"<ul>{items}</ul>" if items else f'<p class="no">{escape(section.nothing)}</p>'
        parts.append(f"<h2>{escape(section.title)}</h2>{body}")
    head = f'<meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'
