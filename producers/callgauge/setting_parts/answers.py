"""Quality of answers: heuristics, the judge, embeddings, `callgauge eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from callgauge.setting_parts.part import Part

__all__ = ["EmbeddingsSettings", "EvalSettings", "JudgeSettings", "QualitySettings"]


class QualitySettings(Part):
    """Quality."""

    quality_calls: str = Field(
        default="0.05",
        description="Whose response_length, cut_off and blocked are scored, which need no text; as CALLGAUGE_CONTENT.",
    )
    quality_weights: str = Field(
        default="", description="Weights of the overall quality that differ from the default: refusal=3,coherence=0."
    )
    quality_refusal_threshold: float = Field(
        default=0.5, gt=0, lt=1, description="Probability from which an answer counts as a refusal."
    )
    quality_expect: str = Field(
        default="",
        description="What services answer in: extract=json,orders=order-schema.json,chat=de; alone: all others.",
    )
    quality_unsafe_file: Path | None = Field(
        default=None, description="More phrases that count as unsafe_terms, one a line; empty: none."
    )


class JudgeSettings(Part):
    """The judge."""

    judge_url: str = Field(
        default="",
        description="Base URL of an OpenAI-compatible API that judges answers: texts go there; empty: no judge.",
    )
    judge_model: str = Field(default="", max_length=256, description="The model that judges.")
    judge_key: SecretStr = Field(default=SecretStr(""), description="API key of the judge's endpoint.")
    judge_allow_http: bool = Field(default=False, description="The judge's endpoint may be http:// on another machine.")
    judge_share: str = Field(
        default="0.05",
        description="Share of the contents that is judged, as CALLGAUGE_CONTENT: 0.05,chat=0.1,search=off.",
    )
    judge_new_share: float = Field(
        default=0.25, ge=0, le=1, description="Share that is judged at least of the first answers of a prompt version."
    )
    judge_new_count: int = Field(default=200, ge=0, description="How many answers of a prompt version are its first.")
    judge_per_minute: int = Field(
        default=30, ge=0, description="Answers of a service and partition judged a minute, at most; 0: no limit."
    )
    judge_rubric: str = Field(
        default="answer-1", description="What the judge is asked: a shipped rubric, or a YAML file."
    )
    judge_structure: Literal["json_schema", "json_object", "none"] = Field(
        default="json_schema", description="How the endpoint is told to answer in JSON."
    )
    judge_truths_file: Path | None = Field(
        default=None, description="Questions and expected answers (JSON lines), for factual_accuracy; empty: none."
    )
    judge_concurrency: int = Field(default=4, ge=1, le=256, description="Judgements of a worker at once.")
    judge_timeout_s: float = Field(default=30.0, gt=0, description="How long the endpoint may take for an answer.")
    judge_retries: int = Field(
        default=3, ge=0, le=20, description="Further attempts after 408, 429, 5xx and no answer."
    )
    judge_budget_usd: float = Field(
        default=5.0,
        ge=0,
        description="What judges may spend on a day (UTC), shared by partitions; then they stop and say so.",
    )
    judge_price: str = Field(
        default="", description="Dollars per million tokens of input and output: 0.15,0.60; empty: the table's price."
    )
    judge_spent_file: Path | None = Field(
        default=None, description="Keeps what was spent today over a restart; empty: a restart begins anew."
    )
    judge_cache: int = Field(default=10_000, ge=0, description="Judgements kept, for answers that come again.")


class EmbeddingsSettings(Part):
    """Embeddings."""

    embeddings_url: str = Field(
        default="",
        description="Base URL of an OpenAI-compatible API for embeddings: questions and answers go there; empty: off.",
    )
    embeddings_model: str = Field(default="", max_length=256, description="The model that makes them.")
    embeddings_key: SecretStr = Field(default=SecretStr(""), description="API key of that endpoint.")
    embeddings_allow_http: bool = Field(
        default=False, description="The endpoint of embeddings may be http:// on another machine."
    )
    embeddings_share: str = Field(
        default="0.05", description="Share of the contents, as CALLGAUGE_CONTENT: 0.05,chat=0.1,search=off."
    )
    embeddings_per_minute: int = Field(
        default=60, ge=0, description="Answers of a service and worker a minute, at most; 0: no limit."
    )
    embeddings_timeout_s: float = Field(
        default=10.0, gt=0, description="How long the endpoint may take; then it is left alone for 30 s."
    )
    embeddings_cache: int = Field(default=4_096, ge=1, description="Embeddings kept, for texts that come again.")


class EvalSettings(Part):
    """`callgauge eval`."""

    eval_url: str = Field(default="", description="Base URL of the API that `callgauge eval` asks.")
    eval_model: str = Field(default="", max_length=256, description="The model that `callgauge eval` asks.")
    eval_key: SecretStr = Field(default=SecretStr(""), description="API key of that endpoint.")
