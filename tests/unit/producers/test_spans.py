"""Spans: what belongs to them, whatever kind of code runs inside, and what is emitted of them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from typing import Any

import pytest

from callgauge import Call, Gauge, load_settings
from callgauge.testing import MemoryTransport
from callgauge.trace_context import parse_traceparent

SETTINGS = load_settings(service="search", gauge_heartbeat_s=0.0)
HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


class Traced:
    """A gauge, and what it has emitted, by name (of calls: by model)."""

    def __init__(self) -> None:
        self._transport = MemoryTransport()
        self.gauge = Gauge(SETTINGS, transport=self._transport)

    def calls(self) -> dict[str, Call]:
        assert self.gauge.flush(5) == 0
        found = self._transport.calls
        named = {call.name or call.model: call for call in found}
        assert len(named) == len(found)
        return named


@pytest.fixture
def traced() -> Iterator[Traced]:
    made = Traced()
    yield made
    made.gauge.close(0.1)
    assert made.gauge.current is None


def test_a_trace(traced: Traced) -> None:
    """Each step has its operation, name and place; calls get the ids of the step that they are made in.

    answer ─┬─ look up ── (call a, emitted)
            ├─ weather
            └─ (call b, measured)
    """
    gauge = traced.gauge
    with gauge.trace("answer", user_id="u") as root:
        with gauge.retrieval("look up", tags={"k": "4"}) as step:
            gauge.emit(model="a")
            step.set(finish_reason="none found")
        with gauge.tool("weather"):
            pass
        with gauge.call(model="b"):
            pass
    gauge.emit(model="outside")
    calls = traced.calls()
    assert list(calls) == ["a", "look up", "weather", "b", "answer", "outside"]
    answer, look_up = calls["answer"], calls["look up"]
    assert {name: call.operation for name, call in calls.items() if call.name} == {
        "answer": "chain",
        "look up": "retrieval",
        "weather": "execute_tool",
    }
    assert (answer.parent_span_id, answer.user_id, answer.span_id) == ("", "u", root.span_id)
    assert (look_up.finish_reason, look_up.tags) == ("none found", {"k": "4"})
    parents = {name: call.parent_span_id for name, call in calls.items()}
    assert parents == {
        "a": look_up.span_id,
        "look up": answer.span_id,
        "weather": answer.span_id,
        "b": answer.span_id,
        "answer": "",
        "outside": "",
    }
    assert {call.trace_id for name, call in calls.items() if name != "outside"} == {root.trace_id}
    assert calls["outside"].trace_id == ""
    spans = [call.span_id for name, call in calls.items() if name != "outside"]
    assert len(set(spans)) == len(spans) == 5
    assert all(call.latency_ms is not None for call in calls.values() if call.name)


def test_a_ready_call_is_placed_too(traced: Traced) -> None:
    """Unless it names a trace itself."""
    with traced.gauge.trace("t") as span:
        traced.gauge.emit(Call(event_id="e", ts=1.0, service="s", model="a"))
        traced.gauge.emit(Call(event_id="f", ts=1.0, service="s", model="b", trace_id="other"))
    calls = traced.calls()
    assert (calls["a"].trace_id, calls["a"].parent_span_id) == (span.trace_id, span.span_id)
    assert (calls["b"].trace_id, calls["b"].parent_span_id) == ("other", "")


def test_traceparent_in_and_out(traced: Traced) -> None:
    """The caller's trace goes on, and what its tracer decided is passed on; a call's own header is its span's."""
    gauge = traced.gauge
    assert gauge.traceparent == ""
    with gauge.trace("served", traceparent=HEADER) as span:
        assert span.traceparent == gauge.traceparent == f"00-4bf92f3577b34da6a3ce929d0e0e4736-{span.span_id}-00"
        with gauge.tool("inner") as inner, gauge.call(model="m"):
            assert gauge.traceparent == inner.traceparent
    calls = traced.calls()
    assert calls["served"].parent_span_id == "00f067aa0ba902b7"
    assert {call.trace_id for call in calls.values()} == {"4bf92f3577b34da6a3ce929d0e0e4736"}
    with gauge.trace("new") as other:
        assert parse_traceparent(other.traceparent) == other.scope


@pytest.mark.parametrize("header", ["nonsense", HEADER.upper(), 7, b"x"])
def test_a_bad_header_is_ignored(traced: Traced, header: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A new trace begins, even inside another, and the log says so once."""
    with traced.gauge.trace("outer") as outer:
        for name in ("trace", "chain"):
            with getattr(traced.gauge, name)(name, traceparent=header) as span:
                assert len(span.trace_id) == 32
                assert span.trace_id != outer.trace_id
    calls = traced.calls()
    assert calls["trace"].parent_span_id == calls["chain"].parent_span_id == ""
    assert caplog.text.count("traceparent") == 1


def test_a_trace_inside_a_trace_is_another(traced: Traced) -> None:
    """So that a night's work is not one trace of a million calls, all on one partition."""
    with traced.gauge.trace("night") as night, traced.gauge.trace("answer") as answer:
        pass
    assert night.trace_id != answer.trace_id
    assert traced.calls()["answer"].parent_span_id == ""


def test_a_step_without_a_trace_begins_one(traced: Traced) -> None:
    """A tool that is run by a test, or by another service."""
    with traced.gauge.tool("alone") as span:
        pass
    assert traced.calls()["alone"].trace_id == span.trace_id != ""


def test_the_host_may_name_its_trace(traced: Traced) -> None:
    """What is inside belongs to it under that name, though no header can carry it."""
    with traced.gauge.trace("t", trace_id="request 7") as span:
        traced.gauge.emit(model="m")
    calls = traced.calls()
    assert {call.trace_id for call in calls.values()} == {"request 7"}
    assert span.traceparent == ""


def test_a_failure_is_an_error_of_the_step(traced: Traced) -> None:
    """It reaches the host; its text, which may hold a prompt, is not sent."""
    with pytest.raises(TimeoutError), traced.gauge.trace("outer"), traced.gauge.tool("inner"):
        raise TimeoutError("my secret")
    for call in traced.calls().values():
        assert (call.status, call.error_type, call.error_message) == ("error", "timeout", "TimeoutError")


def test_functions_are_decorated(traced: Traced) -> None:
    """Each run is a span of its own, by name or by the function's; the function stays what it was."""
    gauge = traced.gauge

    @gauge.trace
    def answer(question: str, *, loud: bool = False) -> str:
        """Answers."""
        return search(question).upper() if loud else search(question)

    @gauge.tool("search", tags={"index": "docs"})
    def search(question: str) -> str:
        gauge.emit(model=question)
        assert gauge.current is not None
        gauge.current.set(session_id=question)
        return question

    assert [answer("a"), answer("b", loud=True)] == ["a", "B"]
    assert (answer.__name__, answer.__doc__) == ("answer", "Answers.")
    assert list(inspect.signature(answer).parameters) == ["question", "loud"]
    assert gauge.flush(5) == 0
    calls = traced._transport.calls
    spans = [call for call in calls if call.name]
    assert [call.name.rpartition(".")[2] for call in spans] == ["search", "answer"] * 2
    assert [call.session_id for call in spans if call.name == "search"] == ["a", "b"]
    assert len({call.trace_id for call in calls}) == 2
    assert len({call.event_id for call in calls}) == len(calls) == 6


def test_a_call_is_decorated(traced: Traced) -> None:
    """Each run is a call; what is learnt inside is set on the current one."""
    gauge = traced.gauge

    @gauge.call(model="m", provider="openai")
    def ask(tokens: int) -> int:
        assert gauge.current is not None
        gauge.current.set(output_tokens=tokens)
        if tokens > 7:
            raise ValueError("too many")
        return tokens

    assert ask(7) == 7
    with pytest.raises(ValueError, match="too many"):
        ask(8)
    assert gauge.flush(5) == 0
    good, bad = traced._transport.calls
    assert (good.output_tokens, good.status, bad.output_tokens, bad.status) == (7, "success", 8, "error")
    assert good.event_id != bad.event_id


def test_coroutines_are_decorated(traced: Traced) -> None:
    """Tasks that run at the same time do not see each other's spans."""
    gauge = traced.gauge

    @gauge.trace
    async def answer(name: str) -> None:
        await asyncio.sleep(0.001)
        await asyncio.gather(step(name, 1), step(name, 2))

    @gauge.chain("step")
    async def step(name: str, number: int) -> None:
        await asyncio.sleep(0.001 * number)
        gauge.emit(model=name, feature=str(number))

    async def both() -> None:
        await asyncio.gather(answer("a"), answer("b"))

    assert inspect.iscoroutinefunction(answer)
    asyncio.run(both())
    assert gauge.flush(5) == 0
    calls = traced._transport.calls
    roots = {call.trace_id: call for call in calls if call.operation == "chain" and not call.parent_span_id}
    assert len(roots) == 2
    steps = {call.span_id: call for call in calls if call.name == "step"}
    models = [call for call in calls if call.model]
    assert len(models) == len(steps) == 4
    for call in models:
        step_of = steps[call.parent_span_id]
        assert step_of.trace_id == call.trace_id
        assert step_of.parent_span_id == roots[call.trace_id].span_id
    assert len({call.parent_span_id for call in models}) == 4


def test_a_generator_is_not_active_while_it_waits(traced: Traced) -> None:
    """What the reader does between two steps belongs to the reader; all that the generator does to the generator."""
    gauge = traced.gauge

    @gauge.tool("stream")
    def stream() -> Generator[str, str, str]:
        gauge.emit(model="in 1")
        got = yield "one"
        gauge.emit(model=f"in 2 {got}")
        try:
            yield "two"
        except KeyError:
            gauge.emit(model="in 3")
            yield "three"
        return "end"

    assert inspect.isgeneratorfunction(stream)
    with gauge.trace("reader") as reader:
        steps = stream()
        assert next(steps) == "one"
        gauge.emit(model="out 1")
        assert gauge.current is reader
        assert steps.send("x") == "two"
        assert steps.throw(KeyError()) == "three"
        gauge.emit(model="out 2")
        with pytest.raises(StopIteration) as stopped:
            next(steps)
        assert stopped.value.value == "end"
    calls = traced.calls()
    inside = {name for name, call in calls.items() if call.parent_span_id == calls["stream"].span_id}
    assert inside == {"in 1", "in 2 x", "in 3"}
    outside = {name for name, call in calls.items() if call.parent_span_id == calls["reader"].span_id}
    assert outside == {"out 1", "out 2", "stream"}
    assert calls["stream"].status == "success"


def test_generators_that_take_turns(traced: Traced) -> None:
    """Each keeps its own place, in whatever order they go on and end."""
    gauge = traced.gauge

    @gauge.chain
    def steps(name: str) -> Iterator[None]:
        assert gauge.current is not None
        gauge.current.set(name=name)
        for number in range(3):
            gauge.emit(model=f"{name}{number}")
            yield

    a, b = steps("a"), steps("b")
    for each in (a, b, b, a, a, b):
        next(each)
    assert gauge.current is None
    for each in (a, b):
        with contextlib.suppress(StopIteration):
            next(each)
    calls = traced.calls()
    for name in ("a", "b"):
        assert {calls[f"{name}{number}"].parent_span_id for number in range(3)} == {calls[name].span_id}


@pytest.mark.parametrize("leave", ["close", "forget"])
def test_a_generator_that_is_left(traced: Traced, leave: str) -> None:
    """Is cancelled, and its cleaning up belongs to it; one that was never begun is nothing."""
    gauge = traced.gauge

    @gauge.tool("left")
    def stream() -> Iterator[int]:
        try:
            yield from range(9)
        finally:
            gauge.emit(model="cleaning")

    stream()
    steps: Any = stream()
    next(steps)
    if leave == "close":
        steps.close()
    del steps
    gc.collect()
    calls = traced.calls()
    assert calls["left"].status == "cancelled"
    assert calls["cleaning"].parent_span_id == calls["left"].span_id


def test_async_generators_are_decorated(traced: Traced) -> None:
    """As generators are: read to the end, closed early, failed."""
    gauge = traced.gauge

    @gauge.tool
    async def stream(name: str, fail: bool = False) -> AsyncGenerator[str, str]:
        assert gauge.current is not None
        gauge.current.set(name=name)
        got = yield "one"
        gauge.emit(model=f"in {name} {got}")
        await asyncio.sleep(0)
        if fail:
            raise ConnectionError
        try:
            yield "two"
        finally:
            await asyncio.sleep(0)
            gauge.emit(model=f"cleaning {name}")

    async def read() -> None:
        with gauge.trace("reader") as reader:
            whole = stream("whole")
            assert await anext(whole) == "one"
            assert gauge.current is reader
            assert await whole.asend("x") == "two"
            with pytest.raises(StopAsyncIteration):
                await anext(whole)
            closed = stream("closed")
            await anext(closed)
            await closed.asend("y")
            await closed.aclose()
            with pytest.raises(ConnectionError):
                _ = [item async for item in stream("failed", fail=True)]
            thrown = stream("thrown")
            await anext(thrown)
            with pytest.raises(KeyError):
                await thrown.athrow(KeyError())

    assert inspect.isasyncgenfunction(stream)
    asyncio.run(read())
    calls = traced.calls()
    statuses = {name: calls[name].status for name in ("whole", "closed", "failed", "thrown")}
    assert statuses == {"whole": "success", "closed": "cancelled", "failed": "error", "thrown": "error"}
    for name, model in (("whole", "in whole x"), ("closed", "cleaning closed"), ("failed", "in failed None")):
        assert calls[model].parent_span_id == calls[name].span_id
    assert {calls[name].parent_span_id for name in statuses} == {calls["reader"].span_id}


def test_a_block_inside_a_generator_that_is_left(traced: Traced) -> None:
    """Where the host itself leaves a block open across a yield, blocks end out of order: nothing is raised, and no
    span is current for ever."""
    gauge = traced.gauge

    def stream(name: str) -> Iterator[None]:
        with gauge.trace(name):
            yield

    a, b = stream("a"), stream("b")
    next(a)
    next(b)
    for each in (a, b):
        with contextlib.suppress(StopIteration):
            next(each)
    assert set(traced.calls()) == {"a", "b"}

    async def elsewhere() -> None:
        async def inner() -> AsyncIterator[None]:
            with gauge.trace("c"):
                yield

        steps = inner()
        await asyncio.create_task(anext(steps))  # type: ignore[arg-type]  # entered in another task's context
        await steps.aclose()  # type: ignore[attr-defined]

    asyncio.run(elsewhere())
    assert traced.calls()["c"].status == "cancelled"


def test_a_thread_is_given_the_span(traced: Traced) -> None:
    """It knows nothing of the span by itself, and may use it by name."""
    gauge = traced.gauge

    def work(span: Any) -> None:
        gauge.emit(model="lost")
        with span.tool("in a thread"):
            gauge.emit(model="found")

    with gauge.trace("outer") as outer:
        thread = threading.Thread(target=work, args=(outer,))
        thread.start()
        thread.join()
    calls = traced.calls()
    assert calls["lost"].trace_id == ""
    assert calls["in a thread"].parent_span_id == outer.span_id
    assert calls["found"].parent_span_id == calls["in a thread"].span_id


@pytest.mark.parametrize("name", ["chain", "retrieval", "tool"])
def test_steps_of_a_span(traced: Traced, name: str) -> None:
    """A span offers the steps that a gauge does."""
    with traced.gauge.trace("t") as span:
        make: Callable[..., Any] = getattr(span, name)
        with make("step"):
            pass
    calls = traced.calls()
    expected = {"chain": "chain", "retrieval": "retrieval", "tool": "execute_tool"}
    assert (calls["step"].operation, calls["step"].parent_span_id) == (expected[name], calls["t"].span_id)


def test_a_span_that_is_entered_again(traced: Traced) -> None:
    """Is another span, as an attempt of a retry is another call."""
    gauge = traced.gauge
    with gauge.trace("t"):
        step = gauge.tool("try")
        for model in ("first", "second"):
            with step:
                gauge.emit(model=model)
    assert gauge.flush(5) == 0
    calls = traced._transport.calls
    spans = [call.span_id for call in calls if call.name == "try"]
    assert [call.parent_span_id for call in calls if call.model] == spans
    assert len(set(spans)) == 2


def test_what_is_inside_is_on_behalf_of_whom_the_trace_is(traced: Traced) -> None:
    """Steps and calls, at any depth, have the trace's labels and tags; what they say themselves stays. What is set
    later is for what begins later, and what belongs to one call (its model) is nobody else's."""
    gauge = traced.gauge
    whose = {"service": "billing", "environment": "prod", "feature": "refund", "session_id": "s", "variant": "b"}
    with gauge.trace("request", model="none", tags={"tenant": "t", "plan": "free"}, **whose) as request:
        with gauge.tool("early"):
            pass
        request.set(user_id="u")
        with gauge.chain("step", tags={"plan": "own"}, feature="own"), gauge.call(model="timed"):
            gauge.emit(model="emitted")
        gauge.emit(model="other", trace_id="another")
        gauge.emit(Call(event_id="e", ts=1.0, service="s", model="ready"))
        with gauge.trace("another"):
            pass
    gauge.emit(model="outside")
    calls = traced.calls()
    own = {"service": "search", "environment": "", "feature": "", "session_id": "", "variant": ""}
    found = {name: {label: getattr(call, label) for label in whose} for name, call in calls.items()}
    assert found["request"] == found["early"] == whose
    assert found["step"] == found["timed"] == found["emitted"] == whose | {"feature": "own"}
    assert found["other"] == found["another"] == found["outside"] == own
    assert found["ready"] == own | {"service": "s"}
    assert {name: call.user_id for name, call in calls.items() if call.user_id} == dict.fromkeys(
        ("step", "timed", "emitted", "request"), "u"
    )
    assert calls["early"].tags == {"tenant": "t", "plan": "free"}
    assert calls["step"].tags == calls["emitted"].tags == {"tenant": "t", "plan": "own"}
    assert calls["early"].model == calls["step"].model == ""


def test_a_step_in_another_thread_inherits_too(traced: Traced) -> None:
    """From the span that was given to the thread, each run of a decorated function of its own. Odd tags stay apart."""
    with traced.gauge.trace("request", service="billing", tags={"k": 1}) as request:
        step = request.tool("thread")
        odd = request.chain("odd", tags=[("l", 2)])
    for span in (step, odd):
        thread = threading.Thread(target=span(lambda: None))
        thread.start()
        thread.join()
    calls = traced.calls()
    assert (calls["thread"].service, calls["thread"].tags) == ("billing", {"k": "1"})
    assert calls["odd"].service == "billing"
