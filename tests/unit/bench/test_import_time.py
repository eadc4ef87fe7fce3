"""The table of the import benchmark."""

from tests.bench.import_time import rows_of


def test_each_step_is_compared_with_the_first() -> None:
    """By medians of its rounds."""
    rows = rows_of({"python": [0.01, 0.02, 0.09], "import": [0.05, 0.04, 0.2]})
    assert [row["step"] for row in rows] == ["python", "import"]
    assert [round(float(str(row["median_ms"])), 6) for row in rows] == [20.0, 50.0]
    assert [round(float(str(row["more_than_python_ms"])), 6) for row in rows] == [0.0, 30.0]
    assert [row["times_python"] for row in rows] == [1.0, 2.5]
    assert (rows[1]["min_ms"], rows[1]["max_ms"]) == (40.0, 200.0)
