"""Reads the parameters of a detector from a rule file: what there is follows from the detector's frozen config.

A parameter has the name of the config's field. Durations leave out `_ms` (period: 1d), those of `baseline` are written
beside the others (min_history: 30), tiers as a mapping (tiers: {high: 4, critical: 6}); what is left out is as the
detector has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from callgauge.durations import duration_ms, written
from callgauge.line_texts import shown
from callgauge.near_names import unknown
from callgauge_detectors.tiers import Tiers
from callgauge_rules.limits import number_of

__all__ = ["ParameterError", "Parameters"]

_WHOLE = re.compile(r"[+-]?[0-9][0-9_]{0,12}")
#: The least whole number of those that may be less than 1.
_LEAST = MappingProxyType({"skip": 0, "offset_h": -23, "least_blocks": 0})
#: Durations that may be 0.
_ZERO = ("follow_ms",)
#: Made of a detector by whoever runs it.
_HIDDEN = ("window_ms", "over_ms", "shown_per")
_FLATTENED = "baseline"


class ParameterError(ValueError):
    """A parameter is wrong.

    Attributes:
        at: where it stands, below `parameters`.
        of: what the sentence is about; `at`, or, where that is a name that nothing has, what it stands in.
    """

    def __init__(self, what: str, at: tuple[str | int, ...] = (), *, unknown_name: bool = False) -> None:
        super().__init__(what)
        self.at = at
        self.of = at[:-1] if unknown_name else at


class Parameters:
    """Of one detector.

    Args:
        detector: its name, for messages.
        config: its frozen config.
        fixed: parameters that the name decides.
        choices: parameter -> words that stand for values of several fields at once.
    """

    def __init__(
        self,
        detector: str,
        config: type[Any],
        fixed: Mapping[str, Any] = MappingProxyType({}),
        choices: Mapping[str, Mapping[str, Mapping[str, Any]]] = MappingProxyType({}),
    ) -> None:
        self._detector, self._config, self._fixed, self._choices = detector, config, fixed, choices
        self._readers = dict(self._found(config))

    def _found(self, config: type[Any]) -> Iterator[tuple[str, tuple[str, Any]]]:
        hints = get_type_hints(config)
        for field in fields(config):
            if field.name in _HIDDEN or field.name in self._fixed:
                continue
            if field.name == _FLATTENED:
                yield from self._found(hints[field.name])
            else:
                yield field.name.removesuffix("_ms"), (field.name, hints[field.name])

    @property
    def names(self) -> tuple[str, ...]:
        """What can be given."""
        return tuple(self._readers)

    def defaults(self) -> dict[str, str]:
        """Parameter -> its default, as it is written."""
        plain = self._config(**self._fixed) if not self._required() else None
        return {name: self._written(plain, name, *found) for name, found in self._readers.items()}

    def _required(self) -> bool:
        return any(f.default is MISSING and f.default_factory is MISSING for f in fields(self._config))

    def _written(self, plain: Any, name: str, field: str, kind: Any) -> str:
        if name in self._choices:
            return next(iter(self._choices[name]))
        holder = plain if hasattr(plain, field) else getattr(plain, _FLATTENED, None)
        value = getattr(holder, field, None)
        return "" if value is None else _written(field, value)

    def read(self, given: Mapping[str, Any], **own: Any) -> Any:
        """The config.

        Args:
            own: fields that whoever runs the detector sets.

        Raises:
            ParameterError: one is unknown or wrong.
        """
        values: dict[str, Any] = {}
        for name, raw in given.items():
            if name not in self._readers:
                what = f"parameter of {self._detector}"
                raise ParameterError(unknown(name, what, self._readers, plain=True), (name,), unknown_name=True)
            if name in self._choices:
                values = dict(_chosen(self._choices[name], name, raw)) | values
            else:
                field, kind = self._readers[name]
                values[field] = _read(field, kind, raw, (name,))
        return self._made(values, own)

    def _made(self, values: dict[str, Any], own: Mapping[str, Any]) -> Any:
        names = {field.name for field in fields(self._config)}
        inner = {name: value for name, value in values.items() if name not in names}
        outer = {name: value for name, value in values.items() if name in names}
        try:
            config = self._config(**self._fixed, **{k: v for k, v in own.items() if k in names}, **outer)
            if inner:
                config = replace(config, **{_FLATTENED: replace(getattr(config, _FLATTENED), **inner)})
        except ValueError as error:
            raise ParameterError(str(error)) from None
        return config


def _chosen(words: Mapping[str, Mapping[str, Any]], name: str, raw: Any) -> Mapping[str, Any]:
    if raw not in words:
        raise ParameterError(unknown(raw, "choice", words), (name,))
    return words[raw]


def _read(field: str, kind: Any, raw: Any, at: tuple[str | int, ...]) -> Any:
    """One value of a config, from what stands in the file."""
    if get_origin(kind) in (Union, UnionType):
        kind = next(each for each in get_args(kind) if each is not NoneType)
    if get_origin(kind) is tuple:
        return _tuple(field, kind, raw, at)
    if is_dataclass(kind) and isinstance(kind, type):
        return _nested(kind, raw, at)
    try:
        return _scalar(field, kind)(raw)
    except ValueError as error:
        raise ParameterError(str(error), at) from None


def _scalar(field: str, kind: Any) -> Callable[[Any], Any]:
    if get_origin(kind) is Literal:
        return lambda raw: _word(get_args(kind), raw)
    if kind is bool:
        return lambda raw: _word(("true", "false"), raw) == "true"
    if field.endswith("_ms"):
        return lambda raw: _duration(field, raw)
    return _number if kind is float else lambda raw: _whole(field, raw)


def _word(words: tuple[str, ...], raw: Any) -> Any:
    if raw not in words:
        raise ValueError(unknown(raw, "choice", words))
    return raw


def _duration(field: str, raw: Any) -> int:
    ms = duration_ms(raw if isinstance(raw, str) else shown(raw))
    if not ms and field not in _ZERO:
        raise ValueError(f"{shown(raw)} is no time; write e.g. 1h")
    return ms


def _number(raw: Any) -> float:
    number = number_of(raw)
    if number < 0:
        raise ValueError(f"is never below 0, but {shown(raw)}")
    return number


def _whole(field: str, raw: Any) -> int:
    least = _LEAST.get(field, 1)
    if isinstance(raw, bool) or not _WHOLE.fullmatch(str(raw)) or (number := int(str(raw).replace("_", ""))) < least:
        raise ValueError(f"is a whole number from {least} up, not {shown(raw)}")
    return number


def _tuple(field: str, kind: Any, raw: Any, at: tuple[str | int, ...]) -> tuple[Any, ...]:
    inner = get_args(kind)
    if not isinstance(raw, list):
        raise ParameterError(f"write a list, not {shown(raw)}", at)
    if Ellipsis not in inner and len(raw) != len(inner):
        raise ParameterError(f"has {len(inner)} values, not {len(raw)}", at)
    if not raw:
        raise ParameterError("is empty; write at least one", at)
    return tuple(_read(field, inner[0], each, (*at, place)) for place, each in enumerate(raw))


def _nested(kind: type[Any], raw: Any, at: tuple[str | int, ...]) -> Any:
    """A mapping, of which what is left out is as the config has it."""
    readers = {field.name.removesuffix("_ms"): field.name for field in fields(kind)}
    hints = get_type_hints(kind)
    if not isinstance(raw, dict):
        raise ParameterError(f"write a mapping of {', '.join(readers)}, not {shown(raw)}", at)
    values = {}
    for name, each in raw.items():
        if name not in readers:
            raise ParameterError(unknown(name, "part of it", readers, plain=True), (*at, name), unknown_name=True)
        values[readers[name]] = _read(readers[name], hints[readers[name]], each, (*at, name))
    missing = [f.name.removesuffix("_ms") for f in fields(kind) if f.default is MISSING and f.name not in values]
    if missing:
        raise ParameterError(f"{missing[0]} is missing", at)
    made = kind(**values)
    if isinstance(made, Tiers) and not made.low <= made.medium <= made.high <= made.critical:
        raise ParameterError(f"must grow; {made.low:g}, {made.medium:g}, {made.high:g}, {made.critical:g} do not", at)
    return made


def _written(field: str, value: Any) -> str:
    if is_dataclass(value):
        return ", ".join(
            f"{f.name.removesuffix('_ms')} {_written(f.name, getattr(value, f.name))}" for f in fields(value)
        )
    if isinstance(value, tuple):
        return "; ".join(_written(field, each) for each in value)
    if isinstance(value, bool):
        return str(value).lower()
    return written(value) if field.endswith("_ms") else f"{value:g}" if isinstance(value, float) else str(value)
