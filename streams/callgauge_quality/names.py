"""The one table of the scores that are made here: name, range, which end is good, and what each means."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["BY_CALL", "BY_EMBEDDING", "BY_TEXT", "JUDGED", "ScoreName", "scores_table"]


class ScoreName(NamedTuple):
    """One score.

    Attributes:
        good: which end is good; neither: only its change says something.
    """

    name: str
    least: float
    most: float | None
    good: Literal["high", "low", "neither"]
    meaning: str


#: Made of an answer's text, origin `heuristic`.
BY_TEXT = (
    ScoreName("refusal", 0, 1, "neither", "1: the answer declines, in whole or in part, or evades the question"),
    ScoreName("hallucination_markers", 0, None, "low", "phrases that lean on what a model cannot know"),
    ScoreName("hedging", 0, 100, "neither", "hedges per 100 words"),
    ScoreName("ungrounded", 0, 1, "low", "share of the answer's numbers and names that the source does not hold"),
    ScoreName("lexical_relevance", 0, 1, "high", "share of the question's content words that the answer takes up"),
    ScoreName("coherence", 0, 1, "high", "share of sentences that have to do with the one before"),
    ScoreName("answer_completeness", 0, 1, "high", "whether all that was asked for is there, as far as can be counted"),
    ScoreName("unsafe_terms", 0, None, "low", "insults, threats, urging to self-harm"),
    ScoreName("format_valid", 0, 1, "high", "1: valid JSON, and what the schema allows"),
    ScoreName("language_match", 0, 1, "high", "1: in the expected language, or that of the question"),
    ScoreName("repetition", 0, 1, "low", "share of runs of four words that were said before"),
    ScoreName("sentiment", -1, 1, "neither", "friendly against unfriendly words"),
    ScoreName("quality", 0, 1, "high", "the weighted mean of the others (CALLGAUGE_QUALITY_WEIGHTS)"),
)
#: Made of a call without its text, origin `heuristic`.
BY_CALL = (
    ScoreName("response_length", 0, 1_000_000, "neither", "characters of the whole answer"),
    ScoreName("cut_off", 0, 1, "low", "1: the provider says that a limit of tokens was reached"),
    ScoreName("blocked", 0, 1, "low", "1: the provider says that it refused or filtered the answer"),
)
#: Made of an answer's text by an embeddings endpoint that is set up, origin `heuristic`.
BY_EMBEDDING = (
    ScoreName("embedding_relevance", -1, 1, "high", "how near question and answer are in meaning, to that model"),
)
#: Made by a judge, origin `judge`.
JUDGED = (
    ScoreName("faithfulness", 1, 5, "high", "all that the answer says follows from the source or from what is known"),
    ScoreName("relevance", 1, 5, "high", "the answer is about what was asked"),
    ScoreName("completeness", 1, 5, "high", "all that was asked for is answered"),
    ScoreName("hallucination", 0, 1, "low", "1: the answer states something made up"),
    ScoreName("toxicity", 0, 1, "low", "1: the answer insults, threatens or degrades"),
    ScoreName("factual_accuracy", 1, 5, "high", "the answer agrees with the expected one"),
)


def scores_table() -> str:
    """All of them, as the table of docs/quality.md."""
    lines = ["| Score | Origin | Range | Good | Means |", "|---|---|---|---|---|"]
    for origin, names in (
        ("heuristic, from the text", BY_TEXT),
        ("heuristic, from the call", BY_CALL),
        ("heuristic, embeddings", BY_EMBEDDING),
        ("judge", JUDGED),
    ):
        for each in names:
            most = "" if each.most is None else f"{each.most:g}"
            where = f"{each.least:g} to {most}" if most else f"{each.least:g} and more"
            good = "-" if each.good == "neither" else each.good
            lines.append(f"| `{each.name}` | {origin} | {where} | {good} | {each.meaning} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(scores_table(), end="")
