"""Short names of the code and the rules that results follow from: other code, other name."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import ModuleType

import callgauge
import callgauge_detectors
import callgauge_load
import callgauge_rules
import callgauge_streams
import callgauge_windows
from callgauge_rules.rule_file import raw_rule_file
from tests.bench.detection.judged import THREE_SIGMA

__all__ = ["code_of_judging", "code_of_making"]

_HERE = Path(__file__).parent


def _folder(module: ModuleType) -> Path:
    return Path(str(module.__file__)).parent


_STREAMS = _folder(callgauge_streams)
_MAKING = (
    _folder(callgauge_load),
    _folder(callgauge_windows),
    _STREAMS / "rollup",
    *(_folder(callgauge) / name for name in ("counted.py", "units.py", "groupings.py")),
    *(_HERE / f"{name}.py" for name in ("made_log", "made_rows", "plan", "runs", "side_by_side")),
)
_JUDGING = (
    _folder(callgauge_detectors),
    _folder(callgauge_rules),
    _folder(callgauge_windows),
    _STREAMS / "detect",
    *(_HERE / f"{name}.py" for name in ("judged", "runs")),
)
_THREE_SIGMA = (_HERE / "three_sigma.py", _HERE / "runs.py")


@cache
def code_of_making() -> str:
    """Of what makes a load and counts it."""
    return _hashed(_sources(_MAKING))


@cache
def code_of_judging(name: str, rules: Path | None) -> str:
    """Of what a rule set judges by.

    Args:
        rules: see `judged.judge_of`.
    """
    return _hashed(_sources(_THREE_SIGMA) if name == THREE_SIGMA else (*_sources(_JUDGING), raw_rule_file(rules)[1]))


@cache
def _sources(places: Iterable[Path]) -> tuple[bytes, ...]:
    files = [file for place in places for file in (sorted(place.rglob("*.py")) if place.is_dir() else [place])]
    return tuple(file.read_bytes() for file in files)


def _hashed(parts: Iterable[bytes]) -> str:
    digest = blake2b(digest_size=5)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()
