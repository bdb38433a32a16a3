"""What was measured: the frozen records that every later step reads.

A language model is an *LLM* in code and a ``model`` in files; one question is an *item*.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bayescod.errors import Problem, UnknownNameError

FloatArray = npt.NDArray[np.float64]
FLOPS_PER_PARAM_TOKEN = 6.0  # forward and backward pass, Kaplan et al. (arXiv 2001.08361)


@dataclass(frozen=True, slots=True, eq=False)
class LLMTable:
    """The models table, one row an LLM, in the order of the file.

    Attributes
    ----------
    name : tuple of str
        Unique names.
    compute_flops : FloatArray
        [llm] training compute in FLOP, > 0; NaN where unknown. Where the file gives only
        parameters and tokens it is ``6 * params * tokens`` (Kaplan et al., arXiv 2001.08361).
    params, tokens : FloatArray
        [llm] parameters and training tokens, > 0; NaN where unknown.
    loss : FloatArray
        [llm] pre-training loss, > 0, in the unit of the file; NaN where unknown.
    family : tuple of str
        Empty where not given.
    run : tuple of str
        The training run; checkpoints of one run share it. Defaults to the LLM's own name.
    role : tuple of str
        ``ladder``, ``anchor`` or ``target``.
    """

    name: tuple[str, ...]
    compute_flops: FloatArray
    params: FloatArray
    tokens: FloatArray
    loss: FloatArray
    family: tuple[str, ...]
    run: tuple[str, ...]
    role: tuple[str, ...]

    def index(self, name: str) -> int:
        """Row of the LLM called `name`.

        Parameters
        ----------
        name : str
            An LLM of the models table.

        Returns
        -------
        int
            Its row, from 0.

        Raises
        ------
        UnknownNameError
            If there is no such LLM; the message lists near names.
        """
        try:
            return self.name.index(name)
        except ValueError:
            raise UnknownNameError("model", name, self.name) from None


@dataclass(frozen=True, slots=True, eq=False)
class BenchmarkScores:
    """The pass rates of one benchmark.

    Attributes
    ----------
    benchmark : str
        Its name.
    item_id : tuple of str or None
        Item names, sorted; ``None`` for a benchmark-level table, whose arrays have one row.
    llm : tuple of str
        The LLMs that have a score here, in the order of the models table.
    pass_rate : FloatArray
        [item, llm] in [0, 1]; NaN where missing. What is fitted: with horizontal smoothing the
        counts summed over adjacent checkpoints (soft scores of unknown n: their mean).
    n_trials : FloatArray
        [item, llm] trials behind `pass_rate`; 0 where missing, NaN for a soft score of unknown n.
    measured_rate, measured_trials : FloatArray
        [item, llm] the same for the measured checkpoint only: the rows labelled ``current``, the
        last label where none is ``current``, all rows where nothing is labelled.
    chance : float or None
        Mean chance level over the items, in [0, 1); ``None`` if not given.
    soft : bool
        True where at least one score came without counts (a ``score`` column, with or without
        ``n_trials``).

    Notes
    -----
    An item that some LLM lacks keeps NaN there. `score` then averages over the items that are
    present for that LLM; the reader warns with the counts.
    """

    benchmark: str
    item_id: tuple[str, ...] | None
    llm: tuple[str, ...]
    pass_rate: FloatArray
    n_trials: FloatArray
    measured_rate: FloatArray
    measured_trials: FloatArray
    chance: float | None
    soft: bool

    def score(self) -> FloatArray:
        """Benchmark score of each LLM: the unweighted mean of k/n over its items.

        Returns
        -------
        FloatArray
            [llm] in [0, 1], from `measured_rate`; items without a score are left out of the mean,
            NaN where an LLM has none.
        """
        return _mean_over_items(self.measured_rate)

    def sampling_variance(self) -> FloatArray:
        """Variance of each LLM's mean `pass_rate` that is due to finite trials, items fixed.

        Returns
        -------
        FloatArray
            [llm] >= 0; 0 for soft scores of unknown n, NaN where an LLM has no item.

        Notes
        -----
        An item with k of n contributes the posterior mean of ``p (1 - p) / n`` under the prior
        Beta(m, 1 - m), m the LLM's own mean over items (shrunk by half an item towards 1/2). The
        plug-in ``k/n (1 - k/n) / n`` is 0 for every item with one trial and for an LLM that fails
        everything, which would claim certainty; the prior keeps both above 0, and for one trial
        an item it attributes half of ``m (1 - m)`` to the trials.
        """
        present = ~np.isnan(self.pass_rate)
        n_items = present.sum(axis=0)
        mean = _mean_over_items(self.pass_rate)
        prior = (np.nan_to_num(mean) * n_items + 0.5) / (n_items + 1.0)
        counted = present & ~np.isnan(self.n_trials) & (self.n_trials > 0)
        n = np.where(counted, self.n_trials, 1.0)
        k = np.where(counted, self.pass_rate, 0.0) * n
        expected = (k + prior) * (n - k + 1.0 - prior) / ((n + 1.0) * (n + 2.0))
        total = np.where(counted, expected / n, 0.0).sum(axis=0)
        return np.where(n_items > 0, total / np.maximum(n_items, 1) ** 2, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Everything that was read: benchmarks (sorted by name), LLMs and warnings.

    Attributes
    ----------
    benchmarks : tuple of BenchmarkScores
        Sorted by name.
    llms : LLMTable
        All rows of the models table, with or without scores.
    warnings : tuple of Problem
        What deserves a look but does not stop the run.
    unknown_columns : tuple of str
        Columns of the scores table that were ignored.
    digest : str
        Hex SHA-256 of the bytes of the scores, models and benchmarks files, in this order (of
        the files' own SHA-256 digests, so that the border between two files counts).
    """

    benchmarks: tuple[BenchmarkScores, ...]
    llms: LLMTable
    warnings: tuple[Problem, ...]
    unknown_columns: tuple[str, ...]
    digest: str


def _mean_over_items(rate: FloatArray) -> FloatArray:
    present = ~np.isnan(rate)
    n_items = present.sum(axis=0)
    total = np.where(present, rate, 0.0).sum(axis=0)
    return np.where(n_items > 0, total / np.maximum(n_items, 1), np.nan)
