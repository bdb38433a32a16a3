"""Data sets shipped with the package: scores of ladders of LLMs, item by item."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

__all__ = ["TextLadderPaths", "load_text_ladder_paths"]


@dataclass(frozen=True, slots=True)
class TextLadderPaths:
    """Files of the text ladder, for `bayescod.read_scores` or the command line.

    Attributes
    ----------
    scores : Path
        Counts of right answers by benchmark, item, LLM and checkpoint.
    models : Path
        Compute, size, text and losses of every LLM.
    benchmarks : Path
        Chance, number of items, source and description of every benchmark.
    """

    scores: Path
    models: Path
    benchmarks: Path


def load_text_ladder_paths() -> TextLadderPaths:
    """Return where the files of the text ladder lie.

    Sixteen character transformers of 2.4 to 201 thousand parameters on nine benchmarks of 1,000
    items; `text_ladder/README.md` beside the files is its datasheet.

    Returns
    -------
    TextLadderPaths
        Paths inside the installed package.

    Examples
    --------
    >>> load_text_ladder_paths().models.name
    'models.csv'
    """
    folder = Path(str(files("bayescod.datasets") / "text_ladder"))
    return TextLadderPaths(
        scores=folder / "scores.parquet",
        models=folder / "models.csv",
        benchmarks=folder / "benchmarks.csv",
    )
