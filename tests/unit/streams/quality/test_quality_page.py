"""docs/quality.md holds the table of scores, made from the code."""

from __future__ import annotations

from pathlib import Path

from callgauge_quality.heuristics import Heuristics
from callgauge_quality.names import BY_CALL, BY_TEXT, JUDGED, scores_table

PAGE = Path(__file__).parents[4] / "docs" / "quality.md"


def test_the_page_has_the_table() -> None:
    """`python -m callgauge_quality.names` prints it."""
    assert scores_table() in PAGE.read_text("utf-8")


def test_no_name_stands_twice() -> None:
    """A heuristic and a judge measure different things under different names; each heuristic can come about."""
    names = [each.name for each in (*BY_TEXT, *BY_CALL, *JUDGED)]
    assert len(set(names)) == len(names)
    source = "In 2023 Anna Meyer sold 1,200 pumps to the town of Thun for her company. " * 3
    prompt = (
        f'[{{"role": "system", "content": "{source}"}}, {{"role": "user", "content": "Who sold the pumps of Thun?"}}]'
    )
    answers = (
        '{"who": "Anna Meyer"}',
        "It was Anna Meyer who sold them. She did it in 2023. It was for her company, in Thun.",
    )
    found = {name for answer in answers for name in Heuristics().scores(prompt, answer)}
    assert found == {each.name for each in BY_TEXT}
