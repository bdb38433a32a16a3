"""The difficulty profile of an item: its pass rates over the ladder, smallest LLM first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bayescod.errors import UnknownNameError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

SMOOTHINGS = ("none", "vertical")


def difficulty_profile(pass_rate: npt.ArrayLike, smoothing: str = "none") -> FloatArray:
    """Features by which items are clustered: pass rates, optionally smoothed along the ladder.

    Parameters
    ----------
    pass_rate : array_like of float, shape [item, llm]
        Pass rates in [0, 1]; the columns are the ladder's LLMs ordered by compute by the caller.
        NaN where an item has no score of an LLM.
    smoothing : {"none", "vertical"}
        ``"none"`` returns the rates. ``"vertical"`` takes the moving average over neighbouring
        sizes: of three LLMs inside the ladder, of two at its ends.

    Returns
    -------
    ndarray of float, shape [item, llm]
        A new array of rates in [0, 1]; NaN where `pass_rate` is NaN.

    Raises
    ------
    ValueError
        If `pass_rate` is not two-dimensional.
    UnknownNameError
        If `smoothing` is not one of the names above.

    Notes
    -----
    Euclidean distance does not see the order of the LLMs, so two items equally far from a centre
    may differ much in how monotone they are; averaging neighbours makes noise across the order
    count for less. Version 1 of COD (arXiv 2502.17262, appendix A) describes this intent; its
    own formula was never published, so this is a reading of it, not a copy. A window averages
    what was measured: a missing rate stays missing and is left out of its neighbours' windows.

    Examples
    --------
    >>> difficulty_profile([[0.0, 0.3, 0.9]], smoothing="vertical").round(2)
    array([[0.15, 0.4 , 0.6 ]])
    """
    rate = np.array(pass_rate, dtype=np.float64)
    if rate.ndim != 2:
        message = f"pass_rate has {rate.ndim} dimension(s); wanted two, items by LLMs"
        raise ValueError(message)
    if smoothing not in SMOOTHINGS:
        raise UnknownNameError("smoothing", smoothing, SMOOTHINGS)
    return rate if smoothing == "none" else _neighbour_average(rate)


def _neighbour_average(rate: FloatArray) -> FloatArray:
    known = np.isfinite(rate)
    padded = np.pad(np.where(known, rate, 0.0), ((0, 0), (1, 1)))
    count = np.pad(known.astype(np.float64), ((0, 0), (1, 1)))
    total = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    members = count[:, :-2] + count[:, 1:-1] + count[:, 2:]
    return np.divide(total, members, out=np.full_like(rate, np.nan), where=known)
