"""Each service has its own rate."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callgauge.rates import Rates


def test_without_a_limit_everything_is_taken() -> None:
    """0 is none."""
    assert Rates(0).wait_s({"a": 10**9}, 0.0) == 0


def test_a_large_request_is_taken_and_paid_for_later() -> None:
    """1,000 events at 100 a second: the next must wait until the bucket is out of debt."""
    rates = Rates(100)
    assert rates.wait_s({"a": 1_000}, 0.0) == 0
    assert rates.wait_s({"a": 1}, 0.0) == 8.0  # the bucket held 200
    assert rates.wait_s({"a": 1}, 8.1) == 0


def test_services_do_not_pay_for_each_other() -> None:
    """But a request of two is taken or left whole."""
    rates = Rates(10)
    assert rates.wait_s({"a": 100}, 0.0) == 0
    assert rates.wait_s({"b": 1}, 0.0) == 0
    assert rates.wait_s({"a": 1, "b": 1}, 0.0) > 0


@given(st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 50)), max_size=60))
def test_over_time_the_rate_holds(requests: list[tuple[float, int]]) -> None:
    """What is taken is at most the bucket, what flowed into it, and one request of debt."""
    rates, now, taken = Rates(20), 0.0, 0
    for pause, count in requests:
        now += pause
        if rates.wait_s({"a": count}, now) == 0:
            taken += count
    assert taken <= 40 + 20 * now + 50
