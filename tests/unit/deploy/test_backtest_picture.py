"""`callgauge rules test --png` draws what fired."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib import image

from callgauge.errors import SettingError
from callgauge_deploy.backtest_picture import MOST, draw_episodes
from callgauge_streams.detect.episodes import Episode

ONE = Episode(
    rule="slow", labels={"model": "$5 a\x1b[2J"}, severity="critical", starts_at=1_700_000_000.0,
    fired_at=1_700_000_060.0, resolved_at=1_700_000_300.0, aggregate="latency_p95_ms", op="gt", baseline=2.0, worst=9.0,
    summary="", points=[(1_700_000_000.0 + 10 * at, float(at % 7)) for at in range(40)], flapping=False,
)  # fmt: skip


def test_each_episode_is_a_strip_with_its_time(tmp_path: Path) -> None:
    """Two strips are twice as high as one; what fired is shaded in the colour of its severity."""
    assert draw_episodes([ONE], 1_700_000_400.0, tmp_path / "one.png") == 1
    still = replace(ONE, resolved_at=None, severity="warning")
    assert draw_episodes([ONE, still, replace(ONE, points=[])], 1_700_000_400.0, tmp_path / "two.png") == 2
    one, two = (image.imread(tmp_path / f"{name}.png") for name in ("one", "two"))
    assert two.shape[0] == 2 * one.shape[0]
    red = (one[:, :, 0] > 0.8) & (one[:, :, 1] < 0.9) & (one[:, :, 0] - one[:, :, 1] > 0.05)
    assert red.mean() > 0.1


def test_at_most_so_many_are_drawn_and_none_is_a_picture_too(tmp_path: Path) -> None:
    assert draw_episodes([ONE] * (MOST + 5), 1_700_000_400.0, tmp_path / "many.png") == MOST
    assert draw_episodes([], 1_700_000_400.0, tmp_path / "none.png") == 0
    assert (tmp_path / "none.png").stat().st_size > 1_000


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"--png .*No such file"):
        draw_episodes([ONE], 0.0, tmp_path / "nowhere" / "x.png")
