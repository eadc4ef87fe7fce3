"""The picture of the comparison."""

from pathlib import Path

from tests.bench.peers.draw import draw_peers
from tests.bench.peers.result import figures_of
from tests.bench.reading import Reading


def test_a_picture_is_written(tmp_path: Path) -> None:
    """Of readers that differ a thousandfold."""
    figures = figures_of({"callgauge": [Reading(900, 1.0, 0.9, 1.0)], "clickhouse": [Reading(1, 1.0, 0.6, 1.0)]})
    path = draw_peers(tmp_path / "bench" / "peers.png", {"80 series": figures, "10,000 series": figures}, "in a test")
    assert path.read_bytes().startswith(b"\x89PNG")
