"""Novelty by nearest neighbours: its formulas, beside a slow recomputation, and how it behaves on dirty series."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from statistics import fmean

import pytest

from callgauge_detectors import novelty
from callgauge_detectors.novelty import (
    SINGLE_VIEW,
    TWELVE_VIEWS,
    Novelty,
    NoveltyConfig,
    _View,
    twelve_views,
)
from callgauge_detectors.novelty_features import STEP, Clock, Moments, Pair, Spread, View
from callgauge_detectors.verdict import Verdict

DAY_MS = 86_400_000
FIVE_MINUTES_MS = 300_000
CONFIGS = [
    NoveltyConfig(memory=150, skip=8, warm_up=20),
    NoveltyConfig(views=TWELVE_VIEWS, threshold=0.5, memory=150, skip=8, warm_up=20),
]


def noisy(seed: int, count: int) -> list[float]:
    """A day cycle with noise, some spikes and a stretch that stands still."""
    rng = random.Random(seed)
    values = []
    for i in range(count):
        cycle = 100 + 30 * math.sin(2 * math.pi * i / 288)
        values.append(cycle + rng.gauss(0, 3) + (rng.random() < 0.02) * rng.expovariate(1 / 200))
    values[count // 2 : count // 2 + 30] = [70.0] * 30
    return values


def feed(detector: Novelty, values: Sequence[float | None], start: int = 0) -> list[Verdict]:
    return [detector.update(value, FIVE_MINUTES_MS * i) for i, value in enumerate(values, start)]


def alarms(verdicts: Sequence[Verdict]) -> list[int]:
    return [i for i, verdict in enumerate(verdicts) if verdict.level != "none"]


# A plain recomputation from the whole past; only what is remembered is kept as float32 by the real one.


def local_form(values: Sequence[float]) -> list[float]:
    transformed, median, q = [], values[0], 0.0
    for x in values:
        d = x - median
        transformed.append(math.asinh(d / q) if q else 3 * ((d > 0) - (d < 0)))
        if not q:
            q = abs(d)
        elif abs(d) != q:
            q *= 1 + STEP if abs(d) > q else 1 - STEP
        median += STEP * q * ((d > 0) - (d < 0))
    return transformed


def vector(view: View, xs: Sequence[float], i: int) -> list[float]:
    newest = (xs[i] + xs[i - 1]) / 2 if i else xs[i]
    if isinstance(view, Pair):
        return [newest, (xs[i - 2] + xs[i - 3]) / 2 if i > 2 else newest]
    if isinstance(view, Clock):
        angle = 2 * math.pi * (i * FIVE_MINUTES_MS % DAY_MS) / DAY_MS
        return [newest, math.sin(angle), math.cos(angle)]
    window = xs[max(0, i + 1 - view.values) : i + 1]
    mean = math.fsum(window) / len(window)
    return [mean, math.sqrt(math.fsum((x - mean) ** 2 for x in window) / len(window))]


def slow_z(view: View, values: Sequence[float], config: NoveltyConfig) -> list[float]:
    xs = local_form(values) if view.local else [value - values[0] for value in values]
    vectors = [vector(view, xs, i) for i in range(len(xs))]
    weights = [1.0, view.weight, view.weight] if isinstance(view, Clock) else [1.0, 1.0]
    smoothed = mean = variance = 0.0
    zs = []
    for k, f in enumerate(vectors):
        past = vectors[max(0, k - config.skip - config.memory) : max(0, k - config.skip)]
        turned = max(0, (k - config.skip) // config.memory) * config.memory
        since = max(0, turned - config.memory)  # ranges begin anew when the ring has been filled once more
        columns = list(zip(*vectors[since : k + 1], strict=True))
        ranges = [max(column) - min(column) for column in columns]
        e = min(
            (
                sum(w * abs(a - b) / r for w, a, b, r in zip(weights, f, p, ranges, strict=True) if r) / sum(weights)
                for p in past
            ),
            default=0.0,
        )
        smoothed += (e - smoothed) / min(k + 1, config.smooth)
        sigma = math.sqrt(variance)
        zs.append(max(-3.0, min(3.0, (smoothed - mean) / (sigma + mean + 1e-9))) if k > config.warm_up else 0.0)
        delta, a = min(e, mean + 3 * (sigma + 0.01)) - mean, 2 / (k + 2)
        mean += a * delta
        variance += a * ((1 - a) * delta**2 - variance)
    return zs


@pytest.mark.parametrize("config", CONFIGS, ids=["one view", "twelve views"])
def test_score_is_the_mean_of_the_views(config: NoveltyConfig) -> None:
    """The same as from the formulas, to what float32 leaves, also after the ring has come round several times.

    The local views count as at most half a unit above the others."""
    values = noisy(1, 500)
    views = [(view.local, slow_z(view, values, config)) for view in config.views]
    raw = [fmean(zs) for zs in zip(*(zs for local, zs in views if not local), strict=True)]
    local = [fmean(zs) for zs in zip(*(zs for local, zs in views if local), strict=True)] or raw
    expected = [(r + min(ell, r + 0.5)) / 2 for r, ell in zip(raw, local, strict=True)]  # as many of either kind
    assert len(config.views) == 1 or any(ell > r + 0.5 for r, ell in zip(raw, local, strict=True))
    scores = [verdict.score for verdict in feed(Novelty(config), values)]
    assert scores == pytest.approx(expected, abs=2e-3)
    assert max(scores) > 0.5


def test_moments_do_not_drift() -> None:
    """After 100,000 values beside a huge one, mean and standard deviation are those of the window."""
    rng = random.Random(2)
    moments = Moments(8)
    window = [1e12]
    moments.push(1e12)
    for _ in range(100_000):
        window = [*window[-7:], rng.gauss(5, 1)]
        moments.push(window[-1])
    mean = sum(window) / 8
    sd = math.sqrt(sum((x - mean) ** 2 for x in window) / 8)
    assert moments.mean_sd() == pytest.approx((mean, sd), rel=1e-9)


@pytest.mark.parametrize("config", CONFIGS, ids=["one view", "twelve views"])
@pytest.mark.parametrize("cut", [0, 1, 5, 100, 400])
def test_a_restored_snapshot_continues_bit_for_bit(config: NoveltyConfig, cut: int) -> None:
    """Through JSON, before anything was stored, while the ring fills, and after it has come round."""
    values = noisy(3, 600)
    whole = feed(Novelty(config), values)
    first = Novelty(config)
    feed(first, values[:cut])
    text = json.dumps(first.snapshot())
    feed(first, values[cut : cut + 10], cut)  # what follows does not reach into the snapshot
    second = Novelty(config).restore(json.loads(text))
    assert json.dumps(second.snapshot()) == text
    assert feed(second, values[cut:], cut) == whole[cut:]


def test_restore_over_a_used_detector() -> None:
    """Nothing of the old state is left."""
    values = noisy(4, 300)
    used = Novelty(CONFIGS[0])
    feed(used, noisy(5, 400))
    used.restore(Novelty(CONFIGS[0]).snapshot())
    assert feed(used, values) == feed(Novelty(CONFIGS[0]), values)


@pytest.mark.parametrize("other", [CONFIGS[1], NoveltyConfig(memory=20, skip=8), NoveltyConfig(views=(Pair(),))])
def test_a_snapshot_of_another_config_is_refused(other: NoveltyConfig) -> None:
    """It would be read as something else."""
    detector = Novelty(CONFIGS[0])
    feed(detector, noisy(6, 200))
    with pytest.raises(ValueError, match="snapshot"):
        Novelty(other).restore(detector.snapshot())


@pytest.mark.parametrize("config", [NoveltyConfig(), twelve_views()], ids=["one view", "twelve views"])
def test_a_constant_series_never_alarms(config: NoveltyConfig) -> None:
    """Not at a new time of day, not after a gap of half a day, not from a huge level."""
    for level in (0.0, 1e-9, -1e12, 0.1):
        detector = Novelty(config)
        verdicts = [detector.update(level, FIVE_MINUTES_MS * (i + 144 * (i > 400))) for i in range(700)]
        assert {verdict.score for verdict in verdicts} == {0.0}
        assert alarms(verdicts) == []


@pytest.mark.parametrize("config", [NoveltyConfig(), twelve_views()], ids=["one view", "twelve views"])
def test_a_shift_is_seen_once_soon_and_with_its_reason(config: NoveltyConfig) -> None:
    """100 ± 3 becomes 150 ± 3: an alarm within 5 values, then the pause, then at most one more."""
    rng = random.Random(7)
    detector = Novelty(config)
    assert alarms(feed(detector, [rng.gauss(100, 3) for _ in range(600)])[200:]) == []
    verdicts = feed(detector, [rng.gauss(150, 3) for _ in range(300)], 600)
    flagged = alarms(verdicts)
    assert flagged[0] < 5
    assert len(flagged) <= 2
    alarm = verdicts[flagged[0]]
    assert alarm.score > 0
    assert alarm.baseline == pytest.approx(100, abs=20)
    assert "farther than usual" in alarm.reason
    assert "02:0" in alarm.reason  # row 600 of five minutes
    assert all(verdict.reason == "" for i, verdict in enumerate(verdicts) if i not in flagged)


def test_nothing_is_judged_before_the_warm_up() -> None:
    """Score 0, no baseline."""
    verdicts = feed(Novelty(), noisy(8, 101))
    assert set(verdicts) == {Verdict(0.0)}


@pytest.mark.parametrize("config", CONFIGS, ids=["one view", "twelve views"])
def test_values_that_are_none_change_nothing(config: NoveltyConfig) -> None:
    """None, NaN and infinities between the values: verdicts of the others stay what they are."""
    values, detector = noisy(9, 300), Novelty(config)
    plain = feed(Novelty(config), values)
    holed = []
    for i, value in enumerate(values):
        for missing in (None, math.nan, math.inf, -math.inf):
            assert detector.update(missing, FIVE_MINUTES_MS * i) == Verdict(0.0)
        holed.append(detector.update(value, FIVE_MINUTES_MS * i))
    assert holed == plain


@pytest.mark.parametrize("config", CONFIGS, ids=["one view", "twelve views"])
def test_time_may_repeat_and_step_back(config: NoveltyConfig) -> None:
    """As in the recorded series: eleven equal timestamps, an hour back. It is only a time of day."""
    times = [FIVE_MINUTES_MS * i for i in range(500)]
    times[300:311] = [times[300]] * 11
    times[400:] = [at - 3_600_000 for at in times[400:]]
    detector = Novelty(config)
    verdicts = [detector.update(value, at) for value, at in zip(noisy(10, 500), times, strict=True)]
    assert all(math.isfinite(verdict.score) for verdict in verdicts)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("config", CONFIGS, ids=["one view", "twelve views"])
def test_wild_values_leave_finite_scores(config: NoveltyConfig) -> None:
    """Huge, tiny, learned or not; and the detector still works afterwards."""
    rng, detector = random.Random(11), Novelty(config)
    wild = [0.0, 1e300, -1e300, 1e-300, 1e12, -1e-12, 5.0]
    for i in range(600):
        value = rng.choice(wild) if i > 50 else 1e-3 * i
        verdict = detector.update(value, FIVE_MINUTES_MS * i, learn=i > 50 and i % 3 > 0)
        assert math.isfinite(verdict.score)
        assert -3 <= verdict.score <= 3
    json.loads(json.dumps(detector.snapshot(), allow_nan=False))


def test_what_is_not_learned_stays_novel() -> None:
    """A shift fed with learn=False keeps its high score; learned, it becomes normal."""
    rng = random.Random(12)
    usual = [rng.gauss(100, 3) for _ in range(500)]
    shifted = [rng.gauss(150, 3) for _ in range(200)]
    kept, learned = Novelty(), Novelty()
    feed(kept, usual)
    feed(learned, usual)
    memory = kept.snapshot()["memory"]
    scores = [kept.update(value, FIVE_MINUTES_MS * i, learn=False).score for i, value in enumerate(shifted, 500)]
    assert min(scores[10:]) == 3.0
    assert kept.snapshot()["memory"] == memory
    assert feed(learned, shifted, 500)[-1].score < 1
    back = [kept.update(rng.gauss(100, 3), FIVE_MINUTES_MS * i).score for i in range(700, 760)]
    assert max(back[20:]) < 2


def test_bursts_alarm_less_and_less() -> None:
    """A series with a burst of a new size every 60 values: the first are told, not each."""
    rng = random.Random(13)
    values = [rng.gauss(10, 1) for _ in range(3_000)]
    for i in range(300, 3_000, 60):
        values[i : i + 6] = [rng.paretovariate(1.5) * 100] * 6
    flagged = alarms(feed(Novelty(twelve_views()), values))
    assert 1 <= len(flagged) <= 12


def on_and_off(rng: random.Random) -> list[float]:
    """Bursts of up to 900 and pauses, then 300 values with hardly anything, then 40 of a usual burst."""
    values: list[float] = []
    while len(values) < 1_500:
        level = rng.choice([0, 0, 20, 100, 400, 900])
        values += [max(0.0, rng.gauss(level, 2 * math.sqrt(level))) for _ in range(rng.randrange(5, 60))]
    quiet = [float(rng.random() < 0.05) for _ in range(300)]
    return values[:1_500] + quiet + [rng.gauss(400, 40) for _ in range(40)]


@pytest.mark.parametrize("seed", [18, 19])
def test_usual_traffic_after_a_quiet_time_is_not_novel(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The local views alone see a change that they have not seen: they must not raise the alarm by themselves."""
    values = on_and_off(random.Random(seed))
    flagged = alarms(feed(Novelty(twelve_views()), values))
    assert [i for i in flagged if i >= 1_500] == []
    monkeypatch.setattr(novelty, "LOCAL_LEAD", 99.0)
    by_themselves = alarms(feed(Novelty(twelve_views()), values))
    assert any(1_800 <= i < 1_840 for i in by_themselves)


def test_a_series_that_is_often_novel_must_be_more_so() -> None:
    """As many σ above the usual distance score less where that distance is large beside σ."""
    calm, restless = _View(), _View()
    calm.variance = restless.variance = 0.01**2
    restless.mean = 0.03
    config = NoveltyConfig(smooth=1)
    scores = [view.z(view.mean + 0.02, 500, config, learn=False) for view in (calm, restless)]
    assert scores == pytest.approx([2.0, 0.5], abs=1e-6)


def test_memory_is_bounded() -> None:
    """48 kB for one view, 352 kB for twelve; a snapshot does not grow once the ring is full."""
    assert Novelty().bytes == 48_000
    assert Novelty(twelve_views()).bytes == 352_000
    detector = Novelty(CONFIGS[0])
    feed(detector, noisy(14, 400))
    size = len(json.dumps(detector.snapshot()))
    feed(detector, noisy(15, 2_000), 400)
    assert len(json.dumps(detector.snapshot())) < size * 1.1


def test_an_old_outlier_is_forgotten() -> None:
    """One absurd value makes every distance tiny beside its range, until the ring has been filled once more."""
    rng = random.Random(16)
    config = NoveltyConfig(memory=200)
    detector = Novelty(config)
    feed(detector, [rng.gauss(100, 3) for _ in range(300)] + [1e9] + [rng.gauss(100, 3) for _ in range(700)])
    assert alarms(feed(detector, [rng.gauss(150, 3) for _ in range(5)], 1_001))


@pytest.mark.parametrize(
    "wrong", [{"views": ()}, {"memory": 0}, {"skip": -1}, {"smooth": 0}], ids=["views", "memory", "skip", "smooth"]
)
def test_a_config_that_cannot_work_is_refused(wrong: dict[str, object]) -> None:
    """With a message that says what it needs."""
    with pytest.raises(ValueError, match="novelty needs"):
        NoveltyConfig(**wrong)  # type: ignore[arg-type]


def test_any_views_can_be_combined() -> None:
    """Without a clock, without a raw view, with one kind only."""
    rng = random.Random(17)
    values = [rng.gauss(100, 3) for _ in range(300)] + [1e4] * 3
    forms: list[tuple[View, ...]] = [
        (Pair(),),
        (Spread(4),),
        (Spread(4, True), Pair(True)),
        (Clock(0.2, True),),
        SINGLE_VIEW * 2,
    ]
    for views in forms:
        verdicts = feed(Novelty(NoveltyConfig(views=views, memory=100)), values)
        assert alarms(verdicts[-3:]), views
