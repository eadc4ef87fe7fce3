"""`callgauge eval`: a set of questions with known answers through an endpoint; calls and scores on the bus, an exit
code."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callgauge.errors import BrokerError, SettingError
from callgauge.gauge import Gauge
from callgauge.printable import json_printable, printable
from callgauge.settings import Settings
from callgauge_deploy.command import client_settings
from callgauge_deploy.command import load as load_module

if TYPE_CHECKING:
    from callgauge_streams.judge.evaluation import Answered

__all__ = ["evaluate"]

_SHOWN = 10


def evaluate(
    file: Annotated[Path, typer.Argument(help="JSON lines of prompt, expected and match.", metavar="FILE")],
    model: Annotated[str, typer.Option(help="The model asked; by default CALLGAUGE_EVAL_MODEL.")] = "",
    url: Annotated[str, typer.Option(help="Base URL of its API; by default CALLGAUGE_EVAL_URL.")] = "",
    least: Annotated[float, typer.Option(min=0, max=1, help="Share of correct answers below which it fails.")] = 1.0,
    judge: Annotated[bool, typer.Option("--judge", help="Have the answers judged too (CALLGAUGE_JUDGE_URL).")] = False,
    send: Annotated[bool, typer.Option("--send/--no-send", help="Send calls and scores to the bus.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Ask a model questions whose answers are known, and score what it says.

    The exit code is 0 when enough answers are correct, 1 when too few are, 2 when a question got no answer. Calls and
    scores (`correct` and the heuristics) are of the service `callgauge-eval`; its feature is the name of the file.
    """
    load_module("httpx", "quality")
    settings = client_settings()
    truths = _truths(file)
    given = {"eval_model": model or settings.eval_model, "eval_url": url or settings.eval_url}
    settings = settings.model_copy(update=given)
    if not settings.eval_url or not settings.eval_model:
        raise SettingError("name the endpoint and the model: --url and --model, or CALLGAUGE_EVAL_URL and _MODEL")
    answered = asyncio.run(_run(settings, truths, with_judge=judge))
    if send:
        _send(settings, file.stem, truths, answered)
    summary = _summary(answered, least)
    if as_json:
        typer.echo(json_printable(json.dumps({**summary, "answers": [_row(each) for each in answered]}, indent=2)))
    else:
        _print(file, settings, summary, answered)
    if code := summary["exit_code"]:
        raise typer.Exit(code)


def _truths(file: Path) -> list[Any]:
    module = load_module("callgauge_quality.truths", "quality")
    try:
        found: list[Any] = module.parse_truths(file.read_text("utf-8").splitlines())
    except (OSError, UnicodeDecodeError, module.TruthError) as error:
        raise SettingError(f"{file}: {error}") from None
    return found


async def _run(settings: Settings, truths: list[Any], *, with_judge: bool) -> list[Answered]:
    module = load_module("callgauge_streams.judge.evaluation", "quality")
    config = load_module("callgauge_streams.judge.config", "quality")
    endpoint = config.eval_endpoint_of(settings)
    judge, judge_endpoint = config.one_off_judge(settings) if with_judge else (None, None)
    try:
        evaluation = module.Evaluation(endpoint, settings.eval_model, judge, concurrency=settings.judge_concurrency)
        found: list[Answered] = await evaluation.run(truths, lambda answered: None)
        return found
    finally:
        for each in filter(None, (endpoint, judge_endpoint)):
            await each.close()


def _send(settings: Settings, name: str, truths: list[Any], answered: list[Answered]) -> None:
    """The calls, and the scores of the last of each question."""
    module = load_module("callgauge_streams.judge.evaluation", "quality")
    call_of = load_module("callgauge_streams.judge.own_calls", "quality").call_of
    version = module.version_of(truths)
    with Gauge(settings) as gauge:
        for each in answered:
            call = None
            for attempt in each.attempts:
                call = call_of(
                    attempt, service=module.EVAL_SERVICE, model=settings.eval_model, prompt_version=version,
                    price=lambda fields: None, judged="",
                ).model_copy(update={"feature": name, "tags": {"question": each.truth.id}})  # fmt: skip
                gauge.emit(call)
            if each.correct is not None:
                gauge.score("correct", each.correct, call, origin="heuristic")
            for origin, scores in (("heuristic", each.heuristic), ("judge", each.judged)):
                for score, value in scores.items():
                    gauge.score(score, value, call, origin=origin)  # type: ignore[arg-type]  # two of its literals
        if left := gauge.flush(30.0):
            where = settings.bootstrap_servers
            raise BrokerError(f"{left} calls and scores could not be sent to {where}; --no-send does without")


def _summary(answered: list[Answered], least: float) -> dict[str, Any]:
    told = [each for each in answered if each.correct is not None]
    correct = sum(bool(each.correct) for each in told)
    unanswered = sum(each.answer is None for each in answered)
    share = correct / len(answered)
    models = sorted({each.attempts[-1].response_model for each in answered if each.answer is not None})
    code = 2 if unanswered else 0 if share >= least else 1
    return {
        "questions": len(answered),
        "correct": correct,
        "wrong": len(told) - correct,
        "untold": len(answered) - len(told) - unanswered,
        "unanswered": unanswered,
        "share": share,
        "least": least,
        "answered_by": models,
        "at": time.time(),
        "exit_code": code,
    }


def _row(each: Answered) -> dict[str, Any]:
    return {
        "id": each.truth.id,
        "prompt": each.truth.prompt,
        "expected": each.truth.expected,
        "answer": each.answer,
        "correct": each.correct,
        "heuristic": dict(each.heuristic),
        "judge": dict(each.judged),
        "error": each.error,
    }


def _print(file: Path, settings: Settings, summary: dict[str, Any], answered: list[Answered]) -> None:
    by = ", ".join(filter(None, summary["answered_by"])) or settings.eval_model
    typer.echo(
        f"{file.name}: {summary['correct']} of {summary['questions']} correct ({summary['share']:.1%}, at least "
        f"{summary['least']:.0%} wanted), answered by {printable(by)}"
    )
    wrong = [each for each in answered if not each.correct]
    for each in wrong[:_SHOWN]:
        said = each.error if each.answer is None else each.answer
        verdict = "no answer" if each.answer is None else "not told" if each.correct is None else "wrong"
        typer.echo(f"  {each.truth.id}: {verdict}: {printable(' '.join(said.split())[:160])}")
        typer.echo(f"      expected ({each.truth.match}): {printable(each.truth.expected[:160])}")
    if len(wrong) > _SHOWN:
        typer.echo(f"  ... and {len(wrong) - _SHOWN} more; --json has all")
