"""What can be said of an answer by looking at it: pure heuristics, and the judge's rubrics, samples and budgets."""
