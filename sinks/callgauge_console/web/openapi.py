"""The OpenAPI document says which problems a path answers, and in which form."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from callgauge_console.web.problems import MEDIA_TYPE, Problem

__all__ = ["with_problems"]

_READS = {400: "Wrong request.", 401: "No key, or a wrong one.", 403: "Not allowed.", 422: "Wrong parameters."}
_ALSO = {404: "There is none.", 429: "Too many requests; see Retry-After.", 503: "Ask again; see Retry-After."}
_WRITES = {408: "The body did not come.", 409: "Not possible now.", 413: "Too large.", 415: "No JSON."}


def with_problems(app: FastAPI) -> None:
    """Have `app.openapi()` name the problems that the guard and the handlers answer."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            _complete(made)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI's documentation has it


def _complete(made: dict[str, Any]) -> None:
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    whole = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= whole.pop("$defs", {}) | {"Problem": whole}
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            responses.pop("422", None)
            if not path.startswith("/v1/"):
                continue
            for status, text in (_READS | _ALSO | (_WRITES if method != "get" else {})).items():
                responses.setdefault(str(status), {"description": text, "content": content})
