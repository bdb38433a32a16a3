"""The summary of a backtest against figures worked out by hand and against planted truths."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from bayescod.errors import ResultError
from bayescod.evaluation.intervals import mean_interval, share_interval
from bayescod.evaluation.records import COLUMNS, BacktestRow
from bayescod.evaluation.summary import by_ratio, held, summarise_backtest
from tests._backtests import make_backtest, make_rows


def make_frame(rows: list[BacktestRow] | None = None) -> pd.DataFrame:
    return make_backtest(rows).frame()


def row(benchmark: str, model: str, method: str, **changes: object) -> BacktestRow:
    made = BacktestRow(
        benchmark=benchmark,
        model=model,
        compute_flops=1e21,
        compute_ratio=4.0,
        method=method,
        truth=0.5,
        mean=0.5,
        sd=0.06,
        q05=0.4,
        q10=0.42,
        q25=0.46,
        q50=0.5,
        q75=0.54,
        q90=0.58,
        q95=0.6,
        crps=0.02,
        log_score=1.0,
        status="pass",
        pit=0.5,
    )
    return dataclasses.replace(made, **changes)


def of(summary: pd.DataFrame, method: str) -> pd.Series:
    return summary.set_index("method").loc[method]


HAND_MADE = [
    row("x", "a", "cod", truth=0.53, crps=0.01),
    row("y", "a", "cod", truth=0.44, crps=0.03, log_score=0.0, status="review"),
    row("x", "b", "cod", truth=0.62, crps=0.05, log_score=-1.0, status="fail"),
    row("x", "a", "end-to-end", truth=0.53, crps=0.04),
    row("y", "a", "end-to-end", truth=0.44, crps=0.04),
    row("x", "b", "end-to-end", truth=0.62, crps=0.04),
    row("y", "b", "end-to-end", truth=0.3, crps=0.08),
]


def test_figures_worked_out_by_hand() -> None:
    found = of(summarise_backtest(make_frame(HAND_MADE)), "cod")
    wanted = {
        "pairs": 3,
        "llms": 2,
        "without_forecast": 0,
        "mean_error": 0.07,
        "worst_error": 0.12,
        "bias": (-0.03 + 0.06 - 0.12) / 3,
        "coverage50": 1 / 3,
        "coverage80": 2 / 3,
        "coverage90": 2 / 3,
        "width90": 0.2,
        "crps": 0.03,
        "skill": 0.25,  # 0.09 over 0.12: without the pair that COD lacks
        "skill_pairs": 3,
        "log_score": 0.0,
        "passed": 1,
        "review": 1,
        "failed": 1,
    }
    assert found[list(wanted)].to_dict() == pytest.approx(wanted)


def test_intervals_are_clustered_by_llm() -> None:
    frame = make_frame()
    cod = frame.loc[frame["method"] == "cod"]
    found = of(summarise_backtest(frame), "cod")
    error = (cod["q50"] - cod["truth"]).to_numpy()
    clusters = cod["model"].tolist()
    assert (found["bias_low"], found["bias_high"]) == mean_interval(error, clusters)
    wanted = share_interval(held(cod, 90), clusters)
    assert (found["coverage90_low"], found["coverage90_high"]) == wanted
    for name in ("mean_error", "bias", "coverage50", "coverage80", "width90", "crps", "log_score"):
        assert found[f"{name}_low"] <= found[name] <= found[f"{name}_high"], name


def test_cluster_column_is_used_where_there_is_one() -> None:
    frame = make_frame()
    own = frame.assign(cluster=frame["benchmark"])
    assert of(summarise_backtest(frame), "cod")["llms"] == 4
    found = of(summarise_backtest(own), "cod")
    assert found["llms"] == 6
    assert found["bias_low"] != of(summarise_backtest(frame), "cod")["bias_low"]


def test_better_method_has_skill_and_reference_none() -> None:
    """COD's errors are half of the reference's: skill 0.48 with an sd of 0.09 (measured).

    A skill below 0.02 has a chance of about 1e-6.
    """
    summary = summarise_backtest(make_frame(make_rows(n_llms=8, n_benchmarks=10)))
    assert summary["method"].tolist() == ["end-to-end", "cod", "least-squares"]
    assert of(summary, "cod")["skill"] > 0.02
    reference = of(summary, "end-to-end")
    assert (reference["skill"], reference["skill_low"], reference["skill_high"]) == (0, 0, 0)


def test_reference_can_be_chosen_and_missing() -> None:
    frame = make_frame()
    assert of(summarise_backtest(frame, reference="cod"), "end-to-end")["skill"] < 0
    alone = summarise_backtest(frame.loc[frame["method"] == "cod"])
    assert math.isnan(of(alone, "cod")["skill"])
    assert math.isnan(of(alone, "cod")["skill_low"])
    assert of(alone, "cod")["skill_pairs"] == 0


def test_planted_faults_are_seen() -> None:
    """A stated sd 2.5 times too small and a bias of 6 points, over 20 LLMs of 10 benchmarks.

    The interval of the biased method excludes 0 but for 1e-8 by chance. What is calibrated lies
    within three half widths, five standard errors, but for 1e-4 (t with 19 degrees).
    """
    methods = {"good": (0.04, 0.04, 0.0), "bad": (0.05, 0.02, 0.06)}
    summary = summarise_backtest(make_frame(make_rows(20, 10, methods=methods)))
    good, bad = of(summary, "good"), of(summary, "bad")
    assert bad["bias_low"] > 0
    assert bad["coverage90_high"] < 0.8
    for name, truth in (("bias", 0.0), ("coverage50", 0.5), ("coverage90", 0.9)):
        half = 0.5 * (good[f"{name}_high"] - good[f"{name}_low"])
        assert abs(good[name] - truth) < 3 * half, name


def test_one_llm_has_no_interval_for_means_but_for_coverage() -> None:
    found = of(summarise_backtest(make_frame(make_rows(n_llms=1))), "cod")
    assert math.isfinite(found["mean_error"])
    for name in ("mean_error", "bias", "width90", "crps", "skill", "log_score"):
        assert math.isnan(found[f"{name}_low"]), name
        assert math.isnan(found[f"{name}_high"]), name
    assert 0 < found["coverage90_low"] < found["coverage90_high"] < 1


def test_forecasts_without_numbers_are_counted_apart() -> None:
    nan = math.nan
    names = ("mean", "sd", "q05", "q10", "q25", "q50", "q75", "q90", "q95", "crps", "log_score")
    lost = row("y", "b", "cod", status="fail", pit=nan, **dict.fromkeys(names, nan))
    with_lost = of(summarise_backtest(make_frame([*HAND_MADE, lost])), "cod")
    without = of(summarise_backtest(make_frame(HAND_MADE)), "cod")
    assert (with_lost["without_forecast"], with_lost["failed"]) == (1, 2)
    same = [name for name in without.index if name not in ("without_forecast", "failed")]
    pd.testing.assert_series_equal(with_lost[same], without[same])
    alone = of(summarise_backtest(make_frame([lost])), "cod")
    assert (alone["pairs"], alone["without_forecast"]) == (0, 1)
    assert math.isnan(alone["coverage90"])
    assert math.isnan(alone["worst_error"])


def test_intervals_stay_where_the_figure_can_be() -> None:
    rows = [row("x", model, "cod", crps=crps) for model, crps in (("a", 0.001), ("b", 0.2))]
    found = of(summarise_backtest(make_frame(rows)), "cod")
    assert (found["crps_low"], found["crps_high"]) == (0.0, pytest.approx(0.7287183))
    wide = make_frame(
        [dataclasses.replace(rows[0], q95=1.0), dataclasses.replace(rows[1], q05=0.5)]
    )
    assert of(summarise_backtest(wide), "cod")["width90_high"] == 1.0


def test_ranges_hold_their_ends_within_rounding() -> None:
    edge = np.float64(np.float32(0.6))
    frame = make_frame([row("x", "a", "cod", truth=0.6, q95=float(edge) - 2e-8)])
    assert held(frame, 90).tolist() == [True]
    assert held(frame.assign(truth=0.601), 90).tolist() == [False]


def test_two_truths_for_one_pair_are_refused() -> None:
    other = dataclasses.replace(HAND_MADE[0], truth=0.52)
    doubled = make_frame([*HAND_MADE, other])
    with pytest.raises(
        ResultError, match="two truths for method 'cod', cluster 'a', benchmark 'x', model 'a'"
    ):
        summarise_backtest(doubled)
    pooled = doubled.assign(cluster=[f"{i // 7}/{m}" for i, m in enumerate(doubled["model"])])
    assert of(summarise_backtest(pooled), "cod")["pairs"] == 4


def test_one_llm_at_two_distances_is_two_pairs_of_one_cluster() -> None:
    far = [dataclasses.replace(r, compute_ratio=12.0, crps=2 * r.crps) for r in HAND_MADE]
    found = of(summarise_backtest(make_frame([*HAND_MADE, *far])), "cod")
    assert (found["pairs"], found["llms"], found["skill_pairs"]) == (6, 2, 6)
    assert found["skill"] == pytest.approx(0.25)


def test_a_forecast_from_the_same_ladder_counts_once() -> None:
    twice = summarise_backtest(make_frame([*HAND_MADE, *HAND_MADE]))
    pd.testing.assert_frame_equal(twice, summarise_backtest(make_frame(HAND_MADE)))


def test_bins_of_the_compute_ratio_part_the_pairs() -> None:
    frame = make_frame(
        [
            row("x", str(ratio), "cod", compute_ratio=ratio)
            for ratio in (0.8, 2.0, 3.0, 3.1, 15.0, 40.0, 90.0)
        ]
    )
    table = by_ratio(frame)
    assert table["ratio"].tolist() == ["up to 3", "3 to 7", "7 to 15", "above 15"]
    assert table["pairs"].tolist() == [3, 1, 1, 2]
    assert table["ratio_above"].tolist() == [0.0, 3.0, 7.0, 15.0]
    assert table["ratio_to"].tolist() == [3.0, 7.0, 15.0, math.inf]
    assert by_ratio(frame, edges=(50.0,))["pairs"].tolist() == [6, 1]


def test_bins_have_the_figures_of_their_pairs_and_empty_ones_are_left_out() -> None:
    frame = make_frame(make_rows(ratios=(2.0, 30.0)))
    table = by_ratio(frame)
    assert table["ratio"].tolist() == ["up to 3"] * 3 + ["above 15"] * 3
    near = table.loc[table["ratio"] == "up to 3"].drop(columns=["ratio", "ratio_above", "ratio_to"])
    pd.testing.assert_frame_equal(near, summarise_backtest(frame.query("compute_ratio < 3")))


def test_an_empty_backtest_has_an_empty_summary() -> None:
    empty = pd.DataFrame(columns=list(COLUMNS))
    assert len(summarise_backtest(empty)) == 0
    assert set(summarise_backtest(empty).columns) == set(summarise_backtest(make_frame()).columns)
    assert set(by_ratio(empty).columns) == set(by_ratio(make_frame()).columns)
