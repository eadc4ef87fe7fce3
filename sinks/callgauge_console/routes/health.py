"""GET /health/live and /health/ready: for supervisors and load balancers; they need no key."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from callgauge.errors import StoreError
from callgauge_actions.desk import NotReadYet
from callgauge_console.parts import Given

__all__ = ["router"]

router = APIRouter(prefix="/health", tags=["health"])


class Live(BaseModel):
    """The process runs."""

    status: str = "live"


class Ready(BaseModel):
    """Whether requests can be answered."""

    ready: bool
    reasons: list[str] = Field(description="Why not; empty if it is ready.")


@router.get("/live")
def live() -> Live:
    """Whether the process runs."""
    return Live()


@router.get("/ready", responses={503: {"model": Ready, "description": "Not ready, and why."}})
def ready(parts: Given, response: Response) -> Ready:
    """Whether the history and the alerts can be asked."""
    reasons = []
    try:
        parts.store.query("SELECT 1")
    except StoreError as error:
        reasons.append(f"history: {error}")
    try:
        parts.desk()
    except NotReadYet as error:
        reasons.append(f"alerts: {error}")
    if reasons:
        response.status_code = 503
    return Ready(ready=not reasons, reasons=reasons)
