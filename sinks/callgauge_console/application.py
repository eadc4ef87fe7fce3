"""Puts the application together: routes, errors, guard, page."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp

from callgauge.rates import Rates
from callgauge_console.parts import Parts
from callgauge_console.routes import (
    alerts,
    budgets,
    calls,
    completeness,
    corrections,
    experiments,
    health,
    judgements,
    me,
    pipeline,
    prometheus,
    quality,
    query,
    rule_values,
    rules,
    silences,
    traffic,
    usage,
)
from callgauge_console.web.access import Access
from callgauge_console.web.guard import Guard
from callgauge_console.web.openapi import with_problems
from callgauge_console.web.page import mount_page
from callgauge_console.web.problems import answer_problems
from callgauge_console.web.request_metrics import RequestMetrics

__all__ = ["make_api", "make_app"]

STATIC = Path(__file__).parent / "static"
_ROUTES = (
    *(me, traffic, usage, calls, quality, budgets, experiments, alerts, silences, judgements),
    *(completeness, pipeline, rules, rule_values, query, corrections, health, prometheus),
)


def make_api(parts: Parts) -> FastAPI:
    """The routes and the page, without the guard: the OpenAPI document is made of this."""
    app = FastAPI(
        title="callgauge console",
        version=importlib.metadata.version("callgauge"),
        description="What your LLM calls do: series, alerts, traces. Times are epoch seconds, event time, UTC.",
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.parts = parts
    answer_problems(app)
    for module in _ROUTES:
        app.include_router(module.router)
    with_problems(app)
    mount_page(app, STATIC)
    return app


def make_app(parts: Parts, access: Access) -> ASGIApp:
    """The whole application."""
    settings = parts.settings
    rates = Rates(settings.console_requests_per_s)
    metrics = RequestMetrics(parts.registry)
    return Guard(make_api(parts), access, rates, settings.console_body_bytes, metrics)
