"""The judge as the settings have it."""

from __future__ import annotations

import logging
import time

from callgauge.content.choice import parse_choice
from callgauge.errors import SettingError
from callgauge.settings import Settings
from callgauge_quality.judge_budget import Budget
from callgauge_quality.judge_cache import JudgeCache
from callgauge_quality.judge_sample import SampleConfig
from callgauge_quality.rubric import RubricError, load_rubric
from callgauge_quality.truths import TruthError, expected_answers, parse_truths
from callgauge_streams.judge.asking import Asking, Judge
from callgauge_streams.judge.endpoint import Attempt, Endpoint, checked_url
from callgauge_streams.judge.own_calls import JUDGE_SERVICE, call_of, price_of

__all__ = ["endpoint_of", "eval_endpoint_of", "judge_of", "one_off_judge", "sample_of", "truths_of"]

log = logging.getLogger(__name__)


def judge_of(settings: Settings) -> Judge:
    """Who judges.

    Raises:
        SettingError: a setting is missing or wrong.
    """
    if not settings.judge_url:
        raise SettingError(
            "CALLGAUGE_JUDGE_URL: the judge is off: prompts and answers would go to the address that this setting "
            "names; set it, CALLGAUGE_JUDGE_MODEL and CALLGAUGE_JUDGE_KEY"
        )
    if not settings.judge_model:
        raise SettingError("CALLGAUGE_JUDGE_MODEL: write the model that judges")
    try:
        rubric = load_rubric(settings.judge_rubric)
    except RubricError as error:
        raise SettingError(f"CALLGAUGE_JUDGE_RUBRIC: {error}") from None
    return Judge(settings.judge_model, rubric, settings.judge_structure)


def endpoint_of(settings: Settings) -> Endpoint:
    """Where the judge is asked."""
    url = checked_url(settings.judge_url, allow_http=settings.judge_allow_http)
    return Endpoint(url, settings.judge_key, timeout_s=settings.judge_timeout_s, retries=settings.judge_retries)


def eval_endpoint_of(settings: Settings) -> Endpoint:
    """Where `callgauge eval` asks, with the judge's deadline and retries."""
    url = checked_url(settings.eval_url, "CALLGAUGE_EVAL_URL", allow_http=settings.judge_allow_http)
    return Endpoint(url, settings.eval_key, timeout_s=settings.judge_timeout_s, retries=settings.judge_retries)


def one_off_judge(settings: Settings) -> tuple[Asking, Endpoint]:
    """A judge for a command: its calls are not sent to the bus, and its budget is that of this run."""
    judge, endpoint, price = judge_of(settings), endpoint_of(settings), price_of(settings, log)

    async def told(attempt: Attempt, event_id: str) -> float:
        call = call_of(
            attempt,
            service=JUDGE_SERVICE,
            model=judge.model,
            prompt_version=judge.rubric.version,
            price=price,
            judged=event_id,
        )
        return call.cost_usd or 0.0

    budget = Budget(settings.judge_budget_usd)
    return Asking(endpoint, judge, budget, JudgeCache(settings.judge_cache), told, time.time), endpoint


def sample_of(settings: Settings) -> SampleConfig:
    """Which answers are judged."""
    return SampleConfig(
        share=parse_choice(settings.judge_share),
        new_share=settings.judge_new_share,
        new_count=settings.judge_new_count,
        per_minute=settings.judge_per_minute,
    )


def truths_of(settings: Settings) -> dict[str, str]:
    """Question -> expected answer, of the file that the settings name.

    Raises:
        SettingError: it cannot be read.
    """
    path = settings.judge_truths_file
    if path is None:
        return {}
    try:
        return expected_answers(parse_truths(path.read_text("utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, TruthError) as error:
        raise SettingError(f"CALLGAUGE_JUDGE_TRUTHS_FILE: {path}: {error}") from None
