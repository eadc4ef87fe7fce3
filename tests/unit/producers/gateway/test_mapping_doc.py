"""docs/gateway.md shows the tables that are in the code."""

from pathlib import Path

from callgauge_gateway.mapping_doc import mapping_tables
from callgauge_gateway.reading.inflate import ENCODINGS

PAGE = (Path(__file__).parents[4] / "docs" / "gateway.md").read_text()


def test_the_tables_are_those_of_the_code() -> None:
    """`python -m callgauge_gateway.mapping_doc` prints them."""
    assert mapping_tables() in PAGE


def test_every_encoding_is_named() -> None:
    """A body may come in any of them."""
    assert all(name in PAGE for name in ("gzip", "deflate", "zstd"))
    assert {"gzip", "deflate", "zstd"} <= ENCODINGS.keys()
