from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import pytest
import xarray as xr

from bayescod.convergence import Reason
from bayescod.errors import ResultError
from bayescod.files import KEPT_FOLDER, file_stem, sha256_of
from bayescod.forecasting.codec import from_json, to_json
from bayescod.forecasting.records import ForecastSet, TargetPoint
from bayescod.forecasting.store import load, require_free, write_forecast
from tests._factories import HEALTHY, make_benchmark, make_course, make_set

HOSTILE = '../../$x$ "<script>" 数学 =cmd'


def plain(value: Any) -> Any:
    """Records to values that compare by content: trees to their bytes, NaN to a word."""
    if isinstance(value, xr.DataTree):
        return {
            (node.path, name): (str(array.dtype), array.dims, array.values.tolist())
            for node in value.subtree
            for name, array in node.to_dataset().fillna(-1.0).variables.items()
        }
    if dataclasses.is_dataclass(value):
        return {
            field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def awkward_set() -> ForecastSet:
    broken = dataclasses.replace(HEALTHY, max_rhat=math.nan, min_ess_bulk=0.1 + 0.2, reruns=1)
    return make_set(
        make_benchmark(HOSTILE, truth=1 / 3, diagnostics=broken, status="fail"),
        make_benchmark(
            "short",
            reason=Reason("few-trials", "one trial"),
            reasons=[Reason("BC101", "too high")],
            anchors=False,
        ),
    )


def test_round_trip_is_exact(tmp_path: Path) -> None:
    forecasts = awkward_set()
    back = load(write_forecast(forecasts, tmp_path / "out", figures=False))
    assert plain(back) == plain(forecasts)
    assert back.benchmarks[0].target.truth == 1 / 3


def test_a_course_is_kept_exactly(tmp_path: Path) -> None:
    course = make_course("toy")
    found = dataclasses.replace(make_set(make_benchmark("toy")), course=course)
    assert load(write_forecast(found, tmp_path, figures=False)).course == course
    document = json.loads((tmp_path / "forecast.json").read_text(encoding="utf-8"))
    assert [one["verdict"] for one in document["course"]["checkpoints"]] == ["on course", "behind"]


def test_a_course_of_another_kind_is_refused(tmp_path: Path) -> None:
    found = dataclasses.replace(make_set(make_benchmark("toy")), course=make_course("toy"))
    document = to_json(found)
    document["course"]["checkpoints"][0]["verdict"] = "late"
    trees = {one.benchmark: one.tree for one in found.benchmarks}
    with pytest.raises(ResultError, match="'late' where there should be behind or on course"):
        from_json(document, trees)


def test_round_trip_notices_a_change(tmp_path: Path) -> None:
    forecasts = awkward_set()
    back = load(write_forecast(forecasts, tmp_path / "out", figures=False))
    back.benchmarks[0].tree["predictions"]["score"].values[5] += 1e-15
    assert plain(back) != plain(forecasts)


def test_same_forecast_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = (write_forecast(make_set(), tmp_path / name) for name in ("one", "two"))
    assert files_below(one) == files_below(two)
    other = write_forecast(make_set(make_benchmark("toy", seed=5)), tmp_path / "three")
    assert files_below(one)["predictive.nc"] != files_below(other)["predictive.nc"]


def test_bytes_do_not_hold_the_hour(tmp_path: Path) -> None:
    forecasts = make_set()
    for name, stamp in (("one", "2020-01-01"), ("two", "2021-01-01")):
        for forecast in forecasts.benchmarks:
            forecast.tree["posterior"].attrs["created_at"] = stamp
        write_forecast(forecasts, tmp_path / name, figures=False)
    assert files_below(tmp_path / "one") == files_below(tmp_path / "two")
    # The caller's own tree is left as it was.
    assert forecasts.benchmarks[0].tree["posterior"].attrs["created_at"] == "2021-01-01"


def test_forecast_json_keeps_the_contract(tmp_path: Path) -> None:
    forecasts = awkward_set()
    out = write_forecast(forecasts, tmp_path / "out", figures=False)

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    text = (out / "forecast.json").read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=refuse)
    assert next(iter(document)) == "schema_version"
    assert set(document) == {
        *("schema_version", "seed", "spec", "target", "provenance", "warnings", "course"),
        "benchmarks",
    }
    first = document["benchmarks"][0]
    assert set(first) == {
        *("benchmark", "n_items", "method", "reason", "law", "target", "score", "latent_score"),
        *("subset_score", "predictable_share", "a_unit_flops", "clusters", "diagnostics"),
        *("status", "reasons", "seconds", "posterior"),
    }
    assert set(first["target"]) == {"model", "compute_flops", "compute_ratio", "truth"}
    assert set(first["clusters"][0]) == {"cluster", "n_items", "p_extrapolatable", "parameters"}
    quantiles = first["score"]["quantiles"]
    assert list(quantiles) == ["0.05", "0.1", "0.25", "0.5", "0.75", "0.9", "0.95"]
    score = forecasts.benchmarks[0].draws("score")
    assert list(quantiles.values()) == np.quantile(score, [float(q) for q in quantiles]).tolist()
    assert first["diagnostics"]["max_rhat"] is None
    assert first["diagnostics"]["min_ess_bulk"] == 0.1 + 0.2
    assert document["target"]["truth"] is None
    assert (out / first["posterior"]).is_file()


def test_folder_holds_what_the_manifest_lists(tmp_path: Path) -> None:
    out = write_forecast(make_set(make_benchmark(HOSTILE)), tmp_path / "out")
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    listed = {entry["path"]: entry for entry in manifest["files"]}
    stem = file_stem(HOSTILE)
    assert set(listed) == {
        *("forecast.json", "predictive.nc", f"posterior/{stem}.nc"),
        *(f"figures/{stem}.png", f"figures/{stem}.svg"),
    }
    assert set(files_below(out)) == {*listed, "manifest.json"}
    assert set(files_below(tmp_path)) == {f"out/{name}" for name in files_below(out)}
    for path, entry in listed.items():
        assert entry["sha256"] == sha256_of(out / path)
        assert entry["bytes"] == (out / path).stat().st_size


def test_manifest_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (order.append(Path(to).name), replace(self, to))[1]
    )
    write_forecast(make_set(), tmp_path / "out", figures=False)
    assert order[0] == "forecast.json"
    assert order[-1] == "manifest.json"


def test_predictive_file_has_draws_by_benchmark(tmp_path: Path) -> None:
    forecasts = make_set()
    out = write_forecast(forecasts, tmp_path / "out", figures=False)
    with xr.open_dataset(out / "predictive.nc", engine="h5netcdf") as data:
        assert data.sizes == {"benchmark": 2, "draw": 200}
        assert set(data.data_vars) == {"score", "latent_score"}
        assert data["benchmark"].values.tolist() == ["toy", "other"]
        assert data.attrs["data_digest"] == "d" * 64
        np.testing.assert_allclose(
            data["score"].sel(benchmark="other"), forecasts["other"].draws(), rtol=1e-6
        )


def test_posterior_file_says_where_it_comes_from(tmp_path: Path) -> None:
    out = write_forecast(make_set(), tmp_path / "out", figures=False)
    with xr.open_datatree(out / f"posterior/{file_stem('toy')}.nc", engine="h5netcdf") as tree:
        groups = {"posterior", "sample_stats", "observed_data", "constant_data", "predictions"}
        assert set(tree.children) == groups
        assert tree.attrs["data_digest"] == "d" * 64
        assert tree.attrs["spec_digest"] == "s" * 64
        assert (tree.attrs["benchmark"], tree.attrs["seed"]) == ("toy", 7)


def test_draws_must_belong_together(tmp_path: Path) -> None:
    unequal = make_set(make_benchmark("a", n_draws=200), make_benchmark("b", n_draws=100))
    with pytest.raises(ResultError, match="one number of draws"):
        write_forecast(unequal, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 8}, "seed"),
        ({"spec": "cod-flat"}, "spec"),
        ({"provenance": {"data_digest": "e" * 64, "spec_digest": "s" * 64}}, "data digest"),
        ({"provenance": {"data_digest": "d" * 64, "spec_digest": "t" * 64}}, "spec digest"),
        ({"target": TargetPoint("other llm", 1e23, 20.0)}, "target"),
    ],
)
def test_another_run_is_refused(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    out = write_forecast(make_set(), tmp_path / "out", figures=False)
    before = files_below(out)
    with pytest.raises(ResultError, match=f"holds another run: its {named} is"):
        write_forecast(dataclasses.replace(make_set(), **change), out, figures=False)
    assert files_below(out) == before


def test_another_version_is_the_same_run(tmp_path: Path) -> None:
    out = write_forecast(make_set(), tmp_path / "out", figures=False)
    newer = make_set().provenance | {"bayescod": "9.9.9"}
    write_forecast(dataclasses.replace(make_set(), provenance=newer), out, figures=False)
    assert load(out).provenance["bayescod"] == "9.9.9"


def test_same_run_replaces_and_clears(tmp_path: Path) -> None:
    out = write_forecast(make_set(), tmp_path / "out")
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    fewer = make_set(make_benchmark("toy", seed=3))
    write_forecast(fewer, out)
    assert plain(load(out)) == plain(fewer)
    stems = {Path(name).stem for name in files_below(out) if "/" in name}
    assert stems == {file_stem("toy")}
    assert (out / "notes.txt").is_file()


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x", encoding="utf-8")
    with pytest.raises(ResultError, match="files that are no forecast"):
        write_forecast(make_set(), tmp_path)
    with pytest.raises(ResultError, match="is a file"):
        write_forecast(make_set(), tmp_path / "thesis.tex")
    assert set(files_below(tmp_path)) == {"thesis.tex"}


def test_killed_write_is_refused_and_redone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    to_netcdf = xr.DataTree.to_netcdf
    calls = []

    def die_at_the_second(tree: xr.DataTree, path: Path, **kwargs: Any) -> None:
        calls.append(path)
        if len(calls) == 2:
            path.write_bytes(b"half")
            raise KeyboardInterrupt
        to_netcdf(tree, path, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(xr.DataTree, "to_netcdf", die_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            write_forecast(make_set(), out, figures=False)
    assert not any(name.endswith(".partial") for name in files_below(out))
    with pytest.raises(ResultError, match="did not finish"):
        load(out)
    with pytest.raises(ResultError, match="another run"):
        write_forecast(make_set(seed=8), out, figures=False)
    assert plain(load(write_forecast(make_set(), out, figures=False))) == plain(make_set())


def test_leftover_of_a_killed_process_does_not_block(tmp_path: Path) -> None:
    (tmp_path / ".forecast.json.partial").write_text("{", encoding="utf-8")
    write_forecast(make_set(), tmp_path, figures=False)
    assert plain(load(tmp_path)) == plain(make_set())


def test_free_folder_is_told_before_the_run(tmp_path: Path) -> None:
    require_free(tmp_path / "new", {"seed": 1})
    require_free(tmp_path, {"seed": 1})
    out = write_forecast(make_set(), tmp_path / "out", figures=False)
    require_free(out, {"seed": 7, "data_digest": "d" * 64})
    with pytest.raises(ResultError, match="its seed is 7, this one's is 8"):
        require_free(out, {"seed": 8})


def test_load_refuses_what_is_no_finished_forecast(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="is no folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(ResultError, match="did not finish"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["forecast.json", "predictive.nc", "posterior"])
def test_load_refuses_damage(tmp_path: Path, name: str) -> None:
    out = write_forecast(make_set(), tmp_path / "out", figures=False)
    path = out / f"posterior/{file_stem('toy')}.nc" if name == "posterior" else out / name
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ResultError, match="is not the file that the run wrote"):
        load(out)
    path.unlink()
    with pytest.raises(ResultError, match="is missing"):
        load(out)


def rewrite(out: Path, document: dict[str, Any]) -> None:
    """Change forecast.json and certify the change, as a hostile or newer writer would."""
    (out / "forecast.json").write_text(json.dumps(document), encoding="utf-8")
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    for entry in manifest["files"]:
        entry["sha256"] = sha256_of(out / entry["path"])
    (out / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_load_refuses_other_schemas(tmp_path: Path) -> None:
    out = write_forecast(make_set(), tmp_path / "out", figures=False)
    document = to_json(make_set())
    rewrite(out, document | {"schema_version": 99})
    with pytest.raises(ResultError, match="schema_version 99"):
        load(out)
    del document["benchmarks"][0]["law"]
    rewrite(out, document)
    with pytest.raises(ResultError, match="lacks the field 'law'"):
        load(out)


@pytest.mark.parametrize("name", ["forecast.json", "manifest.json"])
@pytest.mark.parametrize("text", ["{", "[]", "\xff"])
def test_broken_json_is_told(tmp_path: Path, name: str, text: str) -> None:
    out = write_forecast(make_set(), tmp_path / "out", figures=False)
    (out / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(ResultError, match=f"{name} (cannot be read as JSON|must hold one)"):
        write_forecast(make_set(), out, figures=False)


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a\\..\\b", "C:x", ""])
def test_manifest_cannot_lead_outside(tmp_path: Path, path: str) -> None:
    out = write_forecast(make_set(), tmp_path / "out", figures=False)
    manifest = {"schema_version": 1, "files": [{"path": path, "sha256": "0"}]}
    (out / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    with pytest.raises(ResultError, match="not inside the folder"):
        load(out)
    with pytest.raises(ResultError, match="not inside the folder"):
        write_forecast(make_set(), out, figures=False)
    assert (tmp_path / "secret").is_file()


def resigned(out: Path) -> None:
    """Make the manifest fit the files, as somebody would who wants them to be read."""
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    for entry in manifest["files"]:
        entry["sha256"] = sha256_of(out / entry["path"])
    (out / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_draws_that_are_declared_and_not_there_take_no_memory(tmp_path: Path) -> None:
    out = write_forecast(make_set(), tmp_path / "out", figures=False)
    path = next((out / "posterior").iterdir())
    with h5netcdf.File(path, "a") as file:
        file.dimensions["bomb"] = 10**12
        file.create_variable("posterior/bomb", ("bomb",), "f8", chunks=(1000,))
    resigned(out)
    with pytest.raises(ResultError, match="bytes of draws in"):
        load(out)


@pytest.mark.parametrize("content", [b"", b"not netCDF", b"\x89HDF\r\n\x1a\n" + b"\x00" * 64])
def test_draws_that_are_no_draws(tmp_path: Path, content: bytes) -> None:
    out = write_forecast(make_set(), tmp_path / "out", figures=False)
    path = next((out / "posterior").iterdir())
    path.write_bytes(content)
    resigned(out)
    with pytest.raises(ResultError, match="cannot be read as netCDF"):
        load(out)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"benchmarks": {}}, "where there should be a list"),
        ({"seed": "1"}, "'1' where there should be a number"),
        ({"target": 7}, "not as bayescod writes it"),
        ({"provenance": {"a": 1}}, "'1' where there should be text"),
        ({"warnings": [None]}, "'None' where there should be text"),
        ({"benchmarks": [1]}, "does not list the draws of benchmark None"),
        ({"seed": float("nan")}, "NaN is no JSON"),
    ],
)
def test_values_of_another_kind(tmp_path: Path, change: dict[str, object], said: str) -> None:
    out = write_forecast(make_set(), tmp_path / "out", figures=False)
    document = json.loads((out / "forecast.json").read_text(encoding="utf-8"))
    (out / "forecast.json").write_text(json.dumps(document | change), encoding="utf-8")
    resigned(out)
    with pytest.raises(ResultError, match=said):
        load(out)


def test_a_nest_of_lists_is_no_document(tmp_path: Path) -> None:
    out = write_forecast(make_set(), tmp_path / "out", figures=False)
    (out / "forecast.json").write_text("[" * 200_000, encoding="utf-8")
    resigned(out)
    with pytest.raises(ResultError, match="cannot be read as JSON"):
        load(out)


def test_what_is_left_of_a_stopped_run_is_no_other_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / KEPT_FOLDER).mkdir(parents=True)
    (out / ".lock.partial").write_text("{}", encoding="utf-8")
    write_forecast(make_set(), out, figures=False)
    assert len(load(out).benchmarks) == 2
    (out / KEPT_FOLDER / "more").write_text("x", encoding="utf-8")
    assert len(load(out).benchmarks) == 2
    write_forecast(make_set(), out, figures=False)
