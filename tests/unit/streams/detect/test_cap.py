"""The cap on series: one service's labels cost neither memory nor another service's series."""

from __future__ import annotations

from callgauge_streams.detect.cap import Cap, Overflow

GROUPING = "service,feature,model@60s"


def admit(cap: Cap, labels: dict[str, str], series_id: int = 0, grouping: str = GROUPING) -> dict[str, str]:
    """As the engine does."""
    if cap.has_room(grouping, labels):
        cap.add(grouping, labels)
        return labels
    return cap.fold(grouping, labels, series_id)


def call(service: str, feature: str, model: str) -> dict[str, str]:
    return {"service": service, "feature": feature, "model": model}


def test_only_the_label_that_overflows_is_folded() -> None:
    """feature holds ids: it becomes __other__, the model stays; the partition is named beside them."""
    cap = Cap("3", cap=6)
    for number in range(6):
        labels = call("a", f"id-{number}", f"m{number % 2}")
        assert admit(cap, labels) is labels
    assert admit(cap, call("a", "id-6", "m0"), 6) == call("a", "__other__", "m0") | {"partition": "3"}
    assert admit(cap, call("a", "id-7", "m1"), 7) == call("a", "__other__", "m1") | {"partition": "3"}
    assert cap.take_overflows() == [Overflow(GROUPING, "a", "feature", 2)]
    assert cap.take_overflows() == []
    assert cap.rows == 2


def test_another_service_keeps_its_series() -> None:
    cap = Cap("0", cap=2)
    for number in range(100):
        admit(cap, call("bad", f"id-{number}", "m"))
    for feature in ("search", "chat"):
        labels = call("good", feature, "m")
        assert admit(cap, labels) is labels


def test_two_labels_that_overflow_are_folded_one_after_the_other() -> None:
    """However many values come, at most cap series with some labels folded and one with all."""
    cap = Cap("0", cap=3)
    seen = {tuple(admit(cap, call("a", f"f{number}", f"m{number}")).values()) for number in range(500)}
    assert ("a", "__other__", "__other__", "0") in seen
    assert len(seen) <= 2 * 3 + 1


def test_services_after_the_cap_are_one() -> None:
    """A service label that holds an id must not make a series per value either."""
    cap = Cap("0", cap=3)
    for number in range(3):
        admit(cap, call(f"pod-{number}", "f", "m"))
    assert admit(cap, call("pod-3", "f", "m")) == call("__other__", "__other__", "__other__") | {"partition": "0"}
    assert cap.take_overflows() == [Overflow(GROUPING, "__other__", "service", 1)]
    known = call("pod-1", "g", "m")
    assert admit(cap, known) is known


def test_a_forgotten_series_makes_room() -> None:
    cap = Cap("0", cap=1)
    admit(cap, {"model": "a"}, grouping="model@10s")
    assert admit(cap, {"model": "b"}, grouping="model@10s") == {"model": "__other__", "partition": "0"}
    cap.release("model@10s", {"model": "a"})
    assert admit(cap, {"model": "b"}, grouping="model@10s") == {"model": "b"}


def test_a_series_is_counted_once_however_often_it_comes() -> None:
    cap = Cap("0", cap=1)
    for series_id in (1, 2, 2, 3, 2):
        admit(cap, {"model": f"m{series_id}"}, series_id, "model@10s")
    assert cap.take_overflows() == [Overflow("model@10s", "", "model", 2)]
    assert cap.rows == 4


def test_grouping_sets_have_a_cap_each() -> None:
    cap = Cap("0", cap=1)
    for grouping in ("model@10s", "model@60s"):
        labels = {"model": "a"}
        assert admit(cap, labels, grouping=grouping) is labels
