"""Rubrics: what a judge is asked, in files with a version. Scores of two versions are never the same score.

version: answer-1
scores:
  relevance: {scale: [1, 5], asks: Is the answer about what was asked? ...}
  factual_accuracy: {scale: [1, 5], needs: expected, asks: ...}     # only where the expected answer is known
system: You grade one answer ...
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import yaml

__all__ = ["Criterion", "Rubric", "RubricError", "load_rubric", "parse_rubric"]


class RubricError(ValueError):
    """A rubric that cannot be used; the message says what and where."""


@dataclass(frozen=True)
class Criterion:
    """One score that a judge gives, a whole number of its scale."""

    name: str
    least: int
    most: int
    asks: str
    needs_expected: bool = False


@dataclass(frozen=True)
class Rubric:
    """What a judge is asked."""

    version: str
    system: str
    criteria: tuple[Criterion, ...]

    def asked(self, *, expected: bool) -> tuple[Criterion, ...]:
        """The criteria, those that need an expected answer only where there is one."""
        return tuple(each for each in self.criteria if expected or not each.needs_expected)


class _Score(msgspec.Struct, forbid_unknown_fields=True):
    scale: tuple[int, int]
    asks: str
    needs: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    scores: dict[str, _Score]
    system: str


def parse_rubric(text: str) -> Rubric:
    """A rubric file's rubric.

    Raises:
        RubricError: see there.
    """
    try:
        value: Any = yaml.safe_load(text)
        file = msgspec.convert(value, _File)
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise RubricError(" ".join(str(error).split())) from None
    if not file.version or len(file.version) > 64 or not file.scores:
        raise RubricError("a rubric needs a version of at most 64 characters, and scores")
    for name, score in file.scores.items():
        least, most = score.scale
        if not 0 <= least < most <= 100 or not score.asks or score.needs not in ("", "expected") or len(name) > 128:
            raise RubricError(
                f"scores.{name}: a scale [least, most] within 0 and 100, a question, needs: expected or none"
            )
    criteria = (Criterion(n, *s.scale, s.asks, s.needs == "expected") for n, s in file.scores.items())
    return Rubric(file.version, file.system, tuple(criteria))


def load_rubric(name: str) -> Rubric:
    """A rubric that is shipped ("answer-1"), or that of a file (a path that ends in .yaml).

    Raises:
        RubricError: there is none, or it cannot be used.
    """
    shipped = resources.files("callgauge_quality") / "rubrics" / f"{name}.yaml"
    try:
        if name.endswith((".yaml", ".yml")):
            return parse_rubric(Path(name).read_text("utf-8"))
        if "/" not in name and shipped.is_file():
            return parse_rubric(shipped.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RubricError(f"{name}: {error}") from None
    raise RubricError(f"{name!r} is no rubric: write answer-1, or the path of a YAML file")
