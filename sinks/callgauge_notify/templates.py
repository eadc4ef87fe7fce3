"""Texts of messages: Jinja2 templates in a sandbox, which see a notice and nothing else.

A template has `notice` (see `callgauge_notify.grouping.notice`), `alerts`, `firing`, `resolved`, `first`, `owner` and
the filters `time` (epoch seconds to UTC) and `labels`. What a template makes is cut to 10,000 characters. A template
that fails on an alert does not hold the message back: ours is sent instead, with a line that says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

__all__ = ["problem_of_template", "rendered", "utc"]

_MOST = 10_000


def utc(epoch_s: float) -> str:
    """ "2023-11-14 22:13:20Z"."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _labels(labels: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(labels.items()))


@cache
def _environment(html: bool) -> ImmutableSandboxedEnvironment:
    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=html, trim_blocks=True)
    made.filters |= {"time": utc, "labels": _labels}
    return made


@cache
def _template(source: str, html: bool) -> Template:
    return _environment(html).from_string(source)


def problem_of_template(source: str) -> str:
    """What is wrong with a template; "" if nothing is."""
    try:
        _template(source, False)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        return f"is no Jinja2 template: {error}" + (f" (its line {line})" if line else "")
    return ""


def rendered(source: str, values: Mapping[str, Any], otherwise: str, *, html: bool = False) -> str:
    """The text that a template makes.

    Args:
        otherwise: what to return if there is no template, or if it fails.
    """
    if not source:
        return otherwise
    try:
        parts: list[str] = []
        size = 0
        for part in _template(source, html).generate(**values):
            parts.append(part)
            size += len(part)
            if size > _MOST:
                break
        return "".join(parts)[:_MOST]
    except Exception as error:  # a template may fail in any way, and the alert must arrive
        return f"{otherwise}\n(the template of this receiver failed: {type(error).__name__})"
