"""Serves the page: one HTML file for all its addresses, and the files that it loads."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

__all__ = ["PAGES", "mount_page"]

#: The first part of the page's addresses. All get the same file, which shows what the address says.
PAGES = (
    *("", "services", "models", "features", "users", "service", "model", "feature", "user", "calls", "trace"),
    *("quality", "alerts", "alert", "pipeline", "rules", "budgets", "experiments"),
)


class _Files(StaticFiles):
    """Browsers ask each time whether a file has changed: after an upgrade nobody sees half of the old page."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


def mount_page(app: FastAPI, folder: Path) -> None:
    """Add the page's routes."""

    def page() -> FileResponse:
        return FileResponse(folder / "index.html", headers={"Cache-Control": "no-cache"})

    for name in PAGES:
        app.add_api_route(f"/{name}", page, methods=["GET"], include_in_schema=False)
    for name in ("service", "model", "feature", "user", "users", "trace", "alert"):
        app.add_api_route(f"/{name}/{{rest:path}}", page, methods=["GET"], include_in_schema=False)
    app.mount("/static", _Files(directory=folder), name="static")
