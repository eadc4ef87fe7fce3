"""The wire types: what crosses a topic, one class per message.

Times are epoch seconds UTC (float), durations milliseconds, money US dollars, in the emitters' messages (`Call`,
`Score`, `StateChange`). Rows and control records (`WindowRow`, `ScoreRow`, `BlockSummary`, `EpochStart`, `Progress`)
hold integers only, their units in the names, so that two computations of a row are equal bit for bit.

Unknown fields are ignored; a missing optional field, and null, has the default written here. What does not fit is
mended where it can be (`callgauge.mending`). Field names follow the
OpenTelemetry GenAI conventions' vocabulary where one exists.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "BREAKER_OPEN",
    "SCHEMA_VERSION",
    "Alert",
    "AlertAction",
    "AlertState",
    "Baseline",
    "BlockSummary",
    "CacheLevel",
    "Call",
    "Content",
    "CountedShare",
    "DeadLetter",
    "EpochStart",
    "ErrorType",
    "FoldedSeries",
    "Heartbeat",
    "Histogram",
    "Mark",
    "Measure",
    "Notified",
    "Progress",
    "Score",
    "ScoreRow",
    "Severity",
    "SignedHistogram",
    "SourceProgress",
    "StateChange",
    "WindowRecord",
    "WindowRow",
]

SCHEMA_VERSION = 1

ErrorType = Literal[
    "rate_limit",
    "context_window_exceeded",
    "content_filter_blocked",
    "timeout",
    "invalid_response",
    "provider_down",
    "other",
]
Status = Literal["success", "error", "fallback", "cancelled"]
CacheLevel = Literal["exact", "semantic"]
BreakerState = Literal["closed", "open", "half_open", "other"]
AlertState = Literal["pending", "firing", "resolved", "acknowledged"]
Severity = Literal["info", "warning", "error", "critical"]

#: The name under which the opens of circuit breakers are rolled up, among the scores.
BREAKER_OPEN = "breaker_open"

# Epoch seconds between 1970 and 2100: enough for every clock that is merely wrong, and far from 64-bit trouble.
EpochSeconds = Annotated[float, Field(ge=0, le=4_102_444_800)]
Milliseconds = Annotated[float, Field(ge=0, le=1e12)]
Dollars = Annotated[float, Field(ge=0, le=1e9)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000_000)]
Label = Annotated[str, Field(max_length=256)]
Labels = dict[Label, Label]


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, frozen=True)


class Call(_Message):
    """One LLM call, or another span of the same trace (chain, retrieval, tool). Holds no prompt text.

    Event time, by which windows are cut, is the *end* of the call: `ts` + `latency_ms`.
    `input_tokens` includes cached tokens and `output_tokens` includes reasoning tokens (OpenTelemetry's rule).
    """

    event_id: Annotated[str, Field(min_length=1, max_length=64)]
    """The emitter's id of this call (a UUIDv7 by default). Never minted again when a send is repeated."""
    ts: EpochSeconds
    """Start of the call, epoch seconds."""
    service: Annotated[str, Field(min_length=1, max_length=256)]
    """The service that called."""
    model: Label = ""
    """The model asked for."""

    trace_id: Label = ""
    span_id: Label = ""
    parent_span_id: Label = ""
    operation: Label = "chat"
    """chat, text_completion, embeddings, retrieval, execute_tool, invoke_agent, chain, ..."""
    name: Label = ""
    latency_ms: Milliseconds | None = None
    """Start to end of the call; None: not known, its event time is then its start."""
    time_to_first_token_ms: Milliseconds | None = None

    environment: Label = ""
    feature: Label = ""
    endpoint: Label = ""
    user_id: Label = ""
    session_id: Label = ""
    tags: dict[str, str] = {}

    provider: Label = ""
    response_model: Label = ""
    """The model that answered."""
    prompt_hash: Label = ""
    prompt_version: Label = ""
    variant: Label = ""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    """Part of `input_tokens`."""
    cache_write_tokens: Count | None = None
    """Part of `input_tokens`."""
    reasoning_tokens: Count | None = None
    """Part of `output_tokens`."""
    cost_usd: Dollars | None = None
    price_source: Label = ""
    """Where `cost_usd` comes from: the provider's answer, a price table and its date, ..."""

    status: Status = "success"
    """fallback: answered, but by another model or provider than asked for. cancelled: the caller stopped (closed
    stream, cancelled task, client gone); neither an error nor in the latency percentiles."""
    error_type: ErrorType | None = None
    error_message: Annotated[str, Field(max_length=1024)] = ""
    http_status: Annotated[int, Field(ge=0, le=999)] | None = None
    finish_reason: Label = ""
    stream: bool = False
    cache_hit: bool = False
    """Answered from a response cache, without a call to the provider."""
    cache_level: CacheLevel | None = None
    """Which kind of cache answered: one that looks for the same request, or for one that means the same. None: not
    told."""
    fallback_from: Label = ""
    retry_count: Count = 0

    rate_limit_limit_requests: Count | None = None
    rate_limit_remaining_requests: Count | None = None
    rate_limit_limit_tokens: Count | None = None
    rate_limit_remaining_tokens: Count | None = None

    response_chars: Count | None = None
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION


class Score(_Message):
    """One judgement of a call: heuristic, judge, user feedback, business outcome. Carries its call's labels itself."""

    kind: Literal["score"] = "score"
    score_id: Annotated[str, Field(min_length=1, max_length=64)]
    ts: EpochSeconds
    name: Annotated[str, Field(min_length=1, max_length=128)]
    """What was judged: helpfulness, refusal, thumbs, ..."""
    value: Annotated[float, Field(ge=-1e6, le=1e6)]
    origin: Literal["heuristic", "judge", "user", "business", "other"] = "other"
    """Who judged."""
    event_id: Annotated[str, Field(max_length=64)] = ""
    trace_id: Label = ""
    service: Annotated[str, Field(min_length=1, max_length=256)]
    labels: Labels = {}
    """The call's labels (any of `counted.LABELS` but service). A score counts in the grouping sets whose labels are all
    here: an empty value says that the call has none, a label left out that it is not known."""
    comment: Annotated[str, Field(max_length=1024)] = ""
    sample_rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The share of calls that are judged like this: the score stands for 1 / sample_rate calls. Counts and means in
    windows are of the sample."""
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION


class StateChange(_Message):
    """A circuit breaker changed its state."""

    kind: Literal["state_change"] = "state_change"
    event_id: Annotated[str, Field(min_length=1, max_length=64)]
    ts: EpochSeconds
    service: Annotated[str, Field(min_length=1, max_length=256)]
    breaker: Label
    """Name of the breaker, usually the provider's."""
    from_state: BreakerState
    to_state: BreakerState
    reason: Annotated[str, Field(max_length=1024)] = ""
    labels: Labels = {}
    """As a score's; usually the provider."""
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION


class Heartbeat(_Message):
    """A process with a Gauge is alive. Sent at its start, every few seconds, and once more when the Gauge is closed.

    Counts are of this process since `started_at`; but for what waits they only grow. It has a topic of its own, since
    it is neither a call nor a score.
    """

    instance: Annotated[str, Field(min_length=1, max_length=64)]
    """The Gauge, in this process: a forked child has another."""
    ts: EpochSeconds
    started_at: EpochSeconds
    interval_s: Annotated[float, Field(ge=0, le=1e6)] = 10.0
    """When the next one is due. A process of which nothing came for three of these is dead, or cut off."""
    service: Label = ""
    environment: Label = ""
    host: Label = ""
    process_id: Count = 0
    sdk: Label = ""
    """Version of callgauge."""
    emitted: Count = 0
    """Calls and judgements that were taken; = delivered + failed + spilled + waiting."""
    delivered: Count = 0
    """The broker has them."""
    dropped: Count = 0
    """Not taken, since the queue was full: lost."""
    invalid: Count = 0
    """Not taken, since they cannot be counted."""
    failed: Count = 0
    """Taken, but the broker never got them: lost."""
    spilled: Count = 0
    """Written to disk, to be delivered later."""
    replayed: Count = 0
    """Read from disk, also what other processes had written, and delivered."""
    replay_failed: Count = 0
    """Read from disk, but damaged, or refused by the broker: lost."""
    waiting: Count = 0
    """In memory now."""
    on_disk: Count = 0
    """On disk now, to be sent by this process."""
    closed: bool = False
    """The last one: the Gauge was closed."""
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION


class Content(_Message):
    """Prompt and answer of one call: opt-in, redacted before they left the process, kept for a day on their topic."""

    event_id: Annotated[str, Field(min_length=1, max_length=64)]
    """The call's."""
    trace_id: Label = ""
    ts: EpochSeconds
    """Start of the call, epoch seconds."""
    service: Annotated[str, Field(min_length=1, max_length=256)]
    labels: Labels = {}
    """The call's labels (any of `counted.LABELS` but service)."""
    prompt: str = ""
    """Text, or the JSON of messages."""
    response: str = ""
    sample_rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The share of traces whose content is sent: each stands for 1 / sample_rate."""
    redactions: dict[str, Count] = {}
    """How often each kind was replaced: email, card, openai_key, ..."""
    prompt_chars: Count = 0
    """How long it was, before it was redacted and cut."""
    response_chars: Count = 0
    prompt_truncated: bool = False
    response_truncated: bool = False
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION


class Mark(_Message):
    """Something changed that people want to see beside what was measured: a deploy, a new prompt, another price."""

    kind: Literal["mark"] = "mark"
    mark_id: Annotated[str, Field(min_length=1, max_length=64)]
    effective_from: EpochSeconds
    """When it changed, in event time, epoch seconds."""
    text: Annotated[str, Field(min_length=1, max_length=1024)]
    """What changed, in a line: gpt-4o → gpt-4.1."""
    service: Label = ""
    """Whose calls it concerns; empty: everybody's."""
    labels: Labels = {}
    """Narrows that down: any of `counted.LABELS` but service."""
    author: Label = ""
    url: Annotated[str, Field(max_length=1024)] = ""
    """Where to read more: the commit, the release."""
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION


class CountedShare(_Message):
    """Of `n` scores of one name, so many are above 0."""

    n: Count
    above_zero: Count


class Baseline(_Message):
    """What answers of one kind were like in a time that is held to be good. The newest of a service, model and prompt
    version counts; later answers are compared with it (`callgauge quality drift`)."""

    kind: Literal["baseline"] = "baseline"
    service: Annotated[str, Field(min_length=1, max_length=256)]
    model: Label = ""
    """Empty: of all models of the service."""
    prompt_version: Label = ""
    """Empty: of all prompt versions."""
    since: EpochSeconds
    until: EpochSeconds
    """The answers' time: from since up to until, event time in epoch seconds."""
    chosen: Literal["hand", "mark", "quiet_week", "other"] = "hand"
    """Who chose that time: a person, the deploy mark at its end, or it is the last week without alerts."""
    shares: dict[str, CountedShare] = {}
    """refusal, hallucination_markers, ..."""
    tokens: dict[str, Count] = {}
    """Output tokens of answered calls, in OpenTelemetry's buckets of scale 3; the key of 0 is "zero"."""
    calls: Count = 0
    """Those calls."""
    mean_tokens: Annotated[float, Field(ge=0, le=1e12)] = 0.0
    set_at: EpochSeconds = 0.0
    effective_from: EpochSeconds = 0.0
    """Windows that end at this time or later are compared with it, but never those that ended before it was written."""
    author: Label = ""
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION


class RuleSet(_Message):
    """A rule file, and from when on its rules judge: it replaces all rules that were in force before. Kept on
    `llm.rules`, each under its own version."""

    kind: Literal["rules"] = "rules"
    version: Annotated[str, Field(min_length=1, max_length=64)]
    """Names the set; of two records of one version the later one counts."""
    effective_from: EpochSeconds
    """Windows that end at this time or later are judged by it, event time in epoch seconds."""
    text: Annotated[str, Field(min_length=1, max_length=900_000)]
    """The file as it was written, YAML."""
    file: Annotated[str, Field(max_length=1024)] = ""
    """Its name, for messages."""
    author: Label = ""
    why: Annotated[str, Field(max_length=1024)] = ""
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION


class Histogram(_Message):
    """OpenTelemetry's exponential histogram, sparse: bucket i counts values in (base^i, base^(i+1)],
    base = 2^(2^-scale). `zero_count` counts values of 0. Buckets' keys are decimal strings (JSON has no others)."""

    scale: int
    zero_count: int = 0
    buckets: dict[str, int] = {}


class SignedHistogram(Histogram):
    """The same for values of both signs: `negative` counts -v in OpenTelemetry's buckets of negative values."""

    negative: dict[str, int] = {}


class Measure(_Message):
    """One measured quantity over a row's events, in the units of `counted.MEASURES`; only things that add up."""

    count: int
    """Events that carried the quantity; those without are in the row's `n` alone."""
    sum: int
    sum_sq: int
    min: int
    max: int
    max_event_id: str
    """The event of the largest value; of several the one with the lowest offset."""
    histogram: Histogram


class WindowRow(_Message):
    """Aggregates of one series over one window, from the events of one block.

    Identity = (grouping, series_id, window_start_ms, source, block, epoch); `n` is its version: keep the row with the
    largest `n` per identity, add rows of different identities. Two rows of equal identity and `n` are equal.
    """

    kind: Literal["row"] = "row"
    grouping: str
    """Canonical name of the grouping set: labels joined by commas, @, window width: "service,model@60s", "@10s"."""
    series_id: int
    """64-bit hash of grouping set and labels."""
    window_start_ms: int
    window_ms: int
    source: str
    """cluster id / topic id / partition."""
    block: int
    """The block's first offset."""
    epoch: str
    n: int
    """Events in this row."""
    labels: dict[str, str]

    errors: dict[str, int] = {}
    """Failed calls by error type ("other" where none was given)."""
    fallbacks: int = 0
    cancelled: int = 0
    """Calls that the caller stopped."""
    cache_hits: int = 0
    """Of all levels; those of calls that do not tell their level are in no other count."""
    cache_hits_exact: int = 0
    cache_hits_semantic: int = 0
    rate_limited: int = 0
    """Calls refused for their rate: error_type rate_limit or HTTP 429."""
    retries: int = 0
    finish_reasons: dict[str, int] = {}

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    rate_limit_used_max_ppm: int = 0
    """Largest share of a rate limit seen used up (requests or tokens), in millionths."""
    measures: dict[str, Measure] = {}
    """Keys of `counted.MEASURES`; a quantity that no event carried is left out."""


class ScoreRow(_Message):
    """Aggregates of one score (a name, and who judged) over one series and window, from the events of one block.

    Identity = (grouping, series_id, window_start_ms, source, block, epoch, name, origin), version `n`, as a
    `WindowRow`'s; `series_id` is that of the calls with the same labels. Changes of circuit breakers are rolled up as
    scores of the name `BREAKER_OPEN`, 1 when the breaker opened and 0 otherwise, whose origin is the breaker: `n`
    counts the changes, `sum` the opens.
    """

    kind: Literal["score_row"] = "score_row"
    grouping: str
    series_id: int
    window_start_ms: int
    window_ms: int
    source: str
    """cluster id / topic id / partition, of the scores topic."""
    block: int
    epoch: str
    name: str
    """What was judged."""
    origin: str
    """Who judged: `Score.origin`, or the breaker's name."""
    n: int
    """Scores in this row."""
    labels: dict[str, str]

    sum: int
    """Millionths, as `min` and `max`."""
    sum_sq: int
    """Millionths too: each value's square, rounded to (10⁻³)², of values cut to ±10,000."""
    min: int
    max: int
    min_event_id: str
    """The call (where none is given the score itself) of the lowest value; of several that of the lowest offset."""
    histogram: SignedHistogram
    """Of the values in millionths."""


class BlockSummary(_Message):
    """What a block held besides its rows. Version = last_offset; `complete` when the block has ended."""

    kind: Literal["summary"] = "summary"
    source: str
    block: int
    epoch: str
    last_offset: int
    complete: bool
    records: int
    """Records read; = counted + duplicates + dead."""
    counted: int
    """Events in the rows of every grouping set (scores: of every one whose labels they carry; steps around calls: of
    those that name the operation)."""
    duplicates: int = 0
    differing: int = 0
    """Of the duplicates, those whose content is not that of the record whose id they have."""
    dead: int = 0
    """Records that could not be read (they are on the dead-letter topic)."""
    late: int = 0
    """Counted, though they were appended more than the out-of-orderness bound after their event time."""
    clamped: int = 0
    """Counted, with a value cut to the largest that a block can add up."""
    token_violations: int = 0
    """Counted, though cache_read + cache_write > input or reasoning > output."""
    folded: int = 0
    """Counted in a series named `__other__` in some grouping set, since their service had too many series."""
    first_ts_ms: int = 0
    """Append time of the block's first record."""


class EpochStart(_Message):
    """From block `from_offset` on, rows of this source count only if they are of this epoch."""

    kind: Literal["epoch"] = "epoch"
    source: str
    from_offset: int
    epoch: str
    term: int
    """Grows with each takeover of the source; a start with a lower term than seen before is a zombie's."""
    lost_from: int = -1
    """Retention ate the offsets from here up to `from_offset` before they were counted; -1: nothing was lost."""


class FoldedSeries(_Message):
    """A service whose label has too many values: series of it are counted under `__other__` in a grouping set."""

    grouping: str
    """Canonical name of the grouping set."""
    service: str
    """`__other__` for the services after the first ones, if there are too many of them."""
    label: str
    """The label that is folded."""
    count: int
    """Combinations of label values that were folded in the block so far."""


class SourceProgress(_Message):
    """How far one source has been rolled up, all rows up to there confirmed."""

    source: str
    block: int
    """The open block; -1 before the first record."""
    next_offset: int
    watermark_ms: int
    """Event time up to which the source is believed complete."""
    idle: bool
    committed: int = -1
    """What the group has committed, a block start: no block before it is read again, but by re-aggregation."""
    holds: Literal["calls", "scores"] = "calls"
    """Of which rows it is the source; the windows of calls do not wait for scores."""
    folding: list[FoldedSeries] = []
    """What was folded since the progress record before; at most the largest few."""


class Progress(_Message):
    """A worker's sources, broadcast once a second to every partition of the windows topic."""

    kind: Literal["progress"] = "progress"
    worker: str
    at_ms: int
    """The worker's clock; for people, never for decisions."""
    sources: list[SourceProgress]


#: What the windows topic holds.
WindowRecord = WindowRow | ScoreRow | BlockSummary | EpochStart | Progress


class Alert(_Message):
    """One transition of an alert. `fingerprint` is the alert's identity, `alert_id` one episode of it."""

    alert_id: str
    fingerprint: str
    seq: int
    """Counts the episode's transitions from 0."""
    state: AlertState
    rule: str
    severity: Severity
    labels: dict[str, str]
    starts_at: float
    """End of the window in which the condition first held."""
    at: float
    """End of the window that caused this transition."""
    fired_at: float | None = None
    """When this episode fired; None when it never did (it ended while pending)."""
    last_fired_at: float | None = None
    """When the alert fired last, in this episode or one before; cooldown counts from it."""
    ends_at: float | None = None
    """Set when resolved."""
    aggregate: str
    lookback_s: float
    op: str
    threshold: float
    value: float | None = None
    """The aggregate when this transition happened; None when there was nothing to judge."""
    n: int
    """Events the value rests on."""
    summary: str
    """One line for people: what, where, how much, compared with what."""
    reason: str = ""
    """Why this transition, where that is not the plain comparison (resolved by a late row, by silence, ...)."""
    event_id: str = ""
    """The call that contributed most, where the aggregate has one."""
    runbook: str = ""

    detector: str = "threshold"
    """The detector that judged; "composite" where several conditions did."""
    baseline: float | None = None
    """What the detector expected, in the aggregate's unit; None for a threshold, and while there is none."""
    score: float | None = None
    """How far from normal, on the detector's own scale (of a z-score: σ, signed)."""
    points: list[list[float]] = []
    """The aggregate at the last up to 60 steps, oldest first: [epoch seconds, value]. Steps without a value are left
    out; so is all of it in a storm of alerts."""
    event_ids: list[str] = []
    """Up to 5 calls that contributed most, where the aggregate has such; the first one is `event_id`."""
    heard: float = 1.0
    """Share of the sources that were heard of lately: less than 1 says that some calls may not be counted yet."""
    held: list[str] = []
    """Of a composite: the conditions that held."""
    flapping: bool = False
    """It changes its state too often: it is kept firing until it is quiet."""
    changed_at: list[float] = []
    """When it fired or was resolved within the last hour; by this detect knows after a restart whether it flaps."""

    provider: str = ""
    service: str = ""
    """Whose calls it is about, from the labels or the rule; "" where it is about many."""
    role: Literal["", "cause", "symptom"] = ""
    """What the rule marks it as, for whoever decides which alert hides which."""
    suspected_cause: str = ""
    """What many alerts that fire at the same time have in common, for people."""

    log: str = ""
    """The partition of the windows topic that this was decided from: cluster id / topic id / partition."""
    offset: int = -1
    """Offset in that log of the record that caused this transition; detect goes on after it."""
    schema_version: int = SCHEMA_VERSION


class AlertAction(_Message):
    """What somebody did with an alert, or with all alerts that match a silence; or what a notifier found out about it.

    It lies on the topic of the alerts, and never changes what detect decides: what people see is a function of both
    (`callgauge_rules.shown`). The key of an action on one alert is the alert's fingerprint, and its partition that of
    the alert's transitions. The key of a silence, and of its end, is `silence_id`, and it is written to every
    partition: a silence concerns alerts of all of them, and whoever tells those of one partition must know it.
    """

    kind: Literal["action"] = "action"
    action_id: Annotated[str, Field(min_length=1, max_length=128)]
    """Names the action; the same in all its copies, and when it is sent again."""
    action: Literal["acknowledge", "resolve", "silence", "unsilence", "processes"]
    at: EpochSeconds
    """When it was done."""
    who: str
    """A user's name, as the way by which it came knows it."""
    why: str = ""
    how: str = ""
    """By which way it came: cli, slack, pagerduty or api."""
    receiver: str = ""
    """The receiver of the routes through which it came, which knows it already; "" if it came through none."""
    fingerprint: str = ""
    alert_id: str = ""
    """acknowledge, resolve, processes: the episode; the one after it is not concerned."""
    silence_id: str = ""
    """silence, unsilence: which."""
    matchers: list[str] = []
    """silence: conditions on labels (`callgauge_rules.matchers`), all of which must hold."""
    starts_at: EpochSeconds = 0.0
    """silence: since when."""
    ends_at: EpochSeconds = 0.0
    """silence: until when, unless it is ended before."""
    processes: Literal["", "live", "silent", "ended"] = ""
    """processes: whether those of the service whose calls are missing live, by their heartbeats; `why` says it in
    words. live: at least one does, so the calls were not made. silent: dead, or cut off from the bus. ended: in order.
    Of one episode the last counts."""
    schema_version: int = SCHEMA_VERSION


class Notified(_Message):
    """What one route's receiver was told last of an alert. Kept by route and fingerprint, in a compacted topic."""

    route: str
    receiver: str
    group: list[list[str]]
    """Name and value of each label that the alerts of the group share."""
    alert: Alert
    at: float
    memory: dict[str, str] = {}
    """What the receiver keeps, such as the id of the message that is edited when the alert is over."""
    given_up: bool = False
    """It could not be delivered, and will not be tried again."""
    acknowledged: bool = False
    """It was told that somebody has acknowledged the alert."""
    schema_version: int = SCHEMA_VERSION


class DeadLetter(_Message):
    """What could not be read: raw bytes (base64, cut after 64 KiB), reason, origin."""

    topic: str
    partition: int
    offset: int
    ts: float
    """Append time of the unreadable record."""
    reason: str
    field: str = ""
    size: int
    """Bytes of the whole value."""
    raw: str
    """The value's first 64 KiB, base64."""
    schema_version: int = SCHEMA_VERSION
