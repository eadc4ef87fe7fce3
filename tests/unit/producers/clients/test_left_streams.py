"""Streams that their readers leave: closed, forgotten, closed by somebody else."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

import pytest

from callgauge import Call
from tests.forked import Child
from tests.llm_answers import CHAT_CHUNKS, MESSAGE_EVENTS, anthropic_stream, openai_stream
from tests.llm_stub import Answer, Stub
from tests.unit.producers.clients.conftest import Measured, ask, each, got, is_openai, run

ABANDONED = {"status": "cancelled", "error_type": None, "finish_reason": "abandoned", "stream": True}


def told(call: Call) -> dict[str, Any]:
    return {name: getattr(call, name) for name in ABANDONED}


def stream_for(client: Any, **more: Any) -> Answer:
    return openai_stream(CHAT_CHUNKS, **more) if is_openai(client) else anthropic_stream(MESSAGE_EVENTS, **more)


async def first_of(stream: Any) -> Any:
    return await stream.__anext__() if hasattr(stream, "__anext__") else next(stream)


@pytest.mark.parametrize("how", ["close", "with", "response"])
def test_closed(client: Any, stub: Stub, measured: Measured, how: str) -> None:
    """By its own method, by `with`, or by its response: at once, and only once."""
    stub.answers(stream_for(client))

    async def test() -> None:
        stream = await ask(client, stream=True)
        await first_of(stream)
        if how == "with" and hasattr(stream, "__aexit__"):
            await stream.__aexit__(None, None, None)
        elif how == "with":
            stream.__exit__(None, None, None)
        elif how == "close":
            await got(stream.close())
        else:
            response = stream.response
            await (response.aclose() if hasattr(client, "__aenter__") else got(response.close()))
        assert told(measured.call) == ABANDONED
        await got(stream.close())

    run(test)
    assert len(measured.calls) == 1


@pytest.mark.parametrize("read", [0, 1])
def test_forgotten(client: Any, stub: Stub, measured: Measured, read: int) -> None:
    """A stream that is garbage was abandoned, whether or not any of it was read."""
    stub.answers(stream_for(client))

    async def test() -> None:
        stream = await ask(client, stream=True)
        for _ in range(read):
            await first_of(stream)
        assert measured.calls == []
        del stream
        gc.collect()
        await asyncio.sleep(0)

    run(test)
    gc.collect()
    assert told(measured.call) == ABANDONED


def test_a_forgotten_stream_is_freed_as_soon_as_without_us(
    anthropic: Any, mode: str, stub: Stub, measured: Measured
) -> None:
    """Anthropic's streams need no garbage collector, and still do not."""
    stub.answers(anthropic_stream(MESSAGE_EVENTS))
    gc.disable()
    try:

        async def test() -> None:
            stream = await ask(anthropic, stream=True)
            await first_of(stream)
            del stream

        run(test)
        assert told(measured.call) == ABANDONED
    finally:
        gc.enable()


@pytest.mark.parametrize("mode", ["sync"], indirect=True)
def test_latency_of_an_abandoned_stream_ends_with_its_last_chunk(
    client: Any, stub: Stub, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much later it is closed."""
    now = [100.0]
    monkeypatch.setattr(measured.gauge, "_timer", lambda: now[0])
    stub.answers(stream_for(client))
    stream = run(lambda: ask(client, stream=True))
    now[0] += 0.25
    next(stream)
    now[0] += 3_600
    stream.close()
    assert measured.call.latency_ms == pytest.approx(250)


@pytest.mark.parametrize("mode", ["sync"], indirect=True)
def test_closed_by_another_thread(client: Any, stub: Stub, measured: Measured) -> None:
    """While the reader waits for a chunk: the caller has stopped, whatever error the reader then sees."""
    stub.answers(stream_for(client, waits_after=3 if is_openai(client) else 4))
    stream = run(lambda: ask(client, stream=True))
    waiting = threading.Event()

    def read() -> None:
        with suppress(Exception):  # what the library makes of it differs
            for number, _ in enumerate(stream, start=1):
                if number == 3:
                    waiting.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert waiting.wait(60)
    stream.close()
    stub.go_on.set()
    reader.join(60)
    assert told(measured.call) == ABANDONED


def test_read_on_after_a_break(client: Any, stub: Stub, measured: Measured) -> None:
    """Who leaves a loop and comes back to the stream has not abandoned it."""
    stub.answers(stream_for(client))

    async def test() -> None:
        stream = await ask(client, stream=True)
        if hasattr(stream, "__anext__"):
            await stream.__anext__()
        else:
            for _ in stream:
                break
        assert [item async for item in each(stream)]

    run(test)
    assert (measured.call.status, measured.call.finish_reason) in [("success", "stop"), ("success", "end_turn")]


LEFT_AT_EXIT = """
import os
from openai import OpenAI
from callgauge import Gauge, instrument, load_settings
from callgauge.testing import MemoryTransport
from tests.llm_answers import CHAT_CHUNKS, openai_stream
from tests.llm_stub import stub_server

class Printing(MemoryTransport):
    def close(self, timeout_s):
        for call in self.calls:
            os.write(1, f"{call.status} {call.finish_reason}\\n".encode())

gauge = Gauge(load_settings(service="search"), transport=Printing())
with stub_server() as stub:
    client = instrument(OpenAI(base_url=stub.url + "/v1", api_key="none"), gauge=gauge)
    stub.answers(openai_stream(CHAT_CHUNKS))
    stream = client.chat.completions.create(model="m", messages=[], stream=True)
    next(stream)
"""


def test_open_at_the_end_of_the_process() -> None:
    """It is emitted, and nothing is said on standard error."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LEFT_AT_EXIT], capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("cancelled abandoned\n", "")


@pytest.mark.parametrize("mode", ["sync"], indirect=True)
def test_a_forked_child_does_not_emit_its_parents_stream(client: Any, stub: Stub, measured: Measured) -> None:
    """The copy that a fork makes of an open stream is not another call."""
    stub.answers(stream_for(client))
    stream = run(lambda: ask(client, stream=True))
    next(stream)

    def abandon() -> str:
        stream._iterator._call.abandoned()
        return str(measured.gauge.stats.emitted)

    assert Child(abandon).result() == "0"
    stream.close()
    assert told(measured.call) == ABANDONED
