"""How long tables keep their rows: what the settings say, and for ever by default."""

from __future__ import annotations

from callgauge.settings import Settings, load_settings
from callgauge_history.retention import KEPT, keep, kept_days
from callgauge_history.store import Store
from callgauge_history.tiers.ladder import BASES, TIERS


def engine(store: Store, table: str) -> str:
    return str(store.query(f"SELECT engine_full FROM system.tables WHERE name = '{table}'").rows[0][0])


def test_every_setting_is_put_in_force(store: Store) -> None:
    """And taken back."""
    days = {setting: at + 10 for at, (_, setting) in enumerate(KEPT.values())}
    keep(store, kept_days(load_settings(**days)))
    for table, (column, setting) in KEPT.items():
        assert f"TTL toDateTime({column}) + toIntervalDay({days[setting]})" in engine(store, table)
        assert "ttl_only_drop_parts = 1" in engine(store, table)
    keep(store, kept_days(load_settings()))
    assert [table for table in KEPT if " TTL " in engine(store, table)] == ["content"]


def test_what_grows_can_be_kept_shorter() -> None:
    """Windows and every tier but the last, which outlives them; each setting exists."""
    grows = {tier.table(base) for base in BASES for tier in TIERS[:-1]} | {base.table for base in BASES}
    assert grows <= KEPT.keys()
    assert {setting for _, setting in KEPT.values()} <= Settings.model_fields.keys()
