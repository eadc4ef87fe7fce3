"""An instrumented client is the client that it was: the same object, requests, results and exceptions."""

from __future__ import annotations

import copy
import inspect
import json
import subprocess
import sys
from typing import Any

import anthropic as anthropic_library
import openai as openai_library
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callgauge import Gauge, instrument
from tests.llm_answers import (
    CHAT,
    CHAT_CHUNKS,
    CHAT_USAGE_CHUNK,
    EMBEDDINGS,
    MESSAGE,
    MESSAGE_EVENTS,
    RESPONSE,
    RESPONSE_EVENTS,
    anthropic_stream,
    openai_stream,
    responses_stream,
)
from tests.llm_stub import Answer, Stub
from tests.unit.producers.clients.conftest import Measured, all_of, ask, got, is_openai, outcome, run

MESSAGES = [{"role": "user", "content": "hi"}]


def whole(client: Any) -> Answer:
    return Answer(json=CHAT if is_openai(client) else MESSAGE)


@pytest.mark.parametrize(
    "kind",
    [openai_library.OpenAI, openai_library.AsyncOpenAI, anthropic_library.Anthropic, anthropic_library.AsyncAnthropic],
)
def test_it_is_the_same_object(kind: Any, measured: Measured) -> None:
    """Its class, its methods' signatures and kinds, and what it holds stay."""
    bare, client = kind(api_key="none"), kind(api_key="none")
    assert instrument(client, gauge=measured.gauge) is client
    assert type(client) is kind
    for name in ("request", "copy", "with_options", "post"):
        was, now = getattr(bare, name), getattr(client, name)
        assert inspect.signature(now) == inspect.signature(was)
        assert inspect.iscoroutinefunction(now) == inspect.iscoroutinefunction(was)
        assert (now.__name__, now.__doc__) == (was.__name__, was.__doc__)
    ours = {"request", "copy", "with_options", "_process_response", "_callgauge_calls"}
    assert vars(client).keys() - vars(bare).keys() == ours


def test_copies_are_measured_too(client: Any, stub: Stub, measured: Measured) -> None:
    """By `copy`, by `with_options`, and copies of copies; the request says what the copy says."""
    stub.answers(whole(client))
    copied = client.with_options(default_headers={"x-team": "search"}).copy(max_retries=1)
    assert type(copied) is type(client)
    assert copied is not client
    run(lambda: ask(copied))
    assert stub.seen[0].headers["x-team"] == "search"
    assert len(measured.calls) == 1


def test_instrumented_twice_is_one_call(client: Any, stub: Stub, measured: Measured) -> None:
    """The last gauge and labels count; nothing is emitted twice."""
    other = Measured()
    stub.answers(whole(client))
    assert instrument(client, gauge=other.gauge, feature="second", variant="b") is client
    run(lambda: ask(client))
    assert measured.calls == []
    assert (other.call.feature, other.call.variant) == ("second", "b")
    other.gauge.close(0.1)


def test_labels_go_before_what_is_seen(client: Any, stub: Stub, measured: Measured) -> None:
    """A host may name its provider, its model, its tags; what it leaves out or gives as None is seen."""
    stub.answers(whole(client))
    instrument(
        client, gauge=measured.gauge, provider="gateway", response_model="ours", tags={"team": "a"}, endpoint=None
    )
    run(lambda: ask(client))
    call = measured.call
    assert (call.provider, call.response_model, call.tags) == ("gateway", "ours", {"team": "a"})
    assert call.endpoint.startswith("127.0.0.1:")


def test_another_object_is_refused(measured: Measured) -> None:
    """In one line that says what is wanted."""
    with pytest.raises(TypeError, match=r"takes a client of openai or anthropic, such as OpenAI\(\), and not dict"):
        instrument({}, gauge=measured.gauge)


def test_no_library_is_imported() -> None:
    """Neither by `instrument` nor by what it needs."""
    code = (
        "import sys; from callgauge import instrument\n"
        "print([name for name in ('openai', 'anthropic', 'httpx', 'httpx2') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize("ask_stream_usage", [False, True])
def test_requests_are_not_changed(openai: Any, stub: Stub, measured: Measured, ask_stream_usage: bool) -> None:
    """But for the one option of streams, when told so; and then the host sees the same chunks, and we the tokens."""
    instrument(openai, gauge=measured.gauge, ask_stream_usage=ask_stream_usage)
    chunks = [*CHAT_CHUNKS, CHAT_USAGE_CHUNK] if ask_stream_usage else CHAT_CHUNKS
    stub.answers(openai_stream(chunks))
    asked: dict[str, Any] = {"model": "gpt-4o", "messages": MESSAGES, "stream": True}
    seen = run(lambda: all_of(openai.chat.completions.create(**asked)))
    assert [chunk.choices[0].delta.content for chunk in seen] == ["", "Be", "rn", None]
    added = {"stream_options": {"include_usage": True}} if ask_stream_usage else {}
    assert stub.seen[0].body == {**asked, **added}
    assert measured.call.input_tokens == (120 if ask_stream_usage else None)


def test_a_host_that_has_its_own_mind_on_usage_keeps_it(openai: Any, stub: Stub, measured: Measured) -> None:
    """What a request says of usage goes before `ask_stream_usage`."""
    instrument(openai, gauge=measured.gauge, ask_stream_usage=True)

    async def test() -> None:
        for wanted in (True, False):
            stub.answers(openai_stream([*CHAT_CHUNKS, CHAT_USAGE_CHUNK]))
            asked: dict[str, Any] = {"model": "m", "messages": MESSAGES, "stream_options": {"include_usage": wanted}}
            assert len(await all_of(openai.chat.completions.create(**asked, stream=True))) == 5
            assert stub.seen[0].body["stream_options"] == {"include_usage": wanted}

    run(test)


METHODS: dict[str, Any] = {
    "chat": lambda c, **more: c.chat.completions.create(model="m", messages=MESSAGES, **more),
    "responses": lambda c, **more: c.responses.create(model="m", input="hi", **more),
    "embeddings": lambda c, **more: c.embeddings.create(model="m", input="hi", encoding_format="float"),
    "messages": lambda c, **more: c.messages.create(model="m", max_tokens=9, messages=MESSAGES, **more),
}
STREAMS: dict[str, Any] = {
    "chat": (openai_stream, [*CHAT_CHUNKS, CHAT_USAGE_CHUNK]),
    "responses": (responses_stream, RESPONSE_EVENTS),
    "messages": (anthropic_stream, MESSAGE_EVENTS),
}
WHOLE = {"chat": CHAT, "responses": RESPONSE, "embeddings": EMBEDDINGS, "messages": MESSAGE}
odd: st.SearchStrategy[Any] = st.sampled_from([None, -1, 0, 7, 1.5, "text", "", [], {}, [None], True, 10**30])


@st.composite
def spoiled(draw: st.DrawFn, body: Any) -> Any:
    """A body with some of its members left out, or made into something else."""
    found = copy.deepcopy(body)
    for _ in range(draw(st.integers(0, 3))):
        place = found
        while isinstance(place, (dict, list)) and place:
            key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
            inner = place[key]
            if not isinstance(inner, (dict, list)) or not inner or draw(st.booleans()):
                if isinstance(place, dict) and draw(st.booleans()):
                    del place[key]
                else:
                    place[key] = copy.deepcopy(draw(odd))
                break
            place = inner
    return found


@st.composite
def scenes(draw: st.DrawFn) -> tuple[str, bool, Answer]:
    """A method, whether it streams, and what the server answers."""
    method = draw(st.sampled_from(sorted(METHODS)))
    if method in STREAMS and draw(st.booleans()):
        made, events = STREAMS[method]
        kept = draw(st.integers(0, len(events)))
        return method, True, made([draw(spoiled(event)) for event in events[:kept]], cut=draw(st.booleans()))
    status = draw(st.sampled_from([200, 200, 200, 400, 401, 429, 500, 529]))
    return method, False, Answer(status, draw(spoiled(WHOLE[method])), text=draw(st.sampled_from(["", "no JSON"])))


def plain(result: Any) -> Any:
    """What can be compared of a result or an exception."""
    if isinstance(result, BaseException):
        return type(result), str(result), getattr(result, "status_code", None), getattr(result, "body", None)
    if isinstance(result, list):
        return [plain(item) for item in result]
    return result.model_dump_json(warnings=False) if hasattr(result, "model_dump_json") else result


async def result_of(client: Any, method: str, streaming: bool) -> Any:
    """What a host sees: the answer, or the chunks and how they end."""
    if not streaming:
        return await outcome(lambda: METHODS[method](client))
    seen: list[Any] = []
    try:
        stream = await got(METHODS[method](client, stream=True))
        if hasattr(stream, "__aiter__"):
            async for item in stream:
                seen.append(item)
        else:
            seen.extend(stream)
    except Exception as error:
        seen.append(error)
    return seen


@pytest.fixture
def pairs(openai: Any, anthropic: Any) -> dict[str, tuple[Any, Any]]:
    """Of each library a bare client, and one that is measured."""
    return {
        name: (type(client)(base_url=client.base_url, api_key="none", max_retries=0), client)
        for name, client in (("openai", openai), ("anthropic", anthropic))
    }


@given(scene=scenes())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wrapped_and_bare_give_the_same(
    pairs: dict[str, tuple[Any, Any]], stub: Stub, measured: Measured, scene: tuple[str, bool, Answer]
) -> None:
    """Whatever the server answers, a host sees the same, and one call is emitted without a fault of ours."""
    method, streaming, answer = scene
    before = len(measured.calls)

    async def results() -> list[Any]:
        found = []
        for client in pairs["anthropic" if method == "messages" else "openai"]:
            stub.answers(answer)
            found.append((plain(await result_of(client, method, streaming)), stub.seen[0].body))
        return found

    bare, wrapped = run(results)
    assert wrapped == bare
    (call,) = measured.calls[before:]
    assert call.stream is streaming
    assert call.status != "success" or call.http_status == 200
    assert "client:" not in json.dumps(call.tags)


def test_type_checkers_see_the_client(measured: Measured) -> None:
    """`instrument` gives what it takes, so that nothing of the client's types is lost."""
    client: openai_library.OpenAI = instrument(openai_library.OpenAI(api_key="none"), gauge=measured.gauge)
    gauge: Gauge = measured.gauge
    assert (client.api_key, gauge) == ("none", measured.gauge)
