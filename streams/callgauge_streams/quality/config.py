"""The heuristics as the settings have them."""

from __future__ import annotations

from pathlib import Path

from callgauge.errors import SettingError
from callgauge.settings import Settings
from callgauge_quality.answer_format import Check
from callgauge_quality.heuristics import Expected, Heuristics
from callgauge_quality.lexicon import Lexicon
from callgauge_quality.overall import parse_weights
from callgauge_quality.safety import PHRASES
from callgauge_quality.stop_words import LANGUAGES
from callgauge_streams.quality.schema_check import schema_check

__all__ = ["heuristics_of", "parse_expected"]

_SCRIPTS = ("ja", "ko", "zh", "ru", "ar", "el", "he", "hi")


def heuristics_of(settings: Settings) -> Heuristics:
    """What the quality worker scores with.

    Raises:
        SettingError: a setting cannot be understood, or a file that it names cannot be read.
    """
    try:
        weights = parse_weights(settings.quality_weights)
    except ValueError as error:
        raise SettingError(f"CALLGAUGE_QUALITY_WEIGHTS: {error}") from None
    return Heuristics(
        weights=weights,
        refusal_threshold=settings.quality_refusal_threshold,
        expected=parse_expected(settings.quality_expect),
        unsafe=_lexicon(settings.quality_unsafe_file),
    )


def parse_expected(text: str) -> dict[str, Expected]:
    """What each service expects, of "extract=json, chat=de, orders=order.json, de": what stands alone is of all others.

    A service may be named several times.

    Raises:
        SettingError: it cannot be understood; the message says what to write.
    """
    found: dict[str, Expected] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        service, _, wanted = (piece.strip() for piece in part.rpartition("="))
        before = found.get(service, Expected())
        if wanted == "json":
            found[service] = Expected(True, before.check, before.language)
        elif wanted in LANGUAGES or wanted in _SCRIPTS:
            found[service] = Expected(before.json, before.check, wanted)
        elif wanted.endswith(".json"):
            found[service] = Expected(True, _schema(Path(wanted)), before.language)
        else:
            languages = " ".join([*LANGUAGES, *_SCRIPTS])
            raise SettingError(
                f"CALLGAUGE_QUALITY_EXPECT: {part!r}: write json, the path of a JSON Schema (.json), or one "
                f"of {languages}"
            )
    return found


def _schema(path: Path) -> Check:
    try:
        return schema_check(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise SettingError(f"CALLGAUGE_QUALITY_EXPECT: {path}: {error}") from None


def _lexicon(path: Path | None) -> Lexicon:
    if path is None:
        return Lexicon(PHRASES)
    try:
        lines = path.read_text("utf-8").lower().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"CALLGAUGE_QUALITY_UNSAFE_FILE: {path}: {error}") from None
    return Lexicon([*PHRASES, *(line for line in map(str.strip, lines) if line and not line.startswith("#"))])
