"""Times on the command line."""

from __future__ import annotations

import pytest

from callgauge.errors import SettingError
from callgauge_deploy.time_asked import time_ms

NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("now", NOW_MS),
        ("1h30m", NOW_MS - 5_400_000),
        ("2023-11-14", 1_699_920_000_000),
        ("2023-11-14T22:13:20Z", NOW_MS),
        ("2023-11-14 23:13:20+01:00", NOW_MS),
    ],
)
def test_times_and_how_long_ago(text: str, ms: int) -> None:
    """UTC, where no zone is named."""
    assert time_ms(text, NOW_MS, "--from") == ms


@pytest.mark.parametrize("text", ["", "yesterday", "7", "99999999d", "0001-01-01", "9999-12-31", "1\n2"])
def test_anything_else_is_one_line(text: str) -> None:
    """Also what is far from any call."""
    with pytest.raises(SettingError, match=r"^--to .*: write a time such as") as raised:
        time_ms(text, NOW_MS, "--to")
    assert "\n" not in str(raised.value)
