"""The page of rules says what the code says."""

from __future__ import annotations

from pathlib import Path

from callgauge_rules.aggregates import AGGREGATES, aggregate
from callgauge_rules.detectors import DETECTORS
from callgauge_rules.rules_doc import rules_page

PAGE = Path(__file__).parents[4] / "docs" / "rules.md"


def test_the_page_is_current() -> None:
    """docs/rules.md is what the code says; make it anew with `python -m callgauge_rules.rules_doc`."""
    assert PAGE.read_text() == rules_page()


def test_everything_that_can_be_named_is_on_the_page() -> None:
    page = rules_page()
    for name in AGGREGATES:
        assert f"`{name}`" in page
    for kind in DETECTORS.values():
        assert f"### {kind.name}\n" in page
        assert kind.name == "threshold" or all(f"`{name}`" in page for name in kind.parameters.names)


def test_examples_of_names_on_the_page_can_be_named() -> None:
    """Those of families, with a name and a number in place of the letters."""
    for line in rules_page().splitlines():
        for word in line.split("`"):
            if line.startswith("| `score.") and word.startswith("score."):
                assert aggregate(word.replace("<name>", "a").replace("<x>", "3"))
