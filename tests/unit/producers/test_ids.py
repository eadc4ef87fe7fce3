"""Event ids are UUIDs: of version 7 where they are new, of version 5 where they are made of others."""

import uuid

import pytest

from callgauge.ids import uuid5_of, uuid7
from tests.forked import Child


def test_layout_is_that_of_the_rfc() -> None:
    """The example of RFC 9562, appendix A.6."""
    assert (
        uuid7(1_645_557_742.0, lambda bits: (0xCC3 << 62) | 0x18C4DC0C0C07398F)
        == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    )


def test_ids_are_valid_unique_and_in_order_of_time() -> None:
    """Version and variant are right; 10,000 ids differ; a later millisecond sorts later."""
    ids = [uuid7(1_700_000_000 + i / 1_000) for i in range(10_000)]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    assert {(uuid.UUID(each).version, uuid.UUID(each).variant) for each in ids} == {(7, uuid.RFC_4122)}


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_makes_other_ids() -> None:
    """Parent and child do not share their randomness."""
    assert Child(lambda: uuid7(1.0)).result() != uuid7(1.0)


def test_made_of_the_same_ids_it_is_the_same() -> None:
    """uuid5 as Python's own makes it, in callgauge's namespace."""
    namespace = uuid.uuid5(uuid.NAMESPACE_DNS, "callgauge")
    for parts in (("a",), ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"), ("é", "", "x")):
        assert uuid5_of(*parts) == str(uuid.uuid5(namespace, ":".join(parts)))
    assert uuid5_of("a", "b") != uuid5_of("b", "a")
