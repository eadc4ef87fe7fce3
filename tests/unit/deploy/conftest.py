"""The embedded store of the sinks' tests, for what reads it."""

from tests.unit.sinks.conftest import module_store, store

__all__ = ["module_store", "store"]
