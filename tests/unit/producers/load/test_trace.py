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
