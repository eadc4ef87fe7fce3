"""A late episode that is judged in pieces is told once."""

from __future__ import annotations

from callgauge.schema import Alert
from callgauge_streams.detect.late_episodes import LateEpisodes


def episode(starts_at: float, ends_at: float, of: str = "f") -> list[Alert]:
    """Firing and resolved; the rule looks back a minute."""
    fired = Alert(
        alert_id=f"{of}-{starts_at:g}",
        fingerprint=of,
        seq=0,
        state="firing",
        rule="failing",
        severity="warning",
        labels={},
        starts_at=starts_at,
        at=starts_at,
        fired_at=starts_at,
        last_fired_at=starts_at,
        aggregate="error_rate",
        lookback_s=60.0,
        op="gt",
        threshold=0.1,
        n=9,
        summary="calls fail",
    )
    return [fired, fired.model_copy(update={"state": "resolved", "seq": 1, "at": ends_at, "ends_at": ends_at})]


def told(*pieces: list[Alert]) -> list[tuple[str, str, float]]:
    """What is told of these pieces and at the end: alert, state, time."""
    episodes = LateEpisodes()
    alerts = [alert for piece in pieces for alert in episodes.take(piece)]
    alerts += episodes.end()
    assert list(episodes.end()) == []
    return [(alert.alert_id, alert.state, alert.at) for alert in alerts]


def test_the_end_waits_for_what_follows() -> None:
    """Firing is told at once, resolved when nothing late follows."""
    episodes = LateEpisodes()
    assert [alert.state for alert in episodes.take(episode(100, 400))] == ["firing"]
    assert [alert.state for alert in episodes.end()] == ["resolved"]


def test_an_episode_over_three_pieces_is_one() -> None:
    """It has the id of the first piece and the end of the last; up to a lookback may lie between."""
    pieces = episode(100, 400), episode(390, 700), episode(760, 1_000)
    assert told(*pieces) == [("f-100", "firing", 100), ("f-100", "resolved", 1_000)]


def test_episodes_apart_are_two() -> None:
    """In one piece or in two, in either order."""
    early = [("f-100", "firing", 100), ("f-100", "resolved", 400)]
    late = [("f-500", "firing", 500), ("f-500", "resolved", 700)]
    assert told(episode(100, 400) + episode(500, 700)) == early + late
    assert told(episode(100, 400), episode(500, 700)) == early + late
    assert told(episode(500, 700), episode(100, 400)) == late + early


def test_seen_again_it_does_not_end_sooner() -> None:
    """More rows of the same windows, fewer of them: the later end counts."""
    assert told(episode(100, 400), episode(100, 300)) == [("f-100", "firing", 100), ("f-100", "resolved", 400)]


def test_alerts_do_not_mix() -> None:
    """Each fingerprint has its own episodes."""
    assert sorted(told(episode(100, 400, "a"), episode(390, 700, "b"), episode(450, 500, "a"))) == [
        ("a-100", "firing", 100),
        ("a-100", "resolved", 500),
        ("b-390", "firing", 390),
        ("b-390", "resolved", 700),
    ]
