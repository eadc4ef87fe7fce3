"""A label with too many values becomes __other__; the calls count all the same."""

from __future__ import annotations

from typing import Any

from callgauge.mending import MENDED
from callgauge_gateway.guard.new_series import OTHER, NewSeries

NOW = 1_700_000_000.0


def admit(series: NewSeries, now: float = NOW, service: str = "s", **fields: Any) -> dict[str, Any]:
    series.admit(service, fields, now)
    return fields


def test_the_label_that_overflows_is_folded_alone() -> None:
    """The model stays; what stood there is in a tag."""
    series = NewSeries(10)
    found = [admit(series, model=f"m{n % 2}", feature=f"id-{n}") for n in range(50)]
    assert [fields["feature"] for fields in found[:10]] == [f"id-{n}" for n in range(10)]
    assert {fields["feature"] for fields in found[10:]} == {OTHER}
    assert {fields["model"] for fields in found} == {"m0", "m1"}
    assert found[20]["tags"]["callgauge.feature"] == "id-20"
    assert found[20]["tags"][MENDED].startswith("feature: __other__")
    assert series.folded == {"s": 40}


def test_known_series_go_on() -> None:
    """The quota is of new ones."""
    series = NewSeries(2)
    for _ in range(5):
        for model in ("a", "b"):
            assert admit(series, model=model)["model"] == model
    assert admit(series, model="c")["model"] == OTHER


def test_the_next_hour_begins_anew_and_knows_the_last() -> None:
    """Series of the hour before are not new."""
    series = NewSeries(1)
    admit(series, model="a")
    assert admit(series, model="b")["model"] == OTHER
    assert admit(series, NOW + 3_600, model="b")["model"] == "b"
    assert admit(series, NOW + 3_600, model="a")["model"] == "a"
    assert admit(series, NOW + 3_600, model="c")["model"] == OTHER


def test_services_have_their_own_quota() -> None:
    """One that explodes costs no other anything."""
    series = NewSeries(1)
    admit(series, model="a")
    assert admit(series, service="t", model="b")["model"] == "b"


def test_combinations_do_not_grow_without_end() -> None:
    """Every label explodes: what is known stays bounded."""
    series = NewSeries(100)
    found = {
        tuple(
            sorted(
                (k, v)
                for k, v in admit(series, model=f"m{n}", feature=f"f{n}", endpoint=f"e{n}").items()
                if k != "tags"
            )
        )
        for n in range(5_000)
    }
    assert len(found) <= 201


def test_odd_labels_and_no_quota_do_no_harm() -> None:
    """A list is mended later; 0 is no limit."""
    assert admit(NewSeries(1), model=["x"])["model"] == ["x"]
    series = NewSeries(0)
    assert all(admit(series, model=str(n))["model"] == str(n) for n in range(100))


def test_long_labels_are_remembered_cut() -> None:
    """As they are stored; two that differ only beyond that are one."""
    series = NewSeries(1)
    assert admit(series, model="x" * 300)["model"] == "x" * 300
    assert admit(series, model="x" * 256 + "y" * 50)["model"] == "x" * 256 + "y" * 50
    assert admit(series, model="z")["model"] == OTHER
