"""Rows of a recorded CSV or JSON Lines file, plain or gzipped, with their line numbers and clear errors."""

from __future__ import annotations

import csv
import gzip
import json
import uuid
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from callgauge.errors import TraceError
from callgauge.schema import Call

__all__ = ["TraceRow", "columns_of", "is_json", "json_lines", "read_rows"]

# An answer of a model, quoted in a cell, may be long.
MAX_CELL = 16 * 1_048_576


@dataclass(frozen=True)
class TraceRow:
    """One row. Its methods raise TraceError naming file, line and column."""

    path: Path
    line: int
    """Line of the file on which the row ends, from 1."""
    cells: Mapping[str, str | None]

    def text(self, column: str) -> str:
        """A cell that must not be empty."""
        value = self.cells.get(column)
        if not value:
            raise self.error(f"{column} is empty")
        return value

    def number(self, column: str) -> float:
        """A cell that holds a number of 0 or more."""
        text = self.text(column)
        try:
            value = float(text)
        except ValueError:
            raise self.error(f"{column} is {text!r}, not a number") from None
        if not 0 <= value < float("inf"):
            raise self.error(f"{column} is {text}, not a number of 0 or more")
        return value

    def count(self, column: str) -> int:
        """A cell that holds a whole number of 0 or more."""
        value = self.number(column)
        if value != int(value):
            raise self.error(f"{column} is {self.text(column)}, not a whole number")
        return int(value)

    def event_id(self) -> uuid.UUID:
        """An id made of file name and line, so that a trace gives the same calls at each reading, gzipped or not."""
        name = self.path.name.removesuffix(".gz")
        return uuid.uuid5(uuid.NAMESPACE_URL, f"callgauge:trace:{name}:{self.line}")

    def call(self, **fields: Any) -> Call:
        """Make the row's Call. Raises TraceError if a value is outside what a Call may hold."""
        try:
            return Call(**fields)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise self.error(f"{first['loc'][0]} is {first['input']!r}: {first['msg']}") from None

    def error(self, what: str) -> TraceError:
        """A TraceError for this row."""
        return TraceError(f"{self.path}, line {self.line}: {what}; repair or remove the line, or take another file")


def columns_of(path: Path) -> list[str]:
    """The names in the header, of JSON Lines those of the first object.

    Raises:
        TraceError: the file cannot be read, or has no header.
    """
    if is_json(path):
        first = next(_json_rows(path), None)
        if first is None:
            raise TraceError(f"{path}, line 1: the file is empty; take another")
        return list(first.cells)
    with _opened(path) as file:
        header = next(csv.reader(file), None)
    if not header:
        raise TraceError(f"{path}, line 1: no header; a trace is a CSV file whose first line names the columns")
    return header


def read_rows(path: Path, columns: frozenset[str]) -> Iterator[TraceRow]:
    """The rows of a file that must have these columns.

    Raises:
        TraceError: the file cannot be read or lacks a column.
    """
    missing = columns - set(columns_of(path))
    if missing:
        raise TraceError(f"{path}, line 1: no column {', '.join(sorted(missing))}; is it a trace of this format?")
    if is_json(path):
        yield from _json_rows(path)
        return
    with _opened(path) as file:
        reader = csv.DictReader(file)
        for cells in reader:
            yield TraceRow(path, reader.line_num, cells)


def is_json(path: Path) -> bool:
    """Whether a file is JSON Lines, by its name."""
    return path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson"))


def json_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not empty, with their numbers.

    Raises:
        TraceError: the file cannot be read.
    """
    with _opened(path) as file:
        yield from ((number, line) for number, line in enumerate(file, 1) if line.strip())


def _json_rows(path: Path) -> Iterator[TraceRow]:
    for number, line in json_lines(path):
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TraceRow(path, number, {}).error(f"no JSON: {error}") from None
        if not isinstance(cells, dict):
            raise TraceRow(path, number, {}).error("no JSON object")
        yield TraceRow(path, number, {name: str(value) for name, value in cells.items()})


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    csv.field_size_limit(MAX_CELL)
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            yield file
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        what = f"{type(error).__name__}: {error}"
        raise TraceError(f"{path}: cannot be read ({what}); give a CSV or .jsonl file, plain or as .gz") from error
