"""A web server for receivers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.sinks.notify.http_stub import Stub, serving


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub()) as running:
        yield running
