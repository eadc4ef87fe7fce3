"""The made-up world: providers, models, regions, and services with their own shapes of traffic."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from callgauge_load.made.figures import FIGURES

__all__ = ["QUIET_PER_S", "Route", "Service", "World", "make_world"]

#: A quiet service has three calls an hour.
QUIET_PER_S = 3 / 3_600

# Invented names: the speeds are real ones, but say nothing about today's providers.
_PROVIDERS = ("alder", "birch", "cedar")
_SIZES = (("large", 3.0, 15.0), ("small", 0.25, 1.25))  # dollars per million tokens, input and output: assumed
_REGIONS = ("eu", "us")
_SPEEDS = {
    ("alder", "large"): "bedrock/llama2-70b-chat",
    ("alder", "small"): "fireworks/llama2-7b-chat",
    ("birch", "large"): "fireworks/llama2-70b-chat",
    ("birch", "small"): "anyscale/llama2-7b-chat",
    ("cedar", "large"): "groq/llama2-70b-chat",
    ("cedar", "small"): "anyscale/llama2-13b-chat",
}
_WORKLOADS = {  # name of the service -> whose token lengths it has
    "chat": "azure-conv",
    "code": "azure-code",
    "search": "servegen-m-large",
    "agent": "servegen-m-mid",
    "tagging": "servegen-m-small",
    "research": "servegen-deepseek-r1",
}
_FEATURES = ("answer", "summary", "rewrite", "classify")
_VERSIONS = ("v7", "v8")


@dataclass(frozen=True)
class Route:
    """A model of a provider in a region."""

    provider: str
    model: str
    response_model: str
    region: str
    input_usd: float
    """Per million tokens, as `output_usd`."""
    output_usd: float
    speed: dict[str, float]
    """Median and sigma (of ln) of TTFT and of the time between tokens, ms."""
    noise: int
    """Key of how its speed wavers (callgauge_load.made.weather)."""


@dataclass(frozen=True)
class Service:
    """A service, and what its calls are drawn from."""

    name: str
    per_s: float
    """Calls per second, mean over a week."""
    quiet: bool
    hours: tuple[float, ...]
    """Relative traffic of the 168 hours of a week, mean 1."""
    gap_cv: float
    """Coefficient of variation of the times between calls, in a time that runs with the traffic; 1 is Poisson's."""
    workload: str
    routes: tuple[int, ...]
    """Places in `World.routes`, large and small model of one provider, in each region."""
    route_shares: tuple[float, ...]
    fallback: tuple[int, ...]
    """For each of `routes` the one that answers when it does not."""
    features: tuple[str, ...]
    versions: tuple[str, ...]
    users: int
    user_exponent: float
    """Of Zipf's law; users are numbered by activity, the most active is 0."""
    stream_share: float
    answer_cache_share: float
    """Of calls that are answered from a cache of answers."""
    prompt_cache_share: float
    """Of calls whose prompt the provider has cached in large part."""
    error_share: float
    judged_share: float
    """Of calls that get a quality score."""
    noise: int
    """Key of how its traffic wavers; one more, of its failures."""


@dataclass(frozen=True)
class World:
    """All services, and the routes they use."""

    seed: int
    services: tuple[Service, ...]
    routes: tuple[Route, ...]
    features: tuple[str, ...] = _FEATURES
    versions: tuple[str, ...] = _VERSIONS

    @property
    def providers(self) -> list[str]:
        """Each once."""
        return list(dict.fromkeys(route.provider for route in self.routes))

    @property
    def per_s(self) -> float:
        """Calls per second of all services, mean over a week."""
        return sum(service.per_s for service in self.services)


def make_world(services: int, per_s: float, seed: int) -> World:
    """So many services with `per_s` calls per second in all, mean over a week; every tenth (at least one of three) is
    quiet.

    Raises:
        ValueError: no service, or fewer calls than the quiet services have.
    """
    if services < 1:
        raise ValueError(f"{services} services: at least one is needed")
    quiet = max(services // 10, services >= 3)
    rest = per_s - quiet * QUIET_PER_S
    if rest <= 0:
        raise ValueError(f"{per_s:g} calls/s are too few: {quiet} quiet services alone have {quiet * QUIET_PER_S:.3g}")
    routes = _routes(seed)
    rng = np.random.default_rng([seed, 1])
    weights = 1.0 / np.arange(1, services - quiet + 1) ** 0.7
    rates = [*(rest * weights / weights.sum()).tolist(), *[QUIET_PER_S] * quiet]
    made = [_service(rng, at, rate, routes, quiet=at >= services - quiet) for at, rate in enumerate(rates)]
    return World(seed, tuple(made), routes)


def _routes(seed: int) -> tuple[Route, ...]:
    keys = iter(np.random.default_rng([seed, 7]).integers(1 << 40, size=len(_SPEEDS) * len(_REGIONS)).tolist())
    return tuple(
        Route(
            provider,
            f"{provider}-{size}",
            f"{provider}-{size}-2025-06",
            region,
            input_usd,
            output_usd,
            FIGURES["speed"][_SPEEDS[provider, size]],
            next(keys),
        )
        for provider, (size, input_usd, output_usd), region in product(_PROVIDERS, _SIZES, _REGIONS)
    )


def _service(rng: Any, number: int, per_s: float, routes: tuple[Route, ...], *, quiet: bool) -> Service:
    job = list(_WORKLOADS)[number % len(_WORKLOADS)]
    provider = _PROVIDERS[number % len(_PROVIDERS)]
    other = _PROVIDERS[(number + 1) % len(_PROVIDERS)]
    per_provider = len(_SIZES) * len(_REGIONS)
    own, spare = _PROVIDERS.index(provider) * per_provider, _PROVIDERS.index(other) * per_provider
    large, eu = rng.uniform(0.5, 0.9), rng.uniform(0.4, 0.8)
    shapes = list(FIGURES["weekly"].values())
    shape = np.roll(shapes[rng.integers(len(shapes))], rng.integers(-6, 7))
    return Service(
        name=f"{job}-{number + 1:02}",
        per_s=per_s,
        quiet=quiet,
        hours=tuple(shape.tolist()),
        gap_cv=1.0 if quiet else float(rng.choice(FIGURES["gap_cv"][:-1] * 3 + FIGURES["gap_cv"][-1:])),
        workload=_WORKLOADS[job],
        routes=tuple(range(own, own + per_provider)),
        route_shares=(large * eu, large * (1 - eu), (1 - large) * eu, (1 - large) * (1 - eu)),
        fallback=tuple(range(spare, spare + per_provider)),
        features=_FEATURES[: int(rng.integers(2, len(_FEATURES) + 1))],
        versions=_VERSIONS,
        users=int(rng.integers(200, 2_000)),
        user_exponent=float(rng.uniform(0.9, 1.3)),
        stream_share=0.9 if job in ("chat", "code", "research") else 0.2,
        answer_cache_share=float(rng.uniform(0.02, 0.15)),
        prompt_cache_share=float(rng.uniform(0.3, 0.7)),
        error_share=float(rng.uniform(0.002, 0.01)),
        judged_share=1.0 if quiet else 0.1,
        noise=int(rng.integers(1 << 40)),
    )
