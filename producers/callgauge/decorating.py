"""Wraps a function so that each run of it is measured: a plain one, a coroutine, a generator, an async generator."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, Protocol, TypeVar, cast

__all__ = ["Measurement", "measured"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class Measurement(Protocol):
    """Measures one run of something."""

    def begin(self) -> None:
        """It begins."""

    def end(self, error: BaseException | None) -> None:
        """It has ended, by `error` if that is not None."""

    def activate(self) -> None:
        """From now on what this thread or task does belongs to it."""

    def deactivate(self) -> None:
        """... and no longer."""


def measured(function: FunctionT, new: Callable[[], Measurement]) -> FunctionT:
    """A function that does what `function` does, each run of it measured by what `new()` gives.

    A generator is measured from its first step to its end, or until it is closed or forgotten. While it waits for its
    reader it is not active, so that what the reader does meanwhile is not taken for a part of it.
    """
    if inspect.isasyncgenfunction(function):
        wrapped: Callable[..., Any] = _async_generator(function, new)
    elif inspect.isgeneratorfunction(function):
        wrapped = _generator(function, new)
    elif inspect.iscoroutinefunction(function):
        wrapped = _coroutine(function, new)
    else:
        wrapped = _plain(function, new)
    return cast(FunctionT, functools.wraps(function)(wrapped))


class _Active:
    """While inside, what is done belongs to the measurement."""

    def __init__(self, run: Measurement) -> None:
        self._run = run

    def __enter__(self) -> None:
        self._run.activate()

    def __exit__(self, *_: object) -> None:
        self._run.deactivate()


def _plain(function: Callable[..., Any], new: Callable[[], Measurement]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        measurement = new()
        measurement.begin()
        try:
            with _Active(measurement):
                result = function(*args, **kwargs)
        except BaseException as error:
            measurement.end(error)
            raise
        measurement.end(None)
        return result

    return run


def _coroutine(function: Callable[..., Any], new: Callable[[], Measurement]) -> Callable[..., Any]:
    async def run(*args: Any, **kwargs: Any) -> Any:
        measurement = new()
        measurement.begin()
        try:
            with _Active(measurement):
                result = await function(*args, **kwargs)
        except BaseException as error:
            measurement.end(error)
            raise
        measurement.end(None)
        return result

    return run


def _generator(function: Callable[..., Any], new: Callable[[], Measurement]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        measurement, inner = new(), function(*args, **kwargs)
        active = _Active(measurement)
        measurement.begin()
        step, given = inner.send, None
        try:
            while True:
                with active:
                    item = step(given)
                try:
                    step, given = inner.send, (yield item)
                except GeneratorExit:
                    with active:
                        inner.close()
                    raise
                except BaseException as error:
                    step, given = inner.throw, error
        except StopIteration as end:
            measurement.end(None)
            return end.value
        except BaseException as error:
            measurement.end(error)
            raise

    return run


def _async_generator(function: Callable[..., Any], new: Callable[[], Measurement]) -> Callable[..., Any]:
    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        measurement, inner = new(), function(*args, **kwargs)
        active = _Active(measurement)
        measurement.begin()
        step, given = inner.asend, None
        try:
            while True:
                with active:
                    item = await step(given)
                try:
                    step, given = inner.asend, (yield item)
                except GeneratorExit:
                    with active:
                        await inner.aclose()
                    raise
                except BaseException as error:
                    step, given = inner.athrow, error
        except StopAsyncIteration:
            measurement.end(None)
        except BaseException as error:
            measurement.end(error)
            raise

    return run
