"""All that an engine knows after a record of the log, as pieces of bytes, and an engine made of them.

An engine that was put back goes on after that record exactly as the one that was saved: nothing of the log before it is
read again. So what is saved is the whole state, at one offset; and since most of it is the past, which does not change,
it is saved in pieces that are named by their content. A piece that is saved already is not saved again. The manifest
names the pieces that belong together.

    saved at offset 100     manifest -> states/1  series/2  12:00/3  12:01/4
    ... at offset 200       manifest -> states/5  series/2  12:00/3  12:01/6  12:02/7      3 pieces are new, 2 gone
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from callgauge.codec import encode, read
from callgauge.schema import Alert
from callgauge_rules.in_force import InForce
from callgauge_streams.detect.cells import stretch_begin_ms
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.learned_columns import column_of, narrow_names, pieces_of_column
from callgauge_streams.detect.learned_states import settings_of
from callgauge_streams.detect.series import Series

__all__ = ["MANIFEST", "Manifest", "Saver", "is_piece", "put_back", "read_manifest", "shape_of"]

#: Changes whenever a snapshot of before cannot be read any more.
_FORMAT = 2
#: What keys of snapshots begin with; those of learned states are hexadecimal.
_MARK = "!"
MANIFEST = f"{_MARK}manifest"
_PIECE_BYTES = 400_000
_BUCKETS = 16


class Manifest(msgspec.Struct, array_like=True):
    """What belongs together.

    Attributes:
        log: the partition that was read.
        shape: of the engine, see `shape_of`.
        rules_at_ms: for which time its rules were asked for.
        next_offset: the first offset that is not part of it.
        pieces: section -> keys.
    """

    format: int
    log: str
    shape: str
    rules_at_ms: int
    next_offset: int
    pieces: dict[str, list[str]]

    @property
    def keys(self) -> Iterator[str]:
        """Of all pieces."""
        return (key for keys in self.pieces.values() for key in keys)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_decode_manifest = msgspec.msgpack.Decoder(Manifest).decode


def read_manifest(value: bytes) -> Manifest | None:
    """The manifest; None if it is of another version."""
    try:
        manifest = _decode_manifest(value)
    except msgspec.MsgspecError:
        return None
    return manifest if manifest.format == _FORMAT else None


def is_piece(key: str) -> bool:
    """Whether a key of the topic of detect's state belongs to snapshots."""
    return key.startswith(_MARK)


def shape_of(rules: Iterable[InForce], source_timeout_ms: int) -> str:
    """Names what an engine was made of: a snapshot fits only an engine that is made of the same."""
    parts = [
        (repr(each.rule.rule.model_dump()), each.rule.grouping, each.from_ms, each.to_ms, settings_of(each.rule))
        for each in rules
    ]
    return blake2b(repr((_FORMAT, source_timeout_ms, parts)).encode(), digest_size=8).hexdigest()


class Saver:
    """Saves an engine, again and again.

    Args:
        log: the partition that is read.
        known: the snapshot that the engine was made of, None if it was made of none.
        saved: the keys of all pieces that lie where this is saved.
    """

    def __init__(
        self,
        engine: Engine,
        log: str,
        shape: str,
        rules_at_ms: int,
        known: Manifest | None = None,
        saved: Iterable[str] = (),
    ) -> None:
        self._engine, self._log, self._shape, self._rules_at_ms = engine, log, shape, rules_at_ms
        self._keys: dict[str, list[str]] = dict(known.pieces) if known else {}
        self._saved = set(saved)

    def pieces(self) -> Iterator[tuple[str, bytes]]:
        """The pieces that must be written, by their keys. The engine must take no record before all were taken."""
        for section, values in _sections(self._engine):
            keys = [f"{_MARK}{section}/{blake2b(value, digest_size=10).hexdigest()}" for value in values]
            self._keys[section] = keys
            yield from ((key, value) for key, value in zip(keys, values, strict=True) if key not in self._saved)

    def finish(self, next_offset: int) -> tuple[bytes, list[str]]:
        """The manifest, to be written when all pieces are stored; and the keys to be deleted when it is.

        Args:
            next_offset: that of the next record that the engine will take.
        """
        self._keys = {section: keys for section, keys in self._keys.items() if keys}
        manifest = Manifest(_FORMAT, self._log, self._shape, self._rules_at_ms, next_offset, self._keys)
        before, self._saved = self._saved, set(manifest.keys)
        return _encode(manifest), sorted(before - self._saved)


def put_back(engine: Engine, manifest: Manifest, pieces: Mapping[str, bytes]) -> None:
    """Make a new engine, of the same shape and whose log begins at the manifest's offset, the one that was saved.

    Raises:
        KeyError: a piece is missing.
    """

    def items(section: str) -> Iterator[Any]:
        for key in manifest.pieces.get(section, ()):
            yield from _decode(pieces[key])

    main: dict[str, Any] = dict(items("main"))
    engine._watermarks.put_back(main["watermarks"])
    engine._windows.put_back(main["windows"])
    engine._deciding.put_back(main["deciding"])
    engine._causes.put_back(main["causes"])
    engine._forgotten_to, engine._late_to = dict(main["forgotten_to"]), dict(main["late_to"])
    if engine._losses and engine._overflows:
        engine._losses.put_back(main["losses"])
        engine._overflows.put_back(main["overflows"])
    alerts = {alert.fingerprint: alert for at in range(_BUCKETS) for alert in map(_alert, items(f"alerts/{at:x}"))}
    engine._states.put_back(items("states"), alerts, main["rules"])
    first_starts = _put_series_back(engine, items("series"))
    engine._cap.put_back(main["cap"])
    for grouping, lines in main["rings"].items():
        engine._windows.kept(grouping, main["window_ms"][grouping]).cells._ring_lines[:, 0] = lines
    for grouping, window_ms in main["window_ms"].items():
        named = (section.rpartition("/") for section in manifest.pieces)
        stretches = sorted((int(at) for of, _, at in named if of == f"cells/{grouping}"), key=stretch_begin_ms)
        keys = (key for at in stretches for key in manifest.pieces[f"cells/{grouping}/{at}"])
        engine._windows.put_cells_back(engine._windows.kept(grouping, window_ms), (pieces[key] for key in keys))
    for series, start_ms in first_starts:
        series.cells.set_first_start(series.slot, start_ms)
    by_number = {series.number: series for series in engine._windows._series.values()}
    engine._recounts.put_back(main["recounts"], by_number.__getitem__)
    for at, judging in enumerate(engine.learned):

        def saved(name: str, like: Any, section: str = f"learned/{at}") -> Any:
            narrow = (each for each, _, _ in narrow_names(f"{section}/{name}", like))
            return column_of([[pieces[key] for key in manifest.pieces.get(each, ())] for each in narrow], like)

        judging.put_learned_back(saved, items(f"singles/{at}"), items(f"rests/{at}"))
    if engine._late:
        engine._late.put_back(main["late"], items("late"))
    engine._deciding.plan_all()


def _alert(value: bytes) -> Alert:
    return read(Alert, value)


def _put_series_back(engine: Engine, items: Iterable[Any]) -> list[tuple[Series, int]]:
    first_starts: list[tuple[Series, int]] = []
    for grouping, window_ms, series_id, labels, number, first_start_ms in items:
        kept = engine._windows.kept(grouping, window_ms)
        key = (grouping, series_id if isinstance(series_id, int) else tuple(series_id))
        series = engine._windows.add_back(kept, key, labels, number)
        first_starts.append((series, first_start_ms))
        if series.told_apart:
            engine._cap.add(grouping, labels)
        engine._begin(series)
    return first_starts


def _main(engine: Engine) -> dict[str, Any]:
    kept = engine._windows._kept
    return {
        "watermarks": engine._watermarks.state(),
        "windows": engine._windows.state(),
        "deciding": engine._deciding.state(),
        "causes": engine._causes.state(),
        "forgotten_to": engine._forgotten_to,
        "late_to": engine._late_to,
        "losses": engine._losses.state() if engine._losses else None,
        "overflows": engine._overflows.state() if engine._overflows else None,
        "rules": engine._states.rules,
        "cap": engine._cap.state(),
        "recounts": engine._recounts.state(),
        "late": engine._late.state() if engine._late else None,
        "rings": {name: each.cells._ring_lines[:, 0].tolist() for name, each in kept.items()},
        "window_ms": {name: each.cells.window_ms for name, each in kept.items()},
    }


def _sections(engine: Engine) -> Iterator[tuple[str, list[bytes]]]:
    """Section -> its pieces, of the sections that may have changed."""
    states, alerts = [], [list[bytes]() for _ in range(_BUCKETS)]
    for state, alert in engine._states.items():
        states.append(state)
        if alert is not None:
            alerts[int(alert.fingerprint[0], _BUCKETS)].append(encode(alert))
    yield "states", _split(states)
    yield from ((f"alerts/{at:x}", _split(sorted(of))) for at, of in enumerate(alerts))
    yield "series", _split(_series_items(engine))
    for grouping, kept in engine._windows._kept.items():
        for stretch, values in engine._windows.cell_pieces(kept):
            yield f"cells/{grouping}/{stretch}", values
    for at, judging in enumerate(engine.learned):
        for name, column in judging.columns().items():
            for narrow, begin, end in narrow_names(f"learned/{at}/{name}", column):
                yield narrow, pieces_of_column(column, begin, end)
        yield f"singles/{at}", _split(judging.singles())
        yield f"rests/{at}", _split(judging.rests())
    if engine._late:
        yield "late", _split(engine._late.rows())
    yield "main", _split(_main(engine).items())


def _series_items(engine: Engine) -> Iterator[Any]:
    for series in sorted(engine._windows._series.values(), key=lambda each: each.number):
        first_start_ms = series.cells.first_start(series.slot)
        yield series.grouping, series.window_ms, series.key[1], series.labels, series.number, first_start_ms


def _split(items: Iterable[Any]) -> list[bytes]:
    """Lists of items, each of about the size of a piece."""
    found, part, size = list[bytes](), list[msgspec.Raw](), 0
    for item in items:
        value = _encode(item)
        part.append(msgspec.Raw(value))
        size += len(value)
        if size >= _PIECE_BYTES:
            found.append(_encode(part))
            part, size = [], 0
    return [*found, _encode(part)] if part else found
