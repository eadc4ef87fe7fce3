"""Errors as problem details (RFC 9457): one JSON object with type, title, status, detail and instance."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from callgauge.errors import BrokerError, QuestionError, StoreError
from callgauge.printable import printable
from callgauge_actions.asked import NotPossible
from callgauge_actions.desk import NotReadYet
from callgauge_history.store import StoreUnavailable

__all__ = ["MEDIA_TYPE", "FieldFault", "Problem", "ProblemError", "answer_problems", "problem_response"]

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
#: After so many seconds the same request may succeed, when the store or the bus did not answer.
_LATER_S = 2.0
_MOST_FAULTS = 20


class FieldFault(BaseModel):
    """What is wrong with one parameter or field."""

    where: str = Field(description="The parameter, or the path of the field in the body.")
    why: str


class Problem(BaseModel):
    """A problem, as RFC 9457 has it."""

    type: str = Field(default="about:blank", description="about:blank: the status says what kind of problem it is.")
    title: str = Field(description="The status in words.")
    status: int
    detail: str = Field(description="What is wrong, and what to do.")
    instance: str = Field(default="", description="The path that was asked.")
    errors: list[FieldFault] = Field(default=[], description="What is wrong with which field.")


class ProblemError(Exception):
    """Is answered as a problem.

    Args:
        status: of HTTP.
        detail: what is wrong, and what to do.
        retry_after_s: when the same request may succeed.
    """

    def __init__(
        self, status: int, detail: str, *, retry_after_s: float | None = None, errors: Sequence[FieldFault] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = {} if retry_after_s is None else {"Retry-After": str(max(1, math.ceil(retry_after_s)))}
        if status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"


def problem_response(error: ProblemError, path: str) -> JSONResponse:
    """The answer."""
    problem = Problem(
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        detail=printable(error.detail),
        instance=path,
        errors=list(error.errors),
    )
    return JSONResponse(problem.model_dump(), error.status, error.headers, media_type=MEDIA_TYPE)


def answer_problems(app: FastAPI) -> None:
    """Have everything that is raised answered as a problem."""

    def answer(request: Request, error: Exception) -> JSONResponse:
        return problem_response(_problem_of(error, request), request.url.path)

    kinds = (
        *(ProblemError, RequestValidationError, HTTPException, NotPossible, NotReadYet, QuestionError),
        *(StoreError, BrokerError, Exception),
    )
    for kind in kinds:
        app.add_exception_handler(kind, answer)


def _problem_of(error: Exception, request: Request) -> ProblemError:
    match error:
        case ProblemError():
            return error
        case RequestValidationError():
            faults = [_fault(each) for each in error.errors()[:_MOST_FAULTS]]
            return ProblemError(422, "; ".join(f"{fault.where}: {fault.why}" for fault in faults), errors=faults)
        case HTTPException():
            return _of_starlette(error, request)
        case NotPossible():
            return ProblemError(409, str(error))
        case StoreUnavailable():
            return ProblemError(503, f"the history cannot be asked now: {error}", retry_after_s=_LATER_S)
        case QuestionError():
            return ProblemError(422, str(error))
        case NotReadYet():
            return ProblemError(503, f"the alerts cannot be read now: {error}", retry_after_s=_LATER_S)
        case BrokerError():
            return ProblemError(503, str(error), retry_after_s=_LATER_S)
    log.error("%s %s failed", request.method, printable(request.url.path), exc_info=error)
    return ProblemError(500, "this is a defect of callgauge; its log says more")


def _of_starlette(error: HTTPException, request: Request) -> ProblemError:
    if error.status_code == 404:
        return ProblemError(404, f"there is nothing at {request.url.path}; /openapi.json lists what there is")
    problem = ProblemError(error.status_code, str(error.detail))
    problem.headers |= dict(error.headers or {})
    return problem


def _fault(found: Mapping[str, Any]) -> FieldFault:
    """Where it is, without the word that says whether that is the query or the body."""
    place = [str(part) for part in found["loc"]]
    where = ".".join(place[1:] or place)
    return FieldFault(
        where=printable(where)[:200], why=printable(str(found["msg"])).removeprefix("Value error, ")[:300]
    )
