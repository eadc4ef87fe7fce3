"""A file of one's own prices is taken as it is written, and a mistake in it is told with its line."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from callgauge.errors import SettingError
from callgauge.prices.own_file import OwnPrices, read_own_prices

D = Decimal
FILE = """
prices:
  - model: llama-*
    provider: vllm
    input_mtok: 0.20
    output_mtok: 0.60
    tiers:
      - above: 200000
        input_mtok: 0.40
      - above: 400000
        output_mtok: 1.2
  - model: llama-*
    provider: vllm
    from: 2026-06-01
    input_mtok: 0.10
    output_mtok: 0.3
  - model: drawing
    per_call: 0.04
  - model: My-Claude
    provider: aws.bedrock
    input_mtok: 3
    output_mtok: 15
    cache_read_mtok: 0.3
    cache_write_mtok: 3.75
    output_reasoning_mtok: 20
"""


def read(tmp_path: Path, text: str) -> OwnPrices:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    return read_own_prices(path)


def test_prices_are_read(tmp_path: Path) -> None:
    """Tokens, tiers, prices by the call; a tier changes what it names."""
    own = read(tmp_path, FILE)
    llama = own.find("vllm", "llama-70b", date(2026, 5, 31))
    assert llama is not None
    costs = [llama.price.nano({"input_tokens": n, "output_tokens": 10}) for n in (200_000, 200_001, 400_001)]
    assert costs == [40_006_000, 80_006_400, 160_012_400]
    drawing = own.find("anybody", "drawing", date(2026, 1, 1))
    assert drawing is not None
    assert drawing.price.nano({}) == 40_000_000


def test_the_latest_from_counts(tmp_path: Path) -> None:
    """From its day on."""
    own = read(tmp_path, FILE)
    lines = [found.line for day in (31, 1) if (found := own.find("vllm", "llama-70b", date(2026, 6 - day // 31, day)))]
    assert lines == [3, 12]


def test_names_are_patterns_and_providers_are_known_by_any_of_their_names(tmp_path: Path) -> None:
    """Capitals do not matter; a provider that is named must be the call's."""
    own = read(tmp_path, FILE)
    found = own.find("bedrock", "my-claude", date(2026, 1, 1))
    assert found is not None
    assert found.price.prices["cache_write_tokens"] == D("3.75")
    assert own.find("openai", "my-claude", date(2026, 1, 1)) is None
    assert own.find("vllm", "xllama-70b", date(2026, 1, 1)) is None


def test_the_source_tells_which_file_it_was(tmp_path: Path) -> None:
    """Its name and the beginning of its SHA-256: another content is another version."""
    one, other = read(tmp_path, FILE), read(tmp_path, f"{FILE}# changed")
    name, version = one.source.split(" ")
    assert (name, len(version)) == ("prices.yaml", 8)
    assert other.source != one.source


ONE = "prices:\n  - model: m\n    input_mtok: 1\n"
NO_PRICE = "'m' has no price; add input_mtok, output_mtok or per_call"


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("", 1, "a file of prices is a list of `name: value`, but this is empty"),
        ("- a", 1, "a file of prices is a list of `name: value`, but this is a list"),
        ("models: []", 1, "'models' is no part of a file of prices; its parts are prices"),
        ("prices: 3", 1, "prices is a list, each entry beginning with `- `, but this is '3'"),
        ("prices:\n  - 3", 2, "a price is a list of `name: value`, but this is '3'"),
        ("prices:\n  - input_mtok: 1", 2, "the price names no model; add `model: ...`"),
        ("prices:\n  - model: m", 2, NO_PRICE),
        ("prices:\n  - model:\n    input_mtok: 1", 2, "model is a text, but this is empty"),
        (f"{ONE}    inputs: 2", 4, "'inputs' is no part of a price; its parts are model, provider, from, "),
        (f"{ONE}    input_mtok: 2", 4, "'input_mtok' is given twice, first in line 3"),
        (f"{ONE}    output_mtok: free", 4, "output_mtok is 'free'; write dollars as a number such as 0.25, at least 0"),
        (f"{ONE}    output_mtok: -1", 4, "output_mtok is '-1'; write dollars as a number"),
        (f"{ONE}    output_mtok: 1e999999999", 4, "output_mtok is '1e999999999'; write dollars as a number"),
        (f"{ONE}    output_mtok: .nan", 4, "output_mtok is '.nan'; write dollars as a number"),
        (f"{ONE}    output_mtok: [1]", 4, "output_mtok is a text, but this is a list"),
        (
            f"{ONE}    output_reasoning_mtok: 1",
            4,
            "output_reasoning_mtok is the price of some output tokens; add output_mtok",
        ),
        (f"{ONE}    cache_audio_read_mtok: 1", 4, "cache_audio_read_mtok needs cache_read_mtok and input_audio_mtok"),
        (f"{ONE}    from: tomorrow", 4, "from is 'tomorrow'; write a day such as 2026-01-31"),
        (f"{ONE}    tiers:\n      - input_mtok: 2", 5, "the tier does not say when it counts; add `above: `"),
        (f"{ONE}    tiers:\n      - above: many", 5, "above is 'many'; write a number of input tokens such as 200000"),
        (f"{ONE}    tiers:\n      - above: 9\n      - above: 9", 6, "tiers stand in order: above must be more than 9"),
        (f"{ONE}    tiers:\n      - above: 9\n        output_mtok: 2", 6, "output_mtok has no price below the tiers"),
        (f"{ONE}    provider: *x", 4, "aliases (*name) and tags (!name) are not read; write the value"),
        (f"{ONE}    provider: !!python/name:os.system x", 4, "aliases (*name) and tags (!name) are not read"),
        (f"{ONE}    [a]: b", 4, "a name stands before the colon, not a list or mapping"),
        (f"{ONE}  model: m\n b", 4, "this is no YAML: "),
        (f"{ONE}---\nprices: []", 4, "this is no YAML: "),
        ("[" * 5_000, 1, "values are nested too deep"),
        ("a: " * 2_000, 1, "this is no YAML: "),
        ("- " * 5_000, 1, ""),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    """Which line of which file, what is wrong there, what to write."""
    with pytest.raises(SettingError) as told:
        read(tmp_path, text)
    assert str(told.value).startswith(f"{tmp_path / 'prices.yaml'}, line {line}: {what}")
    assert "\n" not in str(told.value)


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    """With their line."""
    path = tmp_path / "prices.yaml"
    path.write_bytes(b"prices:\n  - model: \xff\n")
    with pytest.raises(SettingError, match=r"prices\.yaml, line 2: this is no UTF-8; save the file as UTF-8"):
        read_own_prices(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The setting that names it is told."""
    with pytest.raises(
        SettingError, match=r"none\.yaml: No such file or directory; CALLGAUGE_PRICES_FILE names a YAML"
    ):
        read_own_prices(tmp_path / "none.yaml")
