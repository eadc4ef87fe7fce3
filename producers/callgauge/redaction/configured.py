"""Makes the redactor that settings describe, and the one that needs none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

from callgauge.errors import SettingError
from callgauge.forks import no_fork
from callgauge.log_once import LogOnce
from callgauge.redaction.finding import Recogniser
from callgauge.redaction.own_patterns import read_own_patterns
from callgauge.redaction.redactor import FAILED, Hook, Redactor
from callgauge.settings import Settings

__all__ = ["gauge_redactor", "redact", "redactor_of"]


def redactor_of(
    settings: Settings, hook: Hook | None = None, on_failure: Callable[[Exception], None] = lambda error: None
) -> Redactor:
    """The redactor of these settings; what it needs is imported here.

    Args:
        hook, on_failure: see `Redactor`.

    Raises:
        SettingError: the file of patterns, or Presidio, cannot be used.
    """
    more: list[Recogniser] = []
    if settings.redact_patterns_file is not None:
        more += read_own_patterns(settings.redact_patterns_file)
    of_prose: list[Recogniser] = []
    if settings.redact_presidio:
        from callgauge.redaction.presidio import load_presidio  # not above: it takes seconds, and few have it

        with no_fork():
            of_prose.append(load_presidio(settings.redact_presidio))
    return Redactor(more, of_prose, hook, settings.redact_key.get_secret_value().encode(), on_failure)


def gauge_redactor(settings: Settings, hook: Hook | None = None) -> Redactor | None:
    """The redactor of a Gauge, or of the gateway; it tells its failures in the log, once per kind. None where settings
    turn it off.

    Raises:
        SettingError: see `redactor_of`; or there is a hook, and redaction is turned off.
    """
    if not settings.redact:
        if hook is not None:
            raise SettingError("CALLGAUGE_REDACT is false, but a Gauge is given `redact`: leave one of the two out")
        return None
    log = LogOnce(logging.getLogger("callgauge"))

    def on_failure(error: Exception) -> None:  # without its text, which might hold what was to be redacted
        name = type(error).__name__
        log.warn(f"redaction {name}", "a text could not be redacted, and %s is sent for it: %s", FAILED, name)

    return redactor_of(settings, hook, on_failure)


def redact(text: str) -> str:
    """A text with what is always looked for replaced, whatever the settings.

    >>> redact("the key of anna@example.org is sk-proj-Q8zXw0v2rTn6JdKfLm3s")
    'the key of [email] is [openai_key]'
    """
    return _standard().text(text)


@cache
def _standard() -> Redactor:
    return Redactor()
