"""Says where a judge sends texts, before it sends them."""

from __future__ import annotations

from callgauge.content.choice import Choice, parse_choice
from callgauge.settings import Settings

__all__ = ["where_texts_go"]


def where_texts_go(settings: Settings) -> str:
    """What is sent where, in a line: said before it is."""
    host = settings.judge_url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    return (
        f"judge: prompts and answers of {_shares(parse_choice(settings.judge_share))} go to {host} (model "
        f"{settings.judge_model}), as they are on {settings.topics.content.name}: redacted by their services; "
        f"at most {settings.judge_budget_usd:g} USD a day"
    )


def _shares(choice: Choice) -> str:
    others = f"{choice.others:.3g} of the contents of {'all other' if choice.by_service else 'all'} services"
    return ", ".join([*(f"{share:.3g} of {service!r}" for service, share in choice.by_service.items()), others])
