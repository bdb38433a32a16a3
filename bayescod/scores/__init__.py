"""Scores: what was measured, read from tables, checked, and selected for a forecast."""

from bayescod.scores.reading import read_scores
from bayescod.scores.records import BenchmarkScores, LLMTable, Scores
from bayescod.scores.selection import (
    Selection,
    Target,
    parse_target,
    select_backtest,
    select_ladder,
)
from bayescod.scores.slicing import restrict, split_trials

__all__ = [
    "BenchmarkScores",
    "LLMTable",
    "Scores",
    "Selection",
    "Target",
    "parse_target",
    "read_scores",
    "restrict",
    "select_backtest",
    "select_ladder",
    "split_trials",
]
