"""What comes out of good files: forms, checkpoints, missing items, warnings, digest."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bayescod.errors import UnknownNameError
from bayescod.scores import Scores, cautions, read_scores

LABELS = "benchmark,item_id,model,checkpoint,n_trials,n_correct\n"
SOFT = "benchmark,item_id,model,checkpoint,score\n"


def codes(scores: Scores) -> set[str]:
    return {warning.code for warning in scores.warnings}


def test_counts_become_arrays(write: Callable[..., Path], models: Path, counts: list) -> None:
    read = read_scores(write("s.csv", counts), models)
    adding, sorting = read.benchmarks
    assert (adding.benchmark, sorting.benchmark) == ("adding", "sorting")
    assert adding.item_id == ("adding-0", "adding-1", "adding-2")
    assert adding.llm == ("m1", "m2", "m3", "m4", "m5", "m6")
    expected = (np.arange(3)[:, None] + np.arange(6)) / 10
    np.testing.assert_array_equal(adding.pass_rate, expected)
    np.testing.assert_array_equal(adding.measured_rate, expected)
    np.testing.assert_array_equal(adding.n_trials, np.full((3, 6), 10.0))
    np.testing.assert_allclose(adding.score(), expected.mean(axis=0), rtol=1e-15)
    assert not adding.soft
    assert adding.chance is None
    assert read.warnings == ()


def test_llms_come_in_the_order_of_the_models_table(write: Callable[..., Path]) -> None:
    scores = write("s.csv", "benchmark,model,score\nb,x,0.1\nb,a,0.2\nc,a,0.3\n")
    models = write("m.csv", "model,compute_flops\nz,1e20\nx,1e20\na,1e20\n")
    read = read_scores(scores, models)
    assert read.benchmarks[0].llm == ("x", "a")
    np.testing.assert_array_equal(read.benchmarks[0].pass_rate, [[0.1, 0.2]])
    assert read.benchmarks[1].llm == ("a",)


def test_a_benchmark_level_table_has_one_row_and_no_items(
    write: Callable[..., Path], models: Path
) -> None:
    text = "benchmark,model,n_trials,n_correct,chance\nb,m1,200,50,0.25\nb,m2,200,60,0.25\n"
    (benchmark,) = read_scores(write("s.csv", text), models).benchmarks
    assert benchmark.item_id is None
    assert benchmark.chance == 0.25
    np.testing.assert_array_equal(benchmark.pass_rate, [[0.25, 0.3]])
    np.testing.assert_array_equal(benchmark.score(), [0.25, 0.3])


def test_soft_scores_of_unknown_n(write: Callable[..., Path], models: Path) -> None:
    text = "benchmark,item_id,model,score,n_trials\nb,i,m1,0.125,\nb,i,m2,0.5,8\n"
    (benchmark,) = read_scores(write("s.csv", text), models).benchmarks
    np.testing.assert_array_equal(benchmark.pass_rate, [[0.125, 0.5]])
    np.testing.assert_array_equal(benchmark.n_trials, [[np.nan, 8.0]])
    assert benchmark.soft


def test_counts_go_before_scores_row_by_row(write: Callable[..., Path], models: Path) -> None:
    text = "benchmark,item_id,model,n_trials,n_correct,score\nb,i,m1,3,2,0.67\nb,i,m2,,,0.67\n"
    (benchmark,) = read_scores(write("s.csv", text), models).benchmarks
    np.testing.assert_array_equal(benchmark.pass_rate, [[2 / 3, 0.67]])
    np.testing.assert_array_equal(benchmark.n_trials, [[3.0, np.nan]])
    assert benchmark.soft


def test_horizontal_smoothing_sums_counts_and_keeps_the_measured_checkpoint(
    write: Callable[..., Path], models: Path
) -> None:
    rows = "b,i,m1,previous,10,1\nb,i,m1,current,10,4\nb,i,m1,next,20,5\nb,i,m2,current,10,9\n"
    scores = write("s.csv", LABELS + rows)
    (benchmark,) = read_scores(scores, models).benchmarks
    np.testing.assert_array_equal(benchmark.pass_rate, [[10 / 40, 0.9]])
    np.testing.assert_array_equal(benchmark.n_trials, [[40.0, 10.0]])
    np.testing.assert_array_equal(benchmark.measured_rate, [[0.4, 0.9]])
    np.testing.assert_array_equal(benchmark.measured_trials, [[10.0, 10.0]])
    (plain,) = read_scores(scores, models, smoothing="none").benchmarks
    np.testing.assert_array_equal(plain.pass_rate, plain.measured_rate)
    np.testing.assert_array_equal(plain.measured_rate, benchmark.measured_rate)
    np.testing.assert_array_equal(plain.n_trials, [[10.0, 10.0]])


def test_horizontal_smoothing_averages_soft_scores(
    write: Callable[..., Path], models: Path
) -> None:
    rows = "b,i,m1,previous,0.1\nb,i,m1,current,0.2\nb,i,m1,next,0.6\n"
    (benchmark,) = read_scores(write("s.csv", SOFT + rows), models).benchmarks
    np.testing.assert_allclose(benchmark.pass_rate, [[0.3]], rtol=1e-15)
    np.testing.assert_array_equal(benchmark.measured_rate, [[0.2]])
    assert np.isnan(benchmark.n_trials).all()


@pytest.mark.parametrize(
    ("labels", "last"),
    [
        (("900", "1000", "80"), "1000"),
        (("1e3", "999", "20"), "1e3"),
        (("step900", "step1000", "step80"), "step1000"),
        (("previous", "next", "previous-but-one"), "next"),
        (("early", "late", "a"), "late"),
    ],
)
def test_without_current_the_last_checkpoint_is_measured(
    labels: tuple[str, ...], last: str, write: Callable[..., Path], models: Path
) -> None:
    rows = [f"b,i,m1,{label},{(i + 1) / 8}" for i, label in enumerate(labels)]
    read = read_scores(write("s.csv", SOFT + "\n".join(rows) + "\n"), models, smoothing="none")
    if labels[2] == "previous-but-one":
        last = "previous-but-one"  # a label of its own comes after the three known ones
    np.testing.assert_array_equal(
        read.benchmarks[0].measured_rate, [[(labels.index(last) + 1) / 8]]
    )
    assert "no-current-checkpoint" in codes(read)


def test_an_unlabelled_model_beside_labelled_ones_is_measured_whole(
    write: Callable[..., Path], models: Path
) -> None:
    rows = "b,i,m1,current,0.25\nb,i,m1,next,0.75\nb,i,m2,,0.5\n"
    read = read_scores(write("s.csv", SOFT + rows), models)
    np.testing.assert_array_equal(read.benchmarks[0].measured_rate, [[0.25, 0.5]])
    assert "no-current-checkpoint" not in codes(read)


def test_smoothing_is_checked(write: Callable[..., Path], models: Path, counts: list) -> None:
    with pytest.raises(UnknownNameError, match="horizontal"):
        read_scores(write("s.csv", counts), models, smoothing="horizontl")


def test_missing_items_stay_missing_and_are_counted(
    write: Callable[..., Path], models: Path
) -> None:
    text = "benchmark,item_id,model,n_trials,n_correct\nb,i,m1,10,5\nb,j,m1,10,7\nb,j,m2,10,1\n"
    read = read_scores(write("s.csv", text), models)
    (benchmark,) = read.benchmarks
    np.testing.assert_array_equal(benchmark.pass_rate, [[0.5, np.nan], [0.7, 0.1]])
    np.testing.assert_array_equal(benchmark.n_trials, [[10.0, 0.0], [10.0, 10.0]])
    np.testing.assert_array_equal(benchmark.score(), [0.6, 0.1])
    (warning,) = [w for w in read.warnings if w.code == "missing-items"]
    assert "1 of 2 items" in warning.message
    assert "1 of 4 scores" in warning.message
    assert "mean over the items it has" in warning.message
    assert warning.got == "m2 1"


def test_an_item_without_the_measured_checkpoint_counts_as_missing(
    write: Callable[..., Path], models: Path
) -> None:
    rows = "b,i,m1,current,10,4\nb,i,m1,next,10,5\nb,j,m1,next,10,8\n"
    read = read_scores(write("s.csv", LABELS + rows), models)
    (benchmark,) = read.benchmarks
    np.testing.assert_array_equal(benchmark.pass_rate, [[0.45], [0.8]])
    np.testing.assert_array_equal(benchmark.measured_rate, [[0.4], [np.nan]])
    np.testing.assert_array_equal(benchmark.measured_trials, [[10.0], [0.0]])
    assert "missing-items" in codes(read)


def test_benchmarks_of_all_zeros_and_all_ones_are_warned_of(
    write: Callable[..., Path], models: Path
) -> None:
    text = "benchmark,model,score\nnone,m1,0\nnone,m2,0\nall,m1,1\nall,m2,1\nsome,m1,0\nsome,m2,1\n"
    read = read_scores(write("s.csv", text), models)
    found = {w.code: w.message for w in read.warnings if w.code.startswith("all-")}
    assert found["all-zero"].startswith("none:")
    assert found["all-one"].startswith("all:")
    assert len([w for w in read.warnings if w.code.startswith("all-")]) == 2


def test_models_without_scores_are_warned_of_but_not_targets(
    write: Callable[..., Path], models: Path
) -> None:
    read = read_scores(write("s.csv", "benchmark,model,score\nb,m1,0.5\n"), models)
    (warning,) = [w for w in read.warnings if w.code == "no-scores"]
    assert warning.got == "m2, m3, m4, m5, m6"


def test_a_model_without_compute_is_warned_of_unless_it_is_an_anchor(
    write: Callable[..., Path],
) -> None:
    scores = write("s.csv", "benchmark,model,score\nb,m1,0.5\nb,m2,0.5\nb,m3,0.5\n")
    models = write("m.csv", "model,compute_flops,role\nm1,1e20,\nm2,,\nm3,,anchor\n")
    (warning,) = [w for w in read_scores(scores, models).warnings if w.code == "no-compute"]
    assert warning.got == "m2"


@pytest.mark.parametrize(("tokens", "warned"), [("2.9e10", False), ("3.1e10", True)])
def test_a_ladder_off_one_token_ratio_is_warned_of(
    tokens: str, warned: bool, write: Callable[..., Path]
) -> None:
    scores = write("s.csv", "benchmark,model,score\nb,m1,0.5\nb,m2,0.5\nb,m3,0.5\n")
    text = f"model,params,tokens,role\nm1,1e9,2e10,\nm2,1e9,{tokens},\nm3,1e9,9e12,anchor\n"
    assert ("token-ratio" in codes(read_scores(scores, write("m.csv", text)))) == warned


def test_unknown_columns_are_ignored_and_listed(write: Callable[..., Path], models: Path) -> None:
    text = "benchmark,itm_id,model,score,Checkpoint,note\nb,i,m1,0.5,current,x\n"
    text = text.replace("itm_id", "topic")
    read = read_scores(write("s.csv", text), models)
    assert read.unknown_columns == ("Checkpoint", "note", "topic")
    (warning,) = [w for w in read.warnings if w.code == "unknown-columns"]
    assert "Checkpoint -> checkpoint" in warning.fix


def test_large_files_are_warned_of(
    write: Callable[..., Path],
    models: Path,
    counts: list,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = write("s.csv", counts)
    assert "large-file" not in codes(read_scores(scores, models))
    monkeypatch.setattr(cautions, "LARGE_FILE_BYTES", 100)
    assert "large-file" in codes(read_scores(scores, models))


def test_the_digest_is_of_the_bytes(write: Callable[..., Path], models: Path) -> None:
    text = "benchmark,model,score\nb,m1,0.5\n"
    first = read_scores(write("a.csv", text), models).digest
    assert first == read_scores(write("b.csv", text), models).digest
    assert len(first) == 64
    assert first != read_scores(write("c.csv", text.replace("0.5", "0.50")), models).digest
    with_chance = write("d.csv", "benchmark,chance\nb,0.1\n")
    assert first != read_scores(write("a.csv", text), models, with_chance).digest


def test_the_output_stays_clean(
    write: Callable[..., Path], models: Path, counts: list, capfd: pytest.CaptureFixture[str]
) -> None:
    read_scores(write("s.csv", counts), models)
    assert capfd.readouterr() == ("", "")


def test_importing_is_light_and_reading_needs_no_jax(
    write: Callable[..., Path], models: Path, counts: list
) -> None:
    import subprocess

    scores = write("s.csv", counts)
    code = (
        "import sys; from bayescod.scores import read_scores; "
        "light = not {'duckdb', 'pandas'} & set(sys.modules); "
        "read_scores(sys.argv[1], sys.argv[2]); "
        "print(light, *({'jax', 'numpyro', 'arviz'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(scores), str(models)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "True"
