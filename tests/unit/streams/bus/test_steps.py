"""The watchdog sees at which step each takeover is, in whatever thread that is done."""

from __future__ import annotations

import asyncio

from callgauge_streams.bus.steps import Steps, note_step


def test_each_takeover_has_its_step() -> None:
    """Also one that is noted in a task or a thread of the takeover; when it ends it is gone."""
    steps = Steps()

    def now() -> dict[str, str]:
        return {partition: step for partition, (_, step) in steps.now().items()}

    async def take_over(name: str, both_began: asyncio.Barrier) -> dict[str, str]:
        with steps.takeover(name):
            await asyncio.to_thread(note_step, f"reading {name}")
            await both_began.wait()
            seen = now()
            await both_began.wait()
        return seen

    async def both() -> list[dict[str, str]]:
        with steps.takeover("group"):
            barrier = asyncio.Barrier(2)
            return [*await asyncio.gather(take_over("a", barrier), take_over("b", barrier))]

    assert asyncio.run(both()) == [{"group": "it begins", "a": "reading a", "b": "reading b"}] * 2
    assert now() == {}


def test_a_step_noted_again_is_another_one() -> None:
    steps = Steps()
    with steps.takeover("p"):
        note_step("reading")
        first = steps.now()["p"]
        note_step("reading")
        assert steps.now()["p"][1] == first[1] == "reading"
        assert steps.now()["p"][0] > first[0]


def test_outside_of_a_takeover_nothing_is_noted() -> None:
    note_step("reading")
