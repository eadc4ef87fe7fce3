"""Relevance by embeddings, against a server that answers as the real API does, and as it does on a bad day."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from callgauge.codec import read
from callgauge.errors import SettingError
from callgauge.schema import Content, Score
from callgauge.settings import Settings, load_settings
from callgauge_quality.embeddings import MOST_CHARS, Cache, NoEmbeddings, cosine, read_embeddings
from callgauge_quality.where_texts_go import where_embeddings_go
from callgauge_streams.quality.embedding import Embedding, embedding_of
from tests.llm_stub import Answer, Stub, stub_server


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with stub_server() as server:
        yield server


def vectors(*found: tuple[float, ...]) -> Answer:
    """As the API gives them; in another order, since `index` says which is which."""
    data = [{"object": "embedding", "index": at, "embedding": list(each)} for at, each in enumerate(found)]
    return Answer(json={"object": "list", "data": data[::-1], "model": "e-1", "usage": {"prompt_tokens": 8}})


def settings_of(stub: Stub, **changes: Any) -> Settings:
    return load_settings(
        **{"embeddings_url": f"{stub.url}/v1/", "embeddings_model": "e-1", "embeddings_key": "sk-secret",
           "embeddings_share": "all", "embeddings_timeout_s": 2.0} | changes
    )  # fmt: skip


def content(n: int, **changes: Any) -> Content:
    known: dict[str, Any] = {
        "event_id": f"e{n}",
        "trace_id": f"t{n}",
        "ts": 1.7e9,
        "service": "chat",
        "labels": {"model": "m"},
    }
    return Content(**known | {"prompt": f"Why {n}?", "response": f"Since {n}.", "sample_rate": 0.5} | changes)


class Run:
    """One worker's part, and what was counted."""

    def __init__(self, settings: Settings) -> None:
        self.counted: Counter[str] = Counter()
        self.now_s = 0.0
        self.embedding = Embedding(settings, self._count, lambda: self.now_s)

    def _count(self, outcome: str, answers: int) -> None:
        self.counted[outcome] += answers

    def __call__(self, *contents: Content, at_ms: int = 1_700_000_000_000) -> list[Score]:
        async def run() -> list[Score]:
            messages = await self.embedding.messages([(each, at_ms) for each in contents])
            await self.embedding.close()
            return [read(Score, value) for _, value in messages]

        return asyncio.run(run())


def test_answers_are_scored_by_the_angle(stub: Stub) -> None:
    """All texts in one request, which is what the API takes; the key goes along, and the score says the model."""
    stub.answers(vectors((1.0, 0.0), (1.0, 1.0), (0.0, 2.0), (0.0, -3.0)))
    run = Run(settings_of(stub))
    found = run(content(1), content(2))
    assert [score.value for score in found] == [pytest.approx(math.sqrt(0.5)), pytest.approx(-1.0)]
    assert {(s.name, s.origin, s.comment, s.sample_rate) for s in found} == {
        ("embedding_relevance", "heuristic", "e-1", 0.5)
    }
    assert found[0].labels["model"] == "m"
    (asked,) = stub.seen
    assert asked.path == "/v1/embeddings"
    assert asked.headers["authorization"] == "Bearer sk-secret"
    assert asked.body == {
        "model": "e-1", "input": ["Why 1?", "Since 1.", "Why 2?", "Since 2."], "encoding_format": "float",
    }  # fmt: skip
    assert run.counted == {"scored": 2, "failed": 0}


def test_a_text_is_asked_for_once(stub: Stub) -> None:
    """While it is kept: the newest stay."""
    cache = Cache(2)
    for text in ("a", "b", "a", "c"):
        if cache.get(text) is None:
            cache.put(text, (1.0,))
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == ((1.0,), None, (1.0,))
    stub.answers(vectors((1.0, 0.0), (1.0, 1.0)))
    run = Run(settings_of(stub))

    async def twice() -> tuple[int, int]:
        first = await run.embedding.messages([(content(1), 0)])
        again = await run.embedding.messages([(content(1), 0)])
        await run.embedding.close()
        return len(first), len(again)

    assert asyncio.run(twice()) == (1, 1)
    assert len(stub.seen) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=429, json={"error": {}}),
        Answer(status=500, text="oops"),
        Answer(json={"data": [{"index": 0, "embedding": [1.0]}]}),
        Answer(json={"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": ["x"]}]}),
        Answer(json={"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0, 2.0]}]}),
        Answer(text="<html>"),
        Answer(status=302, headers={"location": "http://127.0.0.1:9/"}, text=""),
    ],
)
def test_an_endpoint_that_fails_is_left_alone(stub: Stub, answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    """For a while; what it owes is counted, and nothing is made up. The key is in no message."""
    stub.answers(answer)
    run = Run(settings_of(stub))
    with caplog.at_level(logging.WARNING):
        assert run(content(1)) == []
    assert run.counted == {"scored": 0, "failed": 1}
    assert "sk-secret" not in caplog.text
    assert "callgauge_embeddings_total" in caplog.text
    asked = len(stub.seen)
    run.now_s = 29.0
    assert asyncio.run(run.embedding.messages([(content(2), 0)])) == []
    assert len(stub.seen) == asked


def test_a_slow_endpoint_is_not_waited_for(stub: Stub) -> None:
    """Longer than the setting says."""
    stub.answers(Answer(events=["data: x\n\n"], waits_after=0))
    assert Run(settings_of(stub, embeddings_timeout_s=0.1))(content(1)) == []
    stub.go_on.set()


def test_the_sample_is_bounded(stub: Stub) -> None:
    """So many answers of a service a minute; a share of the traces; services that are off send nothing."""
    stub.answers(vectors((1.0,), (1.0,), (1.0,), (1.0,)))
    run = Run(settings_of(stub, embeddings_per_minute=2))
    assert len(run(*map(content, range(5)))) == 2
    assert run.counted["limited"] == 3
    stub.answers(Answer(status=500))
    off = Run(settings_of(stub, embeddings_share="all,chat=off"))
    assert off(content(1), content(2, response="", service="other")) == []
    assert stub.seen == []


def test_it_is_off_and_says_where_texts_go(stub: Stub) -> None:
    """Not without an address and a model, nor in plain over a network; the host is named before anything is sent."""
    assert embedding_of(load_settings(), lambda *_: None) is None
    with pytest.raises(SettingError, match="EMBEDDINGS_MODEL"):
        embedding_of(settings_of(stub, embeddings_model=""), lambda *_: None)
    with pytest.raises(SettingError, match="EMBEDDINGS_ALLOW_HTTP"):
        embedding_of(settings_of(stub, embeddings_url="http://example.com/v1"), lambda *_: None)
    said = where_embeddings_go(settings_of(stub, embeddings_share="0.1"))
    assert "0.1 of the contents of all services go to 127.0.0.1" in said
    assert "60 answers of a service a minute" in said


def test_angles_and_answers_of_no_use() -> None:
    """Nothing has no direction; an endpoint's nonsense is refused."""
    assert cosine((0.0, 0.0), (1.0, 0.0)) is None
    assert cosine((1.0,), (1.0, 0.0)) is None
    assert cosine((1e300,), (1e300,)) is None
    with pytest.raises(NoEmbeddings):
        read_embeddings(b'{"data": [{"index": 0, "embedding": [1e999]}]}', 1)
    assert MOST_CHARS == 8_000
