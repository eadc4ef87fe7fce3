"""Markers of hallucination: phrases by which an answer leans on what it cannot know, or names no source for.

    hallucination_markers = phrases found in the answer

Sources that are not named ("studies show"), knowledge that may have changed ("as of my last update"), memories or
access that a model does not have ("as we discussed"), certainty in place of a reason ("it is well known").

They are weak. Error on public data (AUC of the count; .5 is chance):
    HaluEval general (3,125 answers, 579 hallucinated): .59;  HaluEval 2 (answers with a false fact): .54;
    FaithBench dev (590 summaries, hard cases): .50
So never judge one answer by them. What they are for: their share over many answers of one kind moves when a model or
prompt was changed. `grounding` sees more where the source is in the prompt, and a judge more still.
"""

from __future__ import annotations

from callgauge_quality.lexicon import Lexicon
from callgauge_quality.text import Text

__all__ = ["MARKERS", "hallucination_markers"]

MARKERS = (
    *("studies show", "studies have shown", "research shows", "research has shown", "research suggests"),
    *("experts say", "experts believe", "experts agree", "scientists believe", "some sources", "many people believe"),
    *("it is well known", "it is widely known", "it is widely believed", "it is believed", "it is said"),
    *("it has been reported", "reportedly", "allegedly", "according to some", "according to reports"),
    *("as of my last", "my last update", "knowledge cutoff", "my training data", "as of my knowledge"),
    *("i don't have access to", "i do not have access to", "real time information", "up to date information"),
    *("as an ai language model", "as a language model", "as i mentioned", "as we discussed", "i recall", "i remember"),
    *("without a doubt", "undoubtedly", "everyone knows", "of course everyone", "there is no question"),
)
_LEXICON = Lexicon(MARKERS)


def hallucination_markers(answer: Text) -> float:
    """How often one of them occurs.

    >>> hallucination_markers(Text("Studies have shown that it is, without a doubt, the best."))
    2.0
    """
    return float(_LEXICON.count(answer))
