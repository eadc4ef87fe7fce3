"""The labels of made-up calls: one number stands for all labels of a call."""

from __future__ import annotations

from callgauge_load.made.batch import Array, Batch
from callgauge_load.made.world import World

__all__ = ["ENVIRONMENT", "OPERATION", "label_codes", "labels_of"]

ENVIRONMENT, OPERATION = "production", "chat"


def label_codes(world: World, batch: Batch) -> Array:
    """A number for the labels of each call, shape (n,)."""
    routes = len(world.routes)
    code = (batch.service * routes + batch.route) * routes + batch.answered
    return (code * len(world.features) + batch.feature) * len(world.versions) + batch.version


def labels_of(world: World, code: int) -> dict[str, str]:
    """The labels that a number stands for, by name (any of `counted.LABELS`). The provider is the one that answered."""
    code, version = divmod(code, len(world.versions))
    code, feature = divmod(code, len(world.features))
    code, answered = divmod(code, len(world.routes))
    service, route = divmod(code, len(world.routes))
    return {
        "service": world.services[service].name,
        "environment": ENVIRONMENT,
        "feature": world.features[feature],
        "endpoint": world.routes[answered].region,
        "operation": OPERATION,
        "provider": world.routes[answered].provider,
        "model": world.routes[route].model,
        "response_model": world.routes[answered].response_model,
        "prompt_version": world.versions[version],
        "variant": "",
    }
