"""Asks the store from the command line: a server, a running local stack, or a folder that no process has open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from callgauge.errors import StoreError
from callgauge.settings import Settings
from callgauge_history.migrate import migrate
from callgauge_history.sql import refusal_of
from callgauge_history.store import Ask, Parameters, QueryResult, Store, is_embedded, open_store

__all__ = ["ask_process", "asking", "have_done", "run_query", "writing"]

#: Files in which the process that holds an embedded store tells how it is reached.
_TOLD_BY = ("stack.json", "api.json")


def run_query(settings: Settings, sql: str) -> QueryResult:
    """Run one statement that reads.

    Raises:
        StoreError: the statement is wrong or does not only read, or nobody answers.
    """
    with asking(settings) as ask:
        return ask(sql)


@contextmanager
def asking(settings: Settings) -> Iterator[Ask]:
    """Give a function that runs one statement that reads. The store is opened when it is first needed.

    Raises:
        StoreError: a statement is wrong or does not only read, or nobody answers.
    """
    dsn = settings.store_dsn
    with ExitStack() as stack:

        @cache
        def store() -> Store:
            if is_embedded(dsn) and not Path(dsn.removeprefix("chdb://")).is_dir():
                raise StoreError(
                    f"there is no store at {dsn} yet: start the stack (callgauge up) or set CALLGAUGE_STORE"
                )
            opened = open_store(dsn)
            stack.callback(opened.close)
            if is_embedded(dsn):
                migrate(opened)
            return opened

        def ask(sql: str, parameters: Parameters | None = None) -> QueryResult:
            if (refusal := refusal_of(sql)) is not None:
                raise StoreError(refusal)
            for name in _TOLD_BY if is_embedded(dsn) else ():
                if (result := ask_process(settings.data_dir / name, sql, parameters)) is not None:
                    return result
            return store().query(sql, parameters)

        yield ask


@contextmanager
def writing(settings: Settings) -> Iterator[Store]:
    """Give the store itself, for what changes it. An embedded one must not be open in another process.

    Raises:
        StoreError: nobody answers, or another process holds it.
    """
    dsn = settings.store_dsn
    held = [name for name in _TOLD_BY if (settings.data_dir / name).exists()]
    if is_embedded(dsn) and held and ask_process(settings.data_dir / held[0], "SELECT 1") is not None:
        raise StoreError(f"the local stack holds the store at {dsn}, so nobody else can write there: end it first")
    opened = open_store(dsn)
    try:
        migrate(opened, settings.store_cluster)
        yield opened
    finally:
        opened.close()


def ask_process(stack_file: Path, sql: str, parameters: Parameters | None = None) -> QueryResult | None:
    """The answer of the process that holds an embedded store; None when there is no such process.

    Args:
        stack_file: where that process has written its address.

    Raises:
        StoreError: the statement is wrong, or the answer is none.
    """
    body = _post(stack_file, "/v1/query", {"sql": sql, "parameters": dict(parameters or {})}, 90.0)
    return None if body is None else QueryResult(body["columns"], body["rows"], body.get("types", []))


def have_done(settings: Settings, path: str, what: Mapping[str, Any]) -> dict[str, Any] | None:
    """Have the process that holds an embedded store change something there, and wait for its answer, however long that
    takes; None when there is no such process, or the store is a server: then whoever asks can do it by `writing`.

    Args:
        path: of the console's API, such as /v1/erasures.

    Raises:
        StoreError: it was refused.
    """
    for name in _TOLD_BY if is_embedded(settings.store_dsn) else ():
        if (answer := _post(settings.data_dir / name, path, what, None)) is not None:
            return answer
    return None


def _post(stack_file: Path, path: str, what: Mapping[str, Any], timeout_s: float | None) -> dict[str, Any] | None:
    try:
        stack = json.loads(stack_file.read_text())
        url, token = stack["api_url"], stack["api_token"]
    except (FileNotFoundError, KeyError):
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {stack_file}: {error}; remove it if no stack is running") from error
    try:
        # Plain HTTP to this machine: no proxy of the environment, and no certificates, which take long to load.
        with httpx.Client(verify=False, trust_env=False, timeout=httpx.Timeout(timeout_s, connect=10)) as client:  # noqa: S501
            asked = client.post(f"{url}{path}", json=dict(what), headers={"Authorization": f"Bearer {token}"})
        body: dict[str, Any] = asked.json()
    except httpx.ConnectError:
        return None
    except (httpx.HTTPError, ValueError) as error:
        raise StoreError(f"the stack at {url} does not answer as it should: {error}") from error
    if asked.status_code != 200:
        raise StoreError(body.get("detail", f"HTTP {asked.status_code}"))
    return body
