"""The result folder of a forecast: written whole, read back without loss, never mixed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

import h5py
import numpy as np
import xarray as xr

from bayescod.errors import MachineError, ResultError
from bayescod.files import (
    KEPT_FOLDER,
    file_stem,
    replacing,
    require_room,
    require_same_run,
    sha256_of,
    write_json,
    write_manifest,
)
from bayescod.forecasting.codec import from_json, posterior_path, to_json
from bayescod.forecasting.json_values import Json
from bayescod.forecasting.records import BenchmarkForecast, ForecastSet

_ENGINE: Final = "h5netcdf"
_MOST_JSON: Final = 200_000_000  # bytes; ten thousand benchmarks take a tenth of it
_MOST_PER_BYTE: Final = 4
_OVERHEAD: Final = 200_000  # bytes of a netCDF file besides its arrays
_FORECAST = "forecast.json"
_MANIFEST = "manifest.json"
_PREDICTIVE = "predictive.nc"
# What makes two runs the same, besides seed, spec and target: a newer NumPy does not make another
# run, other data or another option does.
_RUN_PROVENANCE = (
    "data_digest",
    "spec_digest",
    "anchors",
    "benchmarks",
    "smoothing",
    "eval_trials",
    "update_digest",
)


def write_forecast(forecasts: ForecastSet, out: Path, figures: bool = True) -> Path:
    """Write a forecast to its folder; ``manifest.json`` comes last.

    The same forecast gives the same bytes on the same machine. A write that is killed leaves a
    folder without manifest, which :func:`load` refuses and the same run may write again.

    Parameters
    ----------
    forecasts : ForecastSet
        What to write.
    out : Path
        The folder; made where missing. It may be empty or hold the same run.
    figures : bool, default True
        Whether to draw the fan charts too.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    ResultError
        If the folder holds another run (other data, spec, options, seed or target) or files that
        are no forecast, or if the draws of the benchmarks do not belong together.
    """
    predictive = _predictive(forecasts)
    require_free(out, run_identity(to_json(forecasts)))
    before = _forget_manifest(out)
    # First, because it tells whose folder this is if the rest is never written.
    write_json(out / _FORECAST, to_json(forecasts))
    written = [_FORECAST]
    for forecast in forecasts.benchmarks:
        path = posterior_path(forecast.benchmark)
        _write_netcdf(_with_provenance(forecast, forecasts), out / path)
        written.append(path)
        if figures:
            written += _write_figures(forecast, out)
    _write_netcdf(predictive, out / _PREDICTIVE)
    written.append(_PREDICTIVE)
    for stale in before - set(written):
        (out / stale).unlink(missing_ok=True)
    write_manifest(out, _MANIFEST, written)
    return out


def load(path: str | Path) -> ForecastSet:
    """Read a forecast back from its folder.

    Parameters
    ----------
    path : str or Path
        A folder that :func:`write_forecast` (or ``bayescod forecast``) has written.

    Returns
    -------
    ForecastSet
        Equal to what was written.

    Raises
    ------
    ResultError
        If there is no such folder, if the run did not finish, or if a file is missing, damaged or
        of another schema version.
    """
    out = Path(path)
    if not out.is_dir():
        msg = f"{out} is no folder; give the folder that `bayescod forecast --out` has written"
        raise ResultError(msg)
    listed = _checked_files(out)
    document = _read_json(out / _FORECAST)
    trees = {}
    stored = document.get("benchmarks")
    for entry in stored if isinstance(stored, list) else []:
        name = entry.get("benchmark") if isinstance(entry, dict) else None
        if not isinstance(name, str) or posterior_path(name) not in listed:
            msg = f"{out / _MANIFEST} does not list the draws of benchmark {name!r}; forecast again"
            raise ResultError(msg)
        trees[name] = _read_tree(out / posterior_path(name))
    return from_json(document, trees)


def run_identity(document: Json) -> dict[str, object]:
    """What makes two runs the same: seed, spec, target, digests and options.

    Parameters
    ----------
    document : dict
        The object of ``forecast.json``.

    Returns
    -------
    dict
        Only what the document states.
    """
    provenance = document.get("provenance", {})
    return {
        "seed": document.get("seed"),
        "spec": document.get("spec"),
        "target": document.get("target", {}).get("model"),
        **{key: provenance[key] for key in _RUN_PROVENANCE if key in provenance},
    }


def require_free(out: Path, run: Mapping[str, object]) -> None:
    """Make sure that a run may write to a folder, before hours are spent on it.

    Parameters
    ----------
    out : Path
        The folder; it may be missing.
    run : mapping
        What is known of the run, as in :func:`run_identity`; keys left out are not compared.

    Raises
    ------
    ResultError
        If the folder holds another run or files that are no forecast.
    """
    if out.exists() and not out.is_dir():
        msg = f"{out} is a file; give another folder"
        raise ResultError(msg)
    entries = [entry.name for entry in out.iterdir()] if out.is_dir() else []
    if all(name.endswith(".partial") or name == KEPT_FOLDER for name in entries):
        return
    if not (out / _FORECAST).is_file():
        msg = f"{out} holds files that are no forecast; give an empty or a new folder"
        raise ResultError(msg)
    require_same_run(out, run_identity(_read_json(out / _FORECAST)), run)


def _predictive(forecasts: ForecastSet) -> xr.Dataset:
    counts = {forecast.draws().size for forecast in forecasts.benchmarks}
    if len(counts) != 1:
        # Draw i is the same world in every benchmark, so there must be as many of each.
        msg = f"a forecast needs one number of draws over all its benchmarks; got {sorted(counts)}"
        raise ResultError(msg)
    return xr.Dataset(
        {
            name: (
                ("benchmark", "draw"),
                np.stack([f.draws(name) for f in forecasts.benchmarks]).astype(np.float32),
            )
            for name in ("score", "latent_score")
        },
        coords={"benchmark": [forecast.benchmark for forecast in forecasts.benchmarks]},
        attrs=_provenance(forecasts),
    )


def _provenance(forecasts: ForecastSet) -> dict[str, str | int | float]:
    return {
        **{key: str(value) for key, value in forecasts.provenance.items()},
        "seed": forecasts.seed,
        "spec": forecasts.spec,
        "target": forecasts.target.model,
        "target_compute_flops": forecasts.target.compute_flops,
    }


def _with_provenance(forecast: BenchmarkForecast, forecasts: ForecastSet) -> xr.DataTree:
    tree = forecast.tree.copy()
    for node in tree.subtree:
        # ArviZ stamps the hour on every group; the same forecast must give the same bytes.
        node.attrs = {key: value for key, value in node.attrs.items() if key != "created_at"}
    tree.attrs |= {
        **_provenance(forecasts),
        "benchmark": forecast.benchmark,
        "law": forecast.law,
        "method": forecast.method,
    }
    return tree


def _write_netcdf(data: xr.DataTree | xr.Dataset, path: Path) -> None:
    with replacing(path) as temporary:
        # HDF5 takes a full disk badly: it raises what it likes and may crash when Python ends.
        require_room(temporary, data.nbytes + data.nbytes // 10 + _OVERHEAD)
        try:
            data.to_netcdf(temporary, engine=_ENGINE)
        except RuntimeError as error:
            msg = f"{path} cannot be written: {error}"
            raise MachineError(msg) from error


def _write_figures(forecast: BenchmarkForecast, out: Path) -> list[str]:
    from bayescod.reporting.figures import fan_figure, save_figure

    figure = fan_figure(forecast)
    paths = [f"figures/{file_stem(forecast.benchmark)}.{suffix}" for suffix in ("png", "svg")]
    for path in paths:
        with replacing(out / path) as temporary:
            save_figure(figure, temporary, PurePosixPath(path).suffix[1:])
    return paths


def _forget_manifest(out: Path) -> set[str]:
    """Remove the manifest, so that the folder counts as unfinished; return what it listed."""
    if not (out / _MANIFEST).is_file():
        return set()
    paths = set(_listed(out))
    (out / _MANIFEST).unlink()
    return paths


def _listed(out: Path) -> dict[str, str]:
    """SHA-256 by path, as the manifest lists them; no path may lead out of the folder."""
    entries = _read_json(out / _MANIFEST).get("files")
    listed = {}
    for entry in entries if isinstance(entries, list) else []:
        path = str(entry.get("path", "")) if isinstance(entry, dict) else ""
        parts = PurePosixPath(path).parts
        if not parts or "\\" in path or ":" in path or parts[0] == "/" or ".." in parts:
            msg = f"{out / _MANIFEST} lists {path!r}, which is not inside the folder"
            raise ResultError(msg)
        listed[path] = str(entry.get("sha256"))
    return listed


def _checked_files(out: Path) -> dict[str, str]:
    if not (out / _MANIFEST).is_file():
        msg = f"{out} has no {_MANIFEST}: the run did not finish; run the same forecast again"
        raise ResultError(msg)
    listed = _listed(out)
    for path, digest in listed.items():
        if not (out / path).is_file():
            msg = f"{out / path} is missing; run the same forecast again"
            raise ResultError(msg)
        if sha256_of(out / path) != digest:
            msg = f"{out / path} is not the file that the run wrote; run the same forecast again"
            raise ResultError(msg)
    return listed


def _read_tree(path: Path) -> xr.DataTree:
    try:
        _require_bounded(path)
        with xr.open_datatree(path, engine=_ENGINE) as tree:
            return tree.load()
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        msg = f"{path} cannot be read as netCDF ({error}); forecast again into another folder"
        raise ResultError(msg) from error


def _require_bounded(path: Path) -> None:
    """Refuse what would fill the memory: draws are stored as they are, so a file holds them all."""
    sizes: list[int] = []
    with h5py.File(path, "r") as file:
        file.visititems(lambda _, node: sizes.append(getattr(node, "nbytes", 0)))
    if sum(sizes) > _MOST_PER_BYTE * path.stat().st_size:
        msg = f"{sum(sizes):,} bytes of draws in {path.stat().st_size:,}"
        raise ValueError(msg)


def _no_constant(name: str) -> float:
    msg = f"{name} is no JSON"
    raise ValueError(msg)


def _read_json(path: Path) -> Json:
    try:
        if path.stat().st_size > _MOST_JSON:
            msg = f"more than {_MOST_JSON:,} bytes"
            raise ValueError(msg)
        text = path.read_text(encoding="utf-8")
        document = json.loads(text, parse_constant=_no_constant)
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path} cannot be read as JSON ({error}); forecast again into another folder"
        raise ResultError(msg) from error
    if not isinstance(document, dict):
        msg = f"{path} must hold one JSON object; forecast again into another folder"
        raise ResultError(msg)
    return document
