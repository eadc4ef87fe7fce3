"""`callgauge eval` against a stub endpoint: what it prints, what it sends, and how it exits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from callgauge.codec import read
from callgauge.gauge import Gauge
from callgauge.schema import Call, Score
from callgauge.testing import MemoryTransport
from callgauge_deploy import eval_command
from callgauge_deploy.cli import app
from tests.llm_answers import CHAT
from tests.llm_stub import Answer, Stub, stub_server

GOOD = {"faithfulness": 4, "relevance": 5, "completeness": 3, "hallucination": 0, "toxicity": 0, "factual_accuracy": 5}


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with stub_server() as server:
        yield server


def said(text: str) -> Answer:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return Answer(json=CHAT | {"choices": [choice]})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two questions."""
    path = tmp_path / "canary.jsonl"
    lines: list[dict[str, Any]] = [
        {"prompt": "Capital of Switzerland?", "expected": "Bern"},
        {"prompt": "2 + 2?", "expected": "4", "match": "number", "system": "Be brief.", "id": "sum"},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def run(stub: Stub, file: Path, *more: str, **env: str) -> tuple[int, str]:
    variables = {"CALLGAUGE_EVAL_URL": f"{stub.url}/v1", "CALLGAUGE_EVAL_MODEL": "m-1", "CALLGAUGE_EVAL_KEY": "sk-eval"}
    variables |= {"CALLGAUGE_JUDGE_CONCURRENCY": "1", "CALLGAUGE_JUDGE_RETRIES": "0"} | env
    result = CliRunner().invoke(app, ["eval", str(file), *more], env=variables, catch_exceptions=False)
    return result.exit_code, result.output


def test_all_correct_is_0(stub: Stub, file: Path) -> None:
    """Each question is asked with its system prompt and the key; the model that answered is named."""
    stub.answers(said("It is Bern."), said("4"))
    code, output = run(stub, file, "--no-send")
    assert code == 0
    assert "canary.jsonl: 2 of 2 correct (100.0%, at least 100% wanted), answered by gpt-4o-2024-08-06" in output
    assert stub.seen[1].body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert stub.seen[0].headers["authorization"] == "Bearer sk-eval"


def test_too_few_correct_is_1(stub: Stub, file: Path) -> None:
    """The wrong ones are shown; --least says how many may be wrong."""
    stub.answers(said("It is Bern."), said("5"))
    code, output = run(stub, file, "--no-send")
    assert code == 1
    assert "sum: wrong: 5" in output
    assert "expected (number): 4" in output
    stub.answers(said("It is Bern."), said("5"))
    assert run(stub, file, "--no-send", "--least", "0.5")[0] == 0


def test_no_answer_is_2(stub: Stub, file: Path) -> None:
    """The endpoint's failure is no wrong answer."""
    stub.answers(said("It is Bern."), Answer(status=401, json={}))
    code, output = run(stub, file, "--no-send", "--json")
    found = json.loads(output)
    assert code == found["exit_code"] == 2
    assert (found["correct"], found["wrong"], found["unanswered"]) == (1, 0, 1)
    assert found["answers"][1]["error"] == "HTTP 401"


def test_a_judge_may_tell(stub: Stub, tmp_path: Path) -> None:
    """Where texts cannot be compared; its scores come too."""
    file = tmp_path / "open.jsonl"
    file.write_text(json.dumps({"prompt": "Why?", "expected": "Because.", "match": "judge"}))
    stub.answers(said("It is so."), said(json.dumps(GOOD)))
    judge = {"CALLGAUGE_JUDGE_URL": f"{stub.url}/v1", "CALLGAUGE_JUDGE_MODEL": "j", "CALLGAUGE_JUDGE_PRICE": "1,1"}
    code, output = run(stub, file, "--no-send", "--judge", "--json", **judge)
    assert code == 0
    assert json.loads(output)["answers"][0]["judge"] == GOOD
    stub.answers(said("It is so."), said("five stars"))
    code, output = run(stub, file, "--no-send", "--judge", "--json", **judge)
    assert (code, json.loads(output)["untold"]) == (1, 1)


def test_calls_and_scores_go_to_the_bus(stub: Stub, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question is a call of callgauge-eval; `correct` and the heuristics are its scores, in one series a set."""
    transport = MemoryTransport()
    monkeypatch.setattr(eval_command, "Gauge", lambda settings: Gauge(settings, transport=transport))
    stub.answers(said("It is Bern."), said("5"))
    assert run(stub, file)[0] == 1
    calls = [read(Call, m.value) for m in transport.messages if m.kind == "calls"]
    scores = [read(Score, m.value) for m in transport.messages if m.kind == "scores"]
    assert [(call.service, call.feature, call.tags["question"]) for call in calls] == [
        ("callgauge-eval", "canary", "1"),
        ("callgauge-eval", "canary", "sum"),
    ]
    assert len({call.prompt_version for call in calls}) == 1
    assert {score.event_id: score.value for score in scores if score.name == "correct"} == {
        calls[0].event_id: 1.0,
        calls[1].event_id: 0.0,
    }
    assert {"refusal", "quality"} <= {score.name for score in scores}
    assert all(score.labels["prompt_version"] == calls[0].prompt_version for score in scores)


def test_what_is_missing_is_said(file: Path, tmp_path: Path) -> None:
    """In one line each: no endpoint, no such file, a line that cannot be read."""
    from callgauge.errors import SettingError

    def refused(*arguments: str) -> str:
        with pytest.raises(SettingError) as error:
            CliRunner().invoke(app, ["eval", *arguments], catch_exceptions=False)
        return str(error.value)

    assert "--url and --model" in refused(str(file))
    assert "none.jsonl" in refused(str(tmp_path / "none.jsonl"))
    file.write_text("{")
    assert "canary.jsonl: line 1" in refused(str(file))
