"""Dirty traffic is as dirty as it says, and a pure function of its seed."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from statistics import median

import pytest

from callgauge.codec import decode_call
from callgauge.errors import DecodeError
from callgauge.units import event_ms
from tests.chaos.traffic import POISON, Dirt, Send, traffic

START, PER_S, COUNT = 1_700_000_000.0, 1_000.0, 40_000
DIRT = Dirt(dedup_s=6.0, partitions=(0, 1, 3))


@pytest.fixture(scope="module")
def sends() -> list[Send]:
    """Forty seconds of it."""
    return list(islice(traffic(DIRT, seed=7, start=START, per_s=PER_S), COUNT))


def test_the_seed_decides_everything(sends: list[Send]) -> None:
    """The same seed gives the same messages, another one others."""
    assert list(islice(traffic(DIRT, seed=7, start=START, per_s=PER_S), 500)) == sends[:500]
    assert list(islice(traffic(DIRT, seed=8, start=START, per_s=PER_S), 500)) != sends[:500]


def test_it_comes_in_order_and_at_a_steady_rate(sends: list[Send]) -> None:
    """Never before what was due earlier, and a second holds what it should."""
    times = [send.at for send in sends]
    assert times == sorted(times)
    first_time = [send for send in sends if send.kind != "again"]
    assert (first_time[-1].at - START) * PER_S == pytest.approx(len(first_time) - 1)


def test_shares_are_as_asked(sends: list[Send]) -> None:
    """5 % again, 1 % poison, and some partitions idle."""
    kinds = Counter(send.kind for send in sends)
    assert kinds["again"] / kinds["call"] == pytest.approx(0.05, rel=0.15)
    assert kinds["poison"] / COUNT == pytest.approx(0.01, rel=0.15)
    assert {send.partition for send in sends} == {0, 1, 3}


def test_what_comes_again_is_the_same_bytes_in_the_same_partition(sends: list[Send]) -> None:
    """A tenth of it after the horizon, none of it before its first time."""
    first = {send.value: send for send in sends if send.kind == "call"}
    again = [(send, first[send.value]) for send in sends if send.kind == "again"]
    assert all((one.key, one.partition) == (other.key, other.partition) for one, other in again)
    delays = [one.at - other.at for one, other in again]
    assert min(delays) >= 0
    assert sum(delay > DIRT.dedup_s for delay in delays) / len(delays) == pytest.approx(0.1, rel=0.4)


def test_calls_are_late_and_clocks_are_wrong(sends: list[Send]) -> None:
    """5 % of the calls of services with a right clock ended up to a day before; two services are a day off."""
    late_s = dict[str, list[float]]()
    for send in sends:
        if send.kind == "call":
            call = decode_call(send.value)
            late_s.setdefault(call.service, []).append(send.at - event_ms(call.ts, call.latency_ms) / 1000)
    right = [late for service, some in late_s.items() if service not in dict(DIRT.skew_s) for late in some]
    assert sum(late > 2.4 for late in right) / len(right) == pytest.approx(0.05, rel=0.15)
    assert max(right) < 86_401
    assert min(right) >= -0.001
    assert min(late_s["service-6"]) > 86_399
    assert median(late_s["service-7"]) == pytest.approx(-86_400, abs=1)


def test_each_call_has_its_own_id(sends: list[Send]) -> None:
    """Only what comes again shares one."""
    ids = [decode_call(send.value).event_id for send in sends if send.kind == "call"]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("value", POISON, ids=range(len(POISON)))
def test_poison_cannot_be_read(value: bytes | None) -> None:
    """Not by the decoder that rollup and sinks share."""
    with pytest.raises(DecodeError):
        decode_call(value)
