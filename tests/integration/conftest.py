"""Settings for tests that need one broker, whichever."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from tests.brokers import Broker


@pytest.fixture
def tansu_settings(tansu: Broker, settings_of: Callable[..., Settings]) -> Settings:
    """Settings for tansu, with topics of the test's own that are there."""
    settings = settings_of(tansu)
    ensure_topics(settings)
    return settings
