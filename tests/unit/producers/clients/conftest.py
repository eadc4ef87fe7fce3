"""A provider of our own, and clients of the real libraries that call it; sync and async by turns."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from anthropic import Anthropic, AsyncAnthropic
from openai import AsyncOpenAI, OpenAI

from callgauge import Call, Gauge, instrument, load_settings
from callgauge.testing import MemoryTransport
from tests.llm_stub import Stub, stub_server


class Measured:
    """A gauge that keeps what it emits."""

    def __init__(self) -> None:
        self._transport = MemoryTransport()
        self.gauge = Gauge(load_settings(service="search"), transport=self._transport)

    @property
    def calls(self) -> list[Call]:
        """All calls emitted so far."""
        assert self.gauge.flush(10) == 0
        return self._transport.calls

    @property
    def call(self) -> Call:
        """The one call that was emitted."""
        (call,) = self.calls
        return call


@pytest.fixture(scope="session")
def server() -> Iterator[Stub]:
    """One server for all tests of a run."""
    with stub_server() as stub:
        yield stub


@pytest.fixture
def stub(server: Stub) -> Iterator[Stub]:
    """The server; whatever it holds back, it lets go of at the end of the test."""
    yield server
    server.go_on.set()


@pytest.fixture
def measured() -> Iterator[Measured]:
    found = Measured()
    yield found
    found.gauge.close(0.1)


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    """Which of the two kinds of client."""
    return str(request.param)


@pytest.fixture
def openai(mode: str, stub: Stub, measured: Measured) -> Any:
    """An instrumented client of OpenAI that does not try again."""
    kind: Any = OpenAI if mode == "sync" else AsyncOpenAI
    client = kind(base_url=f"{stub.url}/v1", api_key="none", max_retries=0)
    return instrument(client, gauge=measured.gauge, feature="answers")


@pytest.fixture
def anthropic(mode: str, stub: Stub, measured: Measured) -> Any:
    """An instrumented client of Anthropic that does not try again."""
    kind: Any = Anthropic if mode == "sync" else AsyncAnthropic
    return instrument(kind(base_url=stub.url, api_key="none", max_retries=0), gauge=measured.gauge)


@pytest.fixture(params=["openai", "anthropic"])
def client(request: pytest.FixtureRequest, openai: Any, anthropic: Any) -> Any:
    """Each of the two."""
    return openai if request.param == "openai" else anthropic


def is_openai(client: Any) -> bool:
    return hasattr(client, "chat")


async def ask(client: Any, **more: Any) -> Any:
    """Have a client ask for a completion or a message."""
    asked: Any = {"messages": [{"role": "user", "content": "the secret word is xyzzy"}], **more}
    if is_openai(client):
        return await got(client.chat.completions.create(model="gpt-4o", **asked))
    return await got(client.messages.create(model="claude-sonnet-4-6", max_tokens=9, **asked))


def run(test: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a test that uses either kind of client."""
    return _runner.run(test())


#: One loop for all: an async client lives in the loop that it was first used in.
_runner = asyncio.Runner()


async def got(result: Any) -> Any:
    """The result of a client's method, of either kind."""
    return await result if inspect.isawaitable(result) else result


async def each(stream: Any) -> AsyncIterator[Any]:
    """The items of a stream of either kind."""
    if hasattr(stream, "__aiter__"):
        async for item in stream:
            yield item
    else:
        for item in stream:
            yield item


async def all_of(stream: Any) -> list[Any]:
    return [item async for item in each(await got(stream))]


async def outcome(do: Callable[[], Any]) -> Any:
    """What a method of a client gives, or the exception that it raises."""
    try:
        return await got(do())
    except Exception as error:
        return error


@asynccontextmanager
async def opened(manager: Any) -> AsyncIterator[Any]:
    """`with` or `async with`."""
    if hasattr(manager, "__aenter__"):
        async with manager as inside:
            yield inside
    else:
        with manager as inside:
            yield inside
