"""Laws of one score curve compared by how well they predict each ladder LLM from the others."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from bayescod.convergence import judge
from bayescod.errors import BayescodWarning, DataError, SpecError
from bayescod.forecasting.curve_fits import CurveFit, fit_curves
from bayescod.forecasting.ladder import Ladder, ladder_of
from bayescod.forecasting.lanes import curve_lane
from bayescod.forecasting.stacking import MAX_PARETO_K, Loo, loo_of, stacking_weights
from bayescod.forecasting.streams import CURVE, stream
from bayescod.sampling import configure, unheard
from bayescod.scores.records import LLMTable, Scores
from bayescod.scores.selection import Target, parse_target, select_ladder
from bayescod.scores.slicing import choose_benchmarks
from bayescod.specs import Spec, load_spec

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float64]

LAWS: Final = (
    "end-to-end",
    "params-tokens",
    "logistic",
    "broken-power-law",
    "loss-intermediate",
)
"""Specs compared by default."""
POOLED: Final = "all"
"""Name of the rows over all benchmarks."""
_BEYOND = 10.0  # the ladder alone is compared: any target above it selects the same LLMs
_GIVEN_LOSS = "density of the score given the LLM's measured loss, which a target does not have"
_COLUMNS: Final = (
    *("benchmark", "law", "n_llms", "elpd", "se", "elpd_diff", "se_diff", "weight"),
    *("max_pareto_k", "n_high_k", "high_k", "status", "note"),
)


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """One law on one benchmark: the LLMs, and how well each was predicted from the others."""

    llms: tuple[str, ...]
    loo: Loo
    status: str


def compare_laws(
    scores: Scores,
    *,
    target: str | None = None,
    laws: Sequence[str] = LAWS,
    benchmarks: Sequence[str] = (),
    seed: int = 0,
) -> pd.DataFrame:
    """Compare laws by the expected log predictive density of each LLM, the others given.

    Parameters
    ----------
    scores : Scores
        From :func:`bayescod.read_scores`.
    target : str or None
        As for :func:`bayescod.forecast`: it and its run are left out. The whole ladder where
        ``None``.
    laws : sequence of str
        Specs of one curve, by name or as TOML files; default :data:`LAWS`.
    benchmarks : sequence of str
        All where empty.
    seed : int

    Returns
    -------
    pandas.DataFrame
        One row a benchmark and law, the best first, then rows of benchmark ``all``:

        - ``n_llms``: LLMs that are predicted
        - ``elpd``: sum over them of the log predictive density (per unit of score in [0, 1]);
          ``se``: its standard error
        - ``elpd_diff``: to the best law, 0 for that; ``se_diff``: standard error of the difference,
          from LLM by LLM differences
        - ``weight``: by stacking (Yao et al. 2018, arXiv 1704.02030); they sum to one
        - ``max_pareto_k``, ``n_high_k``, ``high_k``: largest tail shape, and how many and which
          LLMs have one above 0.7
        - ``status``: of the sampler's checks; ``note``: why there are no figures, or what they mean

        ``all`` has the laws that every benchmark has; its standard errors sum each LLM over the
        benchmarks first, since one LLM's scores err together.

    Raises
    ------
    DataError, UnknownNameError, SpecError
        If the input cannot be used.

    Warns
    -----
    BayescodWarning
        Where a Pareto k is above 0.7: that LLM is so influential that its density given the others
        cannot be told from the posterior with it (arXiv 1507.02646).

    Notes
    -----
    PSIS-LOO (A. Vehtari, A. Gelman, J. Gabry, 2017, arXiv 1507.04544) says which law predicts an
    LLM *among* the others: most of them lie inside the ladder, where laws hardly differ. It does
    not say which law goes on rightly at ten times the compute; two laws of one elpd may part there,
    and only the largest LLM tests extrapolation, by a single step. A law that is much worse is
    refuted; of those within two standard errors, none is. For extrapolation, hold out the largest
    LLMs: a backtest. ``loss-intermediate`` predicts a score from the LLM's measured loss, which the
    others do not get and a forecast does not have: its elpd is no ground to prefer its forecasts.
    """
    specs = [_spec(name) for name in dict.fromkeys(laws)]
    aim = _above(scores.llms) if target is None else parse_target(target, scores.llms)
    selection = select_ladder(scores, aim, ())
    chosen = choose_benchmarks(scores, benchmarks)
    configure()
    names = [one.benchmark for one in chosen.benchmarks]
    found: dict[tuple[str, str], _Compared] = {}
    notes: dict[tuple[str, str], str] = {}
    for spec in specs:
        ladders = {
            one.benchmark: ladder_of(one, scores.llms, selection, spec) for one in chosen.benchmarks
        }
        able: list[str] = []
        for name in names:
            why = _why_not(ladders[name], spec)
            if why:
                notes[name, spec.name] = why
            else:
                able.append(name)
        if able:
            keys = [stream(seed, name, CURVE) for name in able]
            fits, _ = fit_curves(keys, spec, [ladders[name] for name in able], unheard)
            found |= {(n, spec.name): _compared(f) for n, f in zip(able, fits, strict=True)}
    _warn(found)
    return _table(names, [spec.name for spec in specs], found, notes)


def _spec(name: str) -> Spec:
    spec = load_spec(name)
    if spec.program not in ("single_curve", "loss_intermediate"):
        msg = f"{spec.name} is of program {spec.program}; wanted a spec of one curve"
        raise SpecError(msg)
    return spec


def _above(llms: LLMTable) -> Target:
    most = float(np.nanmax(llms.compute_flops)) * _BEYOND
    return Target("beyond the ladder", most, float("nan"), float("nan"))


def _why_not(ladder: Ladder, spec: Spec) -> str:
    """Why a law has no place on a ladder; empty where it has."""
    if spec.law == "params-tokens" and not ladder.off_one_ratio:
        known = np.isfinite(ladder.log_params - ladder.log_tokens).all()
        one_ratio = "one ratio of tokens to parameters: there it is Eq. 1 in compute"
        return one_ratio if known else "parameters and tokens are not known"
    try:
        curve_lane(ladder, spec)
    except DataError as error:
        return error.problems[0].message
    return ""


def _compared(fit: CurveFit) -> _Compared:
    n = fit.ladder.n_ladder
    seen = np.asarray(fit.lane.data["observed"])[:n]
    llms = tuple(name for name, use in zip(fit.ladder.scores.llm[:n], seen, strict=True) if use)
    return _Compared(llms, loo_of(fit), judge(fit.posterior.diagnostics)[0])


def _warn(found: Mapping[tuple[str, str], _Compared]) -> None:
    high = [
        f"{law} on {benchmark}: {', '.join(_high(one))}"
        for (benchmark, law), one in found.items()
        if _high(one)
    ]
    if high:
        text = (
            f"PSIS-LOO is not reliable where a Pareto k is above {MAX_PARETO_K}: "
            f"{'; '.join(high)}. Leave these LLMs out in turn to see what rests on them."
        )
        warnings.warn(text, BayescodWarning, stacklevel=3)


def _high(one: _Compared) -> list[str]:
    return [n for n, k in zip(one.llms, one.loo.pareto_k, strict=True) if not k <= MAX_PARETO_K]


def _table(
    names: Sequence[str],
    laws: Sequence[str],
    found: Mapping[tuple[str, str], _Compared],
    notes: Mapping[tuple[str, str], str],
) -> pd.DataFrame:
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for name in names:
        own = {law: found[name, law] for law in laws if (name, law) in found}
        figures = _figures({law: one.loo.elpd for law, one in own.items()})
        weights = stacking_weights([one.loo.elpd for one in own.values()]) if own else ()
        for law, weight in zip(own, weights, strict=True):
            rows.append(
                {"benchmark": name, "law": law, "n_llms": len(own[law].llms)}
                | figures[law]
                | {"weight": float(weight), **_reliability([own[law]])}
                | {"note": _GIVEN_LOSS if law == "loss-intermediate" else ""}
            )
        rows += [
            {"benchmark": name, "law": law, "n_llms": 0, "n_high_k": 0, "status": ""}
            | {"high_k": "", "note": notes[name, law]}
            for law in laws
            if law not in own
        ]
    rows += _pooled(names, laws, found)
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    order = {name: i for i, name in enumerate((*names, POOLED))}
    table["at"] = table["benchmark"].map(order)
    table = table.sort_values(["at", "elpd"], ascending=[True, False], kind="stable")
    return table.drop(columns="at").reset_index(drop=True)


def _pooled(
    names: Sequence[str], laws: Sequence[str], found: Mapping[tuple[str, str], _Compared]
) -> list[dict[str, Any]]:
    everywhere = [law for law in laws if all((name, law) in found for name in names)]
    if len(names) < 2 or not everywhere:
        return []
    together = {law: [found[name, law] for name in names] for law in everywhere}
    llms = sorted({llm for one in together[everywhere[0]] for llm in one.llms})
    by_llm = {
        law: np.array(
            [
                sum(float(one.loo.elpd[one.llms.index(n)]) for one in own if n in one.llms)
                for n in llms
            ]
        )
        for law, own in together.items()
    }
    figures = _figures(by_llm)
    weights = stacking_weights(
        [np.concatenate([c.loo.elpd for c in together[w]]) for w in together]
    )
    return [
        {"benchmark": POOLED, "law": law, "n_llms": len(llms)}
        | figures[law]
        | {"weight": float(weight), **_reliability(together[law])}
        | {"note": _GIVEN_LOSS if law == "loss-intermediate" else ""}
        for law, weight in zip(everywhere, weights, strict=True)
    ]


def _figures(pointwise: Mapping[str, FloatArray]) -> dict[str, dict[str, float]]:
    """Sums of pointwise densities and of their differences to the best, with standard errors."""
    if not pointwise:
        return {}
    best = max(pointwise, key=lambda law: float(pointwise[law].sum()))

    def error(values: FloatArray) -> float:
        return float(np.sqrt(values.size) * values.std(ddof=1))

    return {
        law: {"elpd": float(own.sum()), "se": error(own)}
        | {"elpd_diff": float((own - pointwise[best]).sum())}
        | {"se_diff": error(own - pointwise[best])}
        for law, own in pointwise.items()
    }


def _reliability(compared: Sequence[_Compared]) -> dict[str, Any]:
    high = [name for one in compared for name in _high(one)]
    worst = max((one.status for one in compared), key=("pass", "review", "fail").index)
    return {
        "max_pareto_k": max(float(one.loo.pareto_k.max()) for one in compared),
        "n_high_k": len(high),
        "high_k": ", ".join(dict.fromkeys(high)),
        "status": worst,
    }
