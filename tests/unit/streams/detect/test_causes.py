"""Many series of one provider that fire within a minute have a common cause, presumably."""

from __future__ import annotations

from callgauge.schema import Alert
from callgauge_streams.detect.causes import Causes
from tests.unit.sinks.notify.alerts import T0
from tests.unit.sinks.notify.alerts import alert as made


def alert(model: str, at: float = 0, provider: str = "openai", state: str = "firing", rule: str = "slow") -> Alert:
    labels = {"provider": provider, "model": model}
    return made(state, rule=rule, labels=labels, provider=provider, fired_at=T0 + at)


def suspected(causes: Causes, *alerts: Alert) -> list[str]:
    return [each.suspected_cause for each in causes.suspect(list(alerts))]


def test_five_series_within_a_minute_are_suspected() -> None:
    """Those of one record, and what follows within the minute; the end of an alert says nothing."""
    causes = Causes()
    text = "{} series of provider=openai fire within a minute"
    assert suspected(causes, *(alert(model, 10) for model in "abcd")) == [""] * 4
    assert suspected(causes, alert("e", 40), alert("f", 40), alert("a", 40, state="resolved")) == [
        text.format(6)
    ] * 2 + [""]
    assert suspected(causes, alert("g", 65)) == [text.format(7)]
    assert suspected(causes, alert("h", 200)) == [""]


def test_several_rules_on_one_series_are_one_series() -> None:
    """And providers are counted apart."""
    causes = Causes()
    assert set(suspected(causes, *(alert("a", rule=f"rule{n}") for n in range(9)))) == {""}
    assert set(suspected(causes, *(alert(m, provider=p) for m in "bcd" for p in ("openai", "anthropic")))) == {""}


def test_a_worker_that_is_started_knows_what_fires() -> None:
    causes = Causes([alert(model) for model in "abcd"])
    assert suspected(causes, alert("e", 30)) == ["5 series of provider=openai fire within a minute"]
