"""Says where texts go, before they go there: to a judge, or to an endpoint that makes embeddings of them."""

from __future__ import annotations

from callgauge.content.choice import Choice, parse_choice
from callgauge.settings import Settings

__all__ = ["where_embeddings_go", "where_texts_go"]


def where_texts_go(settings: Settings) -> str:
    """What is sent where, in a line: said before it is."""
    shares, host = _shares(parse_choice(settings.judge_share)), _host(settings.judge_url)
    return (
        f"judge: prompts and answers of {shares} go to {host} (model "
        f"{settings.judge_model}), as they are on {settings.topics.content.name}: redacted by their services; "
        f"at most {settings.judge_budget_usd:g} USD a day"
    )


def where_embeddings_go(settings: Settings) -> str:
    """What is sent for embeddings where, in a line: said before it is."""
    most = settings.embeddings_per_minute
    limit = f"at most {most} answers of a service a minute" if most else "no limit"
    return (
        f"embeddings: questions and answers of {_shares(parse_choice(settings.embeddings_share))} go to "
        f"{_host(settings.embeddings_url)} (model {settings.embeddings_model}), as they are on "
        f"{settings.topics.content.name}: redacted by their services; {limit}"
    )


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2]


def _shares(choice: Choice) -> str:
    others = f"{choice.others:.3g} of the contents of {'all other' if choice.by_service else 'all'} services"
    return ", ".join([*(f"{share:.3g} of {service!r}" for service, share in choice.by_service.items()), others])
