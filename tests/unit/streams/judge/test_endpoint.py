"""The endpoint's client against a server that answers as the real API does, and as it does on a bad day."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from callgauge.errors import SettingError
from callgauge.settings import load_settings
from callgauge_quality.judge_budget import Budget
from callgauge_quality.judge_cache import JudgeCache
from callgauge_quality.judgement import Judged
from callgauge_quality.rubric import load_rubric
from callgauge_streams.judge.asking import Asking, Judge, Judgement
from callgauge_streams.judge.endpoint import Attempt, Endpoint, checked_url
from callgauge_streams.judge.own_calls import call_of, price_of
from callgauge_streams.judge.spent_file import SpentFile
from tests.llm_answers import CHAT
from tests.llm_stub import Answer, Stub, stub_server

GOOD = {"faithfulness": 4, "relevance": 5, "completeness": 3, "hallucination": 0, "toxicity": 0}


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with stub_server() as server:
        yield server


def judged_as(content: Any, **fields: Any) -> Answer:
    """A chat completion with this content."""
    text = content if isinstance(content, str) else json.dumps(content)
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return Answer(json=CHAT | {"choices": [choice]} | fields)


class Run:
    """One judge, with what it was told and how long it waited."""

    def __init__(self, stub: Stub, *, budget: float = 1.0, timeout_s: float = 5.0, cost: float = 0.01) -> None:
        self.stub, self.attempts, self.waits = stub, list[Attempt](), list[float]()
        self.budget, self.cache, self._timeout_s, self._cost = Budget(budget), JudgeCache(10), timeout_s, cost

    async def _told(self, attempt: Attempt, event_id: str) -> float:
        self.attempts.append(attempt)
        return self._cost

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def __call__(self, *answers: str) -> list[Judgement]:
        async def run() -> list[Judgement]:
            endpoint = Endpoint(
                checked_url(self.stub.url + "/v1/"), SecretStr("sk-judge"), timeout_s=self._timeout_s, retries=2,
                sleep=self._sleep,
            )  # fmt: skip
            judge = Judge("judge-1", load_rubric("answer-1"))
            asking = Asking(endpoint, judge, self.budget, self.cache, self._told, lambda: 0.0)
            try:
                return [await asking.judge(Judged("Who?", "Who?", answer), "e1") for answer in answers]
            finally:
                await endpoint.close()

        return asyncio.run(run())


def test_an_answer_is_judged_once(stub: Stub) -> None:
    """With the key, by the rubric; the same answer comes from the cache and costs nothing."""
    stub.answers(judged_as(GOOD))
    run = Run(stub)
    first, again, other = run("Anna.", "Anna.", "Bea.")
    assert (first.outcome, again.outcome, other.outcome) == ("judged", "cached", "judged")
    assert first.scores == again.scores == GOOD
    assert len(stub.seen) == 2
    assert stub.seen[0].path == "/v1/chat/completions"
    assert stub.seen[0].headers["authorization"] == "Bearer sk-judge"
    assert stub.seen[0].body["model"] == "judge-1"
    assert run.budget.spent_usd == pytest.approx(0.02)
    assert (run.attempts[0].input_tokens, run.attempts[0].output_tokens) == (120, 30)


@pytest.mark.parametrize("status", [408, 429, 500, 503, 529])
def test_what_may_pass_is_tried_again(stub: Stub, status: int) -> None:
    """Each attempt is told; the endpoint's own wait is kept."""
    stub.answers(Answer(status=status, json={"error": {}}, headers={"retry-after": "7"}), judged_as(GOOD))
    run = Run(stub)
    assert run("Anna.")[0].outcome == "judged"
    assert [attempt.http_status for attempt in run.attempts] == [status, 200]
    assert [attempt.retry for attempt in run.attempts] == [0, 1]
    assert run.waits == [7.0]


def test_it_gives_up_after_its_retries(stub: Stub) -> None:
    """And says why; nothing is scored."""
    stub.answers(Answer(status=500, json={"error": {}}))
    run = Run(stub)
    assert run("Anna.") == [Judgement("failed", detail="HTTP 500")]
    assert len(run.attempts) == 3
    assert run.attempts[0].error_type == "provider_down"
    assert run.waits[0] < run.waits[1] * 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 301])
def test_what_will_not_pass_is_not_tried_again(stub: Stub, status: int) -> None:
    """A wrong key, model or request; a redirect is not followed."""
    stub.answers(Answer(status=status, json={"error": {"message": "no"}}, headers={"location": stub.url}))
    run = Run(stub)
    assert run("Anna.")[0].outcome == "failed"
    assert len(run.attempts) == 1


def test_a_slow_endpoint_is_left(stub: Stub) -> None:
    """After the deadline, each time."""
    stub.answers(Answer(json=CHAT, waits_after=0))
    run = Run(stub, timeout_s=0.05)
    assert run("Anna.") == [Judgement("failed", detail="no answer within 0.05 s")]
    assert [attempt.error_type for attempt in run.attempts] == ["timeout"] * 3
    stub.go_on.set()


def test_nobody_there() -> None:
    """It fails, and the error names no key."""
    run = Run(Stub())
    run.stub.url = "http://127.0.0.1:9"
    judgement = run("Anna.")[0]
    assert judgement.outcome == "failed"
    assert judgement.detail == "no answer: ConnectError"


@pytest.mark.parametrize("answer", [Answer(text="<html>"), Answer(json={"choices": []}), Answer(json=[1])])
def test_what_is_no_chat_completion_is_tried_again(stub: Stub, answer: Answer) -> None:
    """A proxy's page, an empty answer."""
    stub.answers(answer, judged_as(GOOD))
    run = Run(stub)
    assert run("Anna.")[0].outcome == "judged"
    assert run.attempts[0].error_type == "invalid_response"


def test_garbage_is_unparsable_and_not_asked_for_again(stub: Stub) -> None:
    """It was paid for; asking until the judge says something else would be guessing."""
    stub.answers(judged_as("I would give it four stars."))
    run = Run(stub)
    assert run("Anna.") == [Judgement("unparsable", detail="not JSON")]
    assert len(stub.seen) == 1
    assert run.budget.spent_usd == pytest.approx(0.01)


def test_a_spent_budget_stops_it(stub: Stub) -> None:
    """Nothing is sent any more, and it says so; what is known still is."""
    stub.answers(judged_as(GOOD))
    run = Run(stub, budget=0.015)
    outcomes = [judgement.outcome for judgement in run("Anna.", "Bea.", "Carl.", "Anna.")]
    assert outcomes == ["judged", "budget", "budget", "cached"]
    assert len(stub.seen) == 1


def test_its_own_calls_are_calls(stub: Stub) -> None:
    """Of the service callgauge-judge, with tokens, latency, cost and the call that they judge."""
    stub.answers(Answer(status=429, json={}), judged_as(GOOD))
    run = Run(stub)
    run("Anna.")
    price = price_of(load_settings(judge_model="m", judge_price="1,2"), None)  # type: ignore[arg-type]  # not used
    failed, good = (
        call_of(a, service="callgauge-judge", model="m", prompt_version="answer-1", price=price, judged="e1")
        for a in run.attempts
    )
    assert (failed.status, failed.error_type, failed.http_status, failed.cost_usd) == ("error", "rate_limit", 429, None)
    assert (good.status, good.retry_count, good.tags) == ("success", 1, {"judged": "e1"})
    assert good.cost_usd == pytest.approx((120 * 1 + 30 * 2) / 1e6)
    assert good.latency_ms is not None
    assert good.event_id != failed.event_id


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("api.openai.com/v1", "base URL"),
        ("ftp://api.openai.com", "base URL"),
        ("http://judge.example.com/v1", "in plain"),
        ("https://user:pass@judge.example.com", "no user"),
    ],
)
def test_a_wrong_url_is_refused(url: str, says: str) -> None:
    """Before anything is sent."""
    with pytest.raises(SettingError, match=says):
        checked_url(url)


def test_http_may_be_allowed() -> None:
    """To this machine always."""
    assert checked_url("http://10.0.0.7:8000/v1", allow_http=True) == "http://10.0.0.7:8000/v1"
    assert checked_url("http://localhost:11434/v1/") == "http://localhost:11434/v1"


@pytest.mark.parametrize("price", ["1", "a,b", "-1,2", "1,2,3", "2000000,1"])
def test_a_wrong_price_is_refused(price: str) -> None:
    """And so is a model without one: no budget could be kept."""
    with pytest.raises(SettingError, match="CALLGAUGE_JUDGE_PRICE"):
        price_of(load_settings(judge_model="m", judge_price=price), None)  # type: ignore[arg-type]


def test_what_was_spent_survives_a_restart(tmp_path: Any) -> None:
    """Of the same day; a broken file counts as empty, a folder that is not there is refused."""
    path = tmp_path / "spent.json"
    SpentFile(path).write(Budget(1.0, day=7, spent_usd=0.25))
    budget = Budget(1.0)
    SpentFile(path).read(budget)
    assert (budget.day, budget.spent_usd) == (7, 0.25)
    path.write_text("{")
    budget = Budget(1.0)
    SpentFile(path).read(budget)
    assert budget.spent_usd == 0.0
    with pytest.raises(SettingError, match="SPENT_FILE"):
        SpentFile(tmp_path / "no" / "spent.json").read(budget)
    SpentFile(None).write(budget)
