"""A table that somebody changed is named, with what to do; a table as the migrations made it is none."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from callgauge.codec import encode
from callgauge.errors import StoreError
from callgauge_history.migrate import migrate
from callgauge_history.store import RowsRefused, Store
from callgauge_sinks.call_reading import read_calls
from callgauge_sinks.drift import SchemaDrift, check_schema, drift_of
from tests.random_calls import random_calls
from tests.unit.sinks.fakes import FakeMessage


def some_rows() -> pa.Table:
    messages = [FakeMessage(encode(call), offset=at) for at, call in enumerate(random_calls(5, seed=1))]
    return read_calls(messages)[1]["calls"]


@pytest.fixture
def changed(store: Store) -> Iterator[Store]:
    """A store whose tables are made anew afterwards."""
    yield store
    store.command("DROP TABLE calls")
    store.command("TRUNCATE TABLE migrations")
    migrate(store)


def test_the_tables_of_the_migrations_fit(store: Store) -> None:
    assert drift_of(some_rows().schema, store.columns("calls")) == []


def test_a_column_that_is_missing_and_one_of_another_type(changed: Store) -> None:
    """Both are named at once, with the table's name and what to do."""
    changed.command("ALTER TABLE calls DROP COLUMN fallback_from")
    changed.command("ALTER TABLE calls MODIFY COLUMN error_message Int64")
    with pytest.raises(StoreError) as refused:
        changed.insert("calls", some_rows())
    with pytest.raises(SchemaDrift) as drift:
        check_schema(changed, {"calls": some_rows().schema}, refused.value)
    text = str(drift.value)
    assert "the table calls is not as callgauge made it: " in text
    assert "it has no column fallback_from (String)" in text
    assert "its column error_message is Int64 instead of String" in text
    assert "Undo that change, then start again" in text


def test_a_table_that_is_gone() -> None:
    assert drift_of(some_rows().schema, {}) == ["there is no such table: `callgauge sinks` makes it when it starts"]


def test_a_row_that_a_constraint_refuses_is_no_drift(changed: Store) -> None:
    """It is the rows' fault, and told as such."""
    changed.command("ALTER TABLE calls ADD CONSTRAINT known CHECK service != 'service-1'")
    rows = some_rows()
    services = pa.array(["service-1"] * rows.num_rows)
    rows = rows.set_column(rows.column_names.index("service"), "service", services)
    with pytest.raises(RowsRefused, match="known"):
        changed.insert("calls", rows)
