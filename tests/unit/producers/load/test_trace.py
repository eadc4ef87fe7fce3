"""Recorded traces: the samples are read right, and a bad row is named."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path
from statistics import median

import pytest

import callgauge_deploy
from callgauge import Call, TraceError
from callgauge_load import read_trace
from callgauge_load.azure import LatencyModel, read_azure
from callgauge_load.llmdrift import read_llmdrift
from callgauge_load.mooncake import START_S
from callgauge_load.paced import end_s

SAMPLES = Path(callgauge_deploy.__file__).parent / "samples"
AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n"
DRIFT = "model,dataset,id,latency,cost,timestamp,answer_token\n"


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_azure_samples() -> None:
    """Both traces whole: row counts, tokens, service, and simulated latencies that are marked as such."""
    code = list(read_trace(SAMPLES / "azure_code.csv.gz"))
    assert len(code) == 8_819
    assert (code[0].ts, code[0].input_tokens, code[0].output_tokens) == (1_700_158_623.97996, 4_808, 10)
    assert {(c.service, c.model, c.provider, c.tags["latency"]) for c in code} == {
        ("code-assistant", "azure-2023-code", "azure", "simulated")
    }
    assert code[0].price_source == "assumed: $10/$30 per million tokens"
    assert code[0].cost_usd == pytest.approx(0.04838)
    assert all(0 < (c.time_to_first_token_ms or 0) <= (c.latency_ms or 0) for c in code)
    assert sum(1 for _ in read_trace(SAMPLES / "azure_conv.csv.gz")) == 19_366


def test_llmdrift_sample_is_swapped_half_way() -> None:
    """Old versions only in the first half, new ones only in the second, both families side by side throughout."""
    calls = list(read_trace(SAMPLES / "llmdrift_gpt4.csv.gz"))
    assert len(calls) == 8_024
    assert [end_s(c) for c in calls] == sorted(end_s(c) for c in calls)
    halves = calls[:4_012], calls[4_012:]
    assert Counter(c.response_model for c in halves[0]) == {"gpt-4-0314": 2_006, "gpt-3.5-turbo-0301": 2_006}
    assert Counter(c.response_model for c in halves[1]) == {"gpt-4-0613": 2_006, "gpt-3.5-turbo-0613": 2_006}
    assert {c.feature for c in calls} == {"opinionqa", "counthappynumber"}
    assert {c.model for c in calls[:40]} == {"gpt-4", "gpt-3.5-turbo"}
    assert end_s(calls[-1]) - end_s(calls[0]) == pytest.approx(3_600, abs=5)


def test_llmdrift_drift_is_in_the_sample() -> None:
    """GPT-4's answers to countahappynumber shrink from a median of 1,276 tokens to 5 (LLMDrift's finding)."""
    calls = [c for c in read_llmdrift(SAMPLES / "llmdrift_gpt4.csv.gz") if c.feature == "counthappynumber"]
    medians = [
        median(c.output_tokens or 0 for c in calls if c.response_model == version)
        for version in ("gpt-4-0314", "gpt-4-0613")
    ]
    assert medians == pytest.approx([1_276, 5], abs=1)


MOONCAKE = '{"timestamp": 2500, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1]}'
TALK = (
    "conversation,turn,model,request_type,offset_s,think_time_s,ttft_s,total_s,input_tokens,output_tokens,prefix_blocks"
)
SPANS = (
    "start_time_unix_s,duration_ms,is_error,status_code,finish_reason,model,input_tokens,output_tokens,"
    "conversation,span_id"
)
STEPS = "load_scale,event_id,finish_time_s,ttft_s,total_s,input_tokens,output_chars,max_tokens"


def test_mooncake_is_read(tmp_path: Path) -> None:
    """JSON Lines: times count from the start in ms, latencies are simulated and marked so."""
    [call] = read_trace(written(tmp_path, "talk.jsonl", MOONCAKE))
    assert (call.ts - START_S, call.input_tokens, call.output_tokens) == (2.5, 6_758, 500)
    assert call.tags == {"latency": "simulated"}
    assert 0 < (call.time_to_first_token_ms or 0) < (call.latency_ms or 0)


def test_conversations_are_read(tmp_path: Path) -> None:
    """Seconds become ms; a TTFT that was not measured is none."""
    rows = "\nc1,0,opus,s,0.5,0.0,4.667,6.625,32701,161,511\nc1,1,opus,n,17.9,,,2.137,9590,88,150\n"
    first, second = read_trace(written(tmp_path, "cc.csv", TALK + rows))
    assert (first.session_id, first.model, first.stream, first.ts - START_S) == ("c1", "opus", True, 0.5)
    assert (first.time_to_first_token_ms, first.latency_ms) == (4_667.0, 6_625.0)
    assert (second.time_to_first_token_ms, second.stream) == (None, False)


def test_spans_are_read(tmp_path: Path) -> None:
    """The provider is split off the model; a failed span has neither tokens nor a finish reason."""
    rows = (
        "\n1776685494.855935,14716.5,0,1,tool_calls,azure/Kimi,18987,217,t1,s1"
        "\n1776685500,0,1,2,,azure/Kimi,0,0,t1,s2\n"
    )
    good, bad = read_trace(written(tmp_path, "otel.csv", SPANS + rows))
    assert (good.provider, good.model, good.finish_reason, good.status) == ("azure", "Kimi", "tool_calls", "success")
    assert (good.ts, good.latency_ms, good.span_id) == (1776685494.855935, 14_716.5, "s1")
    assert (bad.status, bad.error_type, bad.input_tokens, bad.output_tokens) == ("error", "other", None, None)


def test_load_steps_are_read(tmp_path: Path) -> None:
    """The start is the end less the total."""
    [call] = read_trace(written(tmp_path, "steps.csv", STEPS + "\n400,7,1000.5,0.25,1.5,476,409,1024\n"))
    assert (call.ts, call.time_to_first_token_ms, call.latency_ms) == (999.0, 250.0, 1_500.0)
    assert (call.output_tokens, call.response_chars, call.tags) == (None, 409, {"load_scale": "400"})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: the file is empty"),
        ("{", "line 1: no JSON"),
        ("[1]", "line 1: no JSON object"),
        (f'{MOONCAKE}\n{{"timestamp": 1}}', "line 2: input_length is empty"),
        (f"{MOONCAKE}\nnull", "line 2: no JSON object"),
        ('{"a": 1}', "are of no known trace"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, says: str) -> None:
    """JSON Lines: file, line and what is wrong, in one line."""
    with pytest.raises(TraceError, match=says) as caught:
        list(read_trace(written(tmp_path, "x.jsonl", text)))
    assert "\n" not in str(caught.value)


def test_reading_twice_is_the_same_calls(tmp_path: Path) -> None:
    """Ids and latencies are the same each time, gzipped or not; ids are all different."""
    rows = AZURE + "".join(f"2023-11-16 18:17:0{i}.0,{i},1\n" for i in range(9))
    plain = written(tmp_path, "code.csv", rows)
    (tmp_path / "code.csv.gz").write_bytes(gzip.compress(rows.encode()))
    first = list(read_trace(plain))
    assert first == list(read_trace(plain)) == list(read_trace(tmp_path / "code.csv.gz"))
    assert len({call.event_id for call in first}) == 10


def test_latency_model_follows_tokens_and_seed() -> None:
    """The first token comes later after more input; each output token takes about 25 ms; another seed, another draw."""
    model = LatencyModel()
    draws = [model.draw(key, 1_000, 101) for key in range(2_000)]
    ttft = sorted(draw[0] for draw in draws)
    per_token = sorted((latency - first) / 100 for first, latency in draws)
    assert ttft[1_000] == pytest.approx(270, rel=0.05)
    assert per_token[1_000] == pytest.approx(25, rel=0.05)
    assert model.draw(1, 8_000, 1)[0] > model.draw(1, 100, 1)[0]
    assert LatencyModel(seed=1).draw(1, 100, 1) != model.draw(1, 100, 1)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("code.csv", "", "line 1: no header"),
        ("code.csv", "a,b\n1,2\n", "are of no known trace"),
        ("other.csv", AZURE, "give azure-code or azure-conv"),
        ("code.csv", AZURE + "yesterday,1,1\n", "line 3: TIMESTAMP is 'yesterday', not like"),
        ("code.csv", AZURE + "2023-11-16 18:17:03.9799600,many,1\n", "line 3: ContextTokens is 'many', not a number"),
        ("code.csv", AZURE + "2023-11-16 18:17:03.9799600,1.5,1\n", "line 3: ContextTokens is 1.5, not a whole number"),
        ("code.csv", AZURE + "2023-11-16 18:17:03.9799600,-1,1\n", "line 3: ContextTokens is -1"),
        ("code.csv", AZURE + "2023-11-16 18:17:03.9799600,nan,1\n", "line 3: ContextTokens is nan"),
        ("code.csv", AZURE + "2023-11-16 18:17:03.9799600\n", "line 3: ContextTokens is empty"),
        ("code.csv", AZURE + "2023-11-16 18:17:03.9799600,1,10000000000000\n", "line 3: latency_ms is"),
        ("drift.csv", DRIFT + 'gpt4,qa,1,1,0,"07/26/2023, 21:03:32",4\n', "line 2: model is 'gpt4', not like"),
        ("drift.csv", DRIFT + "x/gpt-4-0314,qa,1,1,0,26.7.2023,4\n", "line 2: timestamp is '26.7.2023', not like"),
        ("code.csv.gz", "no gzip", "cannot be read"),
    ],
)
def test_unreadable_is_named(tmp_path: Path, name: str, text: str, says: str) -> None:
    """TraceError says which file, which line, and what is wrong."""
    path = written(tmp_path, name, text)
    with pytest.raises(TraceError) as caught:
        list(read_trace(path))
    assert str(path) in str(caught.value)
    assert says in str(caught.value)


def test_missing_file_and_unknown_format(tmp_path: Path) -> None:
    """So does a file that is not there, and a format that does not exist."""
    with pytest.raises(TraceError, match="cannot be read"):
        read_trace(tmp_path / "none.csv")
    with pytest.raises(TraceError, match="no trace format 'csv'; there are azure-code"):
        read_trace(written(tmp_path, "code.csv", AZURE), format="csv")
    with pytest.raises(TraceError, match="no column"):
        list(read_azure(written(tmp_path, "drift.csv", DRIFT), "code"))


def test_empty_trace_is_no_calls(tmp_path: Path) -> None:
    """A header alone is a trace of nothing."""
    empty: list[Call] = []
    assert list(read_trace(written(tmp_path, "drift.csv", DRIFT))) == empty
