"""Files with random damage: refused with a message, or accepted and read as an oracle reads them.

The oracle is the column contract written once more, in plain Python over the ``csv`` and ``json``
modules, and knows nothing of the package. What it cannot decide (spellings of numbers that readers
take differently, say) is counted apart.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from bayescod.cli.app import app
from bayescod.errors import BayescodError
from bayescod.files import sha256_of
from bayescod.forecasting.store import load, write_forecast
from bayescod.scores import read_scores
from bayescod.scores.records import Scores
from bayescod.scores.selection import parse_target, select_ladder
from bayescod.scores.tables import MAX_LINE_BYTES
from tests._factories import make_benchmark, make_set
from tests._fuzzing import BYTES, ROWS, TEXTS, Account, Row, mutated_json, snapshot, soon

FORMS = ("counts", "trials", "soft")
SUFFIXES = (".csv", ".jsonl", ".parquet")
MODELS = [
    {"model": f"m{i}", "compute_flops": f"{10.0 ** (19 + i):g}", "role": "ladder"} for i in range(6)
] + [{"model": "big", "compute_flops": "1e26", "role": "target"}]
Cells = dict[tuple[str, str, str], tuple[float, float]]


def scores_rows(form: str) -> list[Row]:
    """A valid table of one of the three forms; all values are text."""
    rows: list[Row] = []
    for benchmark in ("adding", "sorting"):
        for item in range(3):
            for model in range(6):
                key: Row = {"benchmark": benchmark, "item_id": f"i{item}", "model": f"m{model}"}
                right = min(4, item + model)
                if form == "counts":
                    rows.append(key | {"n_trials": "4", "n_correct": str(right)})
                elif form == "soft":
                    rows.append(key | {"score": str(right / 4), "note": "x"})
                else:
                    rows += [
                        key | {"trial": str(t), "correct": str(int(t < right))} for t in range(4)
                    ]
    return rows


def written(rows: list[Row], suffix: str) -> bytes:
    """Bytes of a table; columns that rows lack are blank."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if suffix == ".jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    if suffix == ".csv":
        stream = io.StringIO(newline="")
        csv.writer(stream).writerows(
            [columns, *([row.get(name, "") for name in columns] for row in rows)]
        )
        return stream.getvalue().encode()
    raise ValueError(suffix)


def write_parquet(rows: list[Row], path: Path) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row)) or ["nothing"]
    names = [f'"{name}"' if name else '"empty"' for name in columns]
    names = [f"{name} VARCHAR" for name in names]
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE data ({', '.join(names)})")
        marks = ", ".join("?" for _ in columns)
        if rows:
            connection.executemany(
                f"INSERT INTO data VALUES ({marks})",  # noqa: S608
                [[row.get(name) for name in columns] for row in rows],
            )
        connection.table("data").write_parquet(str(path))


# ------------------------------------------------------------------------------- the oracle


class Invalid(Exception):
    """The contract is broken."""


class Undecided(Exception):
    """The oracle does not know."""


def number(value: object) -> float | None:
    """A number as the contract writes them; None where blank."""
    if value is None or str(value).strip() == "":
        return None
    text = str(value).strip()
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        if math.isinf(float(text)):
            raise Invalid
        return float(text)
    if re.fullmatch(r"[\w.+-]*\d[\w.+-]*", text):
        raise Undecided  # digits of other scripts or bases, underscores
    raise Invalid


def name_of(row: Row, column: str) -> str:
    value = row.get(column)
    if value is None or (isinstance(value, str) and value.strip(" ") == ""):
        raise Invalid
    if not isinstance(value, str):
        raise Undecided  # a number or a list as a name
    if "\x00" in value or "\ufffd" in value:
        raise Invalid
    if value.strip() == "":
        raise Undecided
    return value


def parsed(content: bytes, suffix: str, path: Path) -> list[Row]:
    """Rows of a file, or one of the two exceptions."""
    if suffix == ".parquet":
        return parsed_parquet(path)
    if not content:
        raise Invalid
    if max(map(len, content.splitlines())) > MAX_LINE_BYTES:
        raise Invalid
    if suffix == ".csv":
        # Bytes that are no UTF-8 spoil names and numbers, but not a column that nobody reads.
        return parsed_csv(content.decode("utf-8-sig", errors="replace"))
    try:
        return parsed_lines(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Invalid from None


def parsed_parquet(path: Path) -> list[Row]:
    try:
        with duckdb.connect() as connection:
            source = "FROM read_parquet(?)"
            described = connection.execute(f"DESCRIBE SELECT * {source}", [str(path)])
            columns = [str(row[0]) for row in described.fetchall()]
            # Damage in a column that nobody reads is no damage.
            read = [f'"{name}"' for name in columns if name in KNOWN]
            picked = ", ".join([*read, *(f"NULL AS x{i}" for i in range(len(columns) - len(read)))])
            others = [name for name in columns if name not in KNOWN]
            names = [*(name for name in columns if name in KNOWN), *others]
            rows = connection.execute(f"SELECT {picked} {source}", [str(path)]).fetchall()
            return [dict(zip(names, row, strict=True)) for row in rows]
    except (duckdb.Error, UnicodeDecodeError):
        raise Invalid from None


def parsed_csv(text: str) -> list[Row]:
    if "\r" in text.replace("\r\n", "") or "\n\n" in text.replace("\r", ""):
        raise Undecided  # line ends of several kinds; blank lines
    usual = csv.field_size_limit(MAX_LINE_BYTES)
    try:
        header, *lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (csv.Error, ValueError):
        raise Invalid from None
    finally:
        csv.field_size_limit(usual)
    header = [name.strip() for name in header]
    if any(len(line) != len(header) for line in lines):
        raise Invalid
    repeated = [name for name, count in Counter(header).items() if count > 1]
    if repeated:
        raise Invalid if set(repeated) & KNOWN else Undecided
    return [dict(zip(header, line, strict=True)) for line in lines]


def parsed_lines(text: str) -> list[Row]:
    def once(pairs: list[tuple[str, object]]) -> Row:
        if len({key for key, _ in pairs}) < len(pairs):
            raise Invalid
        return dict(pairs)

    def refuse(_: str) -> float:
        raise Invalid

    rows = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=once, parse_constant=refuse)
        except (ValueError, RecursionError):
            raise Invalid from None
        if not isinstance(row, dict):
            raise Invalid
        rows.append(row)
    return rows


KNOWN = {"benchmark", "item_id", "model", "checkpoint", "n_trials", "n_correct", "trial", "correct"}
KNOWN |= {"score", "chance", "compute_flops", "params", "tokens", "loss", "family", "run", "role"}


def cells_of(rows: list[Row], models: set[str]) -> Cells:
    """Trials and pass rate of every cell by the contract."""
    if not rows:
        raise Invalid
    columns = {name for row in rows for name in row}
    if columns & {"checkpoint", "chance"}:
        raise Undecided
    if not {"benchmark", "model"} <= columns:
        raise Invalid
    if "item_id" not in columns:
        if any(name.strip().lower().startswith("item") for name in columns):
            raise Invalid  # a misspelling
        raise Undecided
    cells: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    seen: set[tuple[object, ...]] = set()
    for row in rows:
        key = (name_of(row, "benchmark"), name_of(row, "item_id"), name_of(row, "model"))
        if key[2] not in models:
            raise Invalid
        trial = name_of(row, "trial") if "trial" in columns else ""
        if (*key, trial) in seen:
            raise Invalid
        seen.add((*key, trial))
        cells.setdefault(key, []).append(measured(row, columns))
    found: Cells = {}
    for key, parts in cells.items():
        trials = sum(n for n, _ in parts)
        found[key] = (trials, sum(k for _, k in parts) / trials)
    return found


def measured(row: Row, columns: set[str]) -> tuple[float, float]:
    """Trials and right answers of one row; soft scores count as one trial of their size."""
    if "correct" in columns or "trial" in columns:
        if "trial" not in columns or "correct" not in columns or columns & {"n_trials", "score"}:
            raise Invalid
        text = str(row.get("correct")).strip().lower()
        right = {"true": 1.0, "false": 0.0}.get(text)
        right = number(row.get("correct")) if right is None else right
        if right not in (0.0, 1.0):
            raise Invalid
        return 1.0, right
    if "n_correct" in columns:
        if "score" in columns:
            raise Undecided
        if "n_trials" not in columns:
            raise Invalid
        n, k = number(row.get("n_trials")), number(row.get("n_correct"))
        if n is None or k is None or n < 1 or k < 0 or k > n or n % 1 or k % 1:
            raise Invalid
        return n, k
    if "score" not in columns:
        raise Invalid
    if "n_trials" in columns:
        raise Undecided
    score = number(row.get("score"))
    if score is None or not 0.0 <= score <= 1.0:
        raise Invalid
    return 1.0, score


def models_of(rows: list[Row]) -> set[str]:
    """Names of a models table by the contract."""
    columns = {name for row in rows for name in row}
    if not rows or "model" not in columns or "compute_flops" not in columns:
        raise Invalid
    names = [name_of(row, "model") for row in rows]
    if len(set(names)) < len(names):
        raise Invalid
    for row in rows:
        for column in ("compute_flops", "params", "tokens", "loss"):
            value = number(row.get(column))
            if value is not None and not 0 < value < math.inf:
                raise Invalid
        role = row.get("role")
        if role is not None and not isinstance(role, str):
            raise Undecided
        if (role or "ladder").strip().lower() not in ("ladder", "anchor", "target", ""):
            raise Invalid
    return set(names)


def expected(scores: Path, models: Path) -> Cells | None:
    """What the contract reads from two files; None where it refuses them."""
    known: set[str] | None = None
    try:
        known = models_of(parsed(models.read_bytes(), models.suffix, models))
        return cells_of(parsed(scores.read_bytes(), scores.suffix, scores), known)
    except Invalid:
        return None


def read_by_package(scores: Scores) -> Cells:
    found: Cells = {}
    for one in scores.benchmarks:
        for i, item in enumerate(one.item_id or ("",)):
            for j, llm in enumerate(one.llm):
                rate = float(one.pass_rate[i, j])
                if not math.isnan(rate):
                    trials = float(one.n_trials[i, j])
                    found[one.benchmark, item, llm] = (1.0 if math.isnan(trials) else trials, rate)
    return found


# ------------------------------------------------------------------------------- tables


@dataclass(frozen=True)
class Case:
    """Two files, one of them mutated."""

    kind: str
    scores: Path
    models: Path


def table_cases(seed: int, number: int, folder: Path) -> Iterator[Case]:
    """Mutated tables: of bytes and of rows, of scores and of models, in three formats."""
    kinds = [*BYTES, *ROWS]
    for i in range(number):
        rng = np.random.default_rng([seed, i])
        kind = kinds[i % len(kinds)]
        suffix = SUFFIXES[int(rng.integers(3))]
        what = "scores" if rng.random() < 0.7 else "models"
        place = folder / str(i)
        place.mkdir()
        tables = {
            "scores": scores_rows(FORMS[int(rng.integers(3))]),
            "models": [dict(row) for row in MODELS],
        }
        paths = {name: place / f"{name}{suffix}" for name in tables}
        if kind in ROWS:
            tables[what] = ROWS[kind](rng, tables[what])
        for name, rows in tables.items():
            if suffix == ".parquet":
                write_parquet(rows, paths[name])
            else:
                paths[name].write_bytes(written(rows, suffix))
        if kind in BYTES:
            paths[what].write_bytes(BYTES[kind](rng, paths[what].read_bytes()))
        yield Case(kind, paths["scores"], paths["models"])


def fuzz_tables(seed: int, number: int, folder: Path) -> Account:
    account = Account()
    for case in table_cases(seed, number, folder):
        before = snapshot(case.scores.parent)
        found: Cells | None = None
        said = ""
        with soon(account):
            try:
                scores = read_scores(case.scores, case.models)
                found = read_by_package(scores)
                select_ladder(scores, parse_target("1e27", scores.llms), ())
            except BayescodError as error:
                said = str(error)
        assert len(said) < 20_000, case
        assert snapshot(case.scores.parent) == before, case
        try:
            wanted = expected(case.scores, case.models)
        except Undecided:
            account.add(case.kind, "refused, undecided" if found is None else "accepted, undecided")
        else:
            judge_case(account, case, found, wanted)
        shutil.rmtree(case.scores.parent)
    return account


def judge_case(account: Account, case: Case, found: Cells | None, wanted: Cells | None) -> None:
    if found is None:
        outcome = "refused" if wanted is None else "refused, the oracle would not"
        if wanted is not None and case.kind in ROWS:
            pytest.fail(f"refused for no reason: {case}")
    else:
        assert wanted is not None, f"accepted what breaks the contract: {case}"
        assert found.keys() == wanted.keys(), case
        for key, (trials, rate) in wanted.items():
            assert found[key] == (trials, pytest.approx(rate, abs=1e-12)), (case, key)
        outcome = "accepted, rightly"
    account.add(case.kind, outcome)


def test_the_oracle_reads_what_is_valid_and_refuses_what_is_not(tmp_path: Path) -> None:
    """Else no mutation would mean anything."""
    models = tmp_path / "models.csv"
    models.write_bytes(written([dict(row) for row in MODELS], ".csv"))
    for form in FORMS:
        rows = scores_rows(form)
        path = tmp_path / f"{form}.csv"
        path.write_bytes(written(rows, ".csv"))
        assert expected(path, models) == read_by_package(read_scores(path, models))
        rows[0][{"counts": "n_correct", "trials": "correct", "soft": "score"}[form]] = "nan"
        path.write_bytes(written(rows, ".csv"))
        assert expected(path, models) is None


def test_every_kind_changes_a_table() -> None:
    rows = scores_rows("counts")
    content = written(rows, ".csv")
    for kind, mutation in BYTES.items():
        assert any(
            mutation(np.random.default_rng(seed), content) != content for seed in range(5)
        ), kind
    for kind, change in ROWS.items():
        assert any(change(np.random.default_rng(seed), rows) != rows for seed in range(5)), kind
    assert len(set(TEXTS)) == len(TEXTS)


def test_damaged_tables(tmp_path: Path) -> None:
    account = fuzz_tables(seed=1, number=2 * len([*BYTES, *ROWS]), folder=tmp_path)
    assert account.outcomes.total() == 38


@pytest.mark.slow
def test_many_damaged_tables(tmp_path: Path) -> None:
    account = fuzz_tables(seed=2, number=700, folder=tmp_path)
    print(account)  # noqa: T201 - the figures that are reported


# ------------------------------------------------------------------------------- result folders


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "out"
    return write_forecast(
        make_set(make_benchmark("toy"), make_benchmark("two")), out, figures=False
    )


def sign(out: Path) -> None:
    """Make the manifest fit the files, as somebody would who wants them to be read."""
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    for entry in manifest["files"]:
        entry["sha256"] = sha256_of(out / entry["path"])
    (out / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def damaged_result(rng: np.random.Generator, out: Path, i: int) -> str:
    """Damage one file of a result folder; returns the kind."""
    if i % 3 == 0:
        document = json.loads((out / "forecast.json").read_text(encoding="utf-8"))
        changed = json.dumps(mutated_json(rng, document))
        (out / "forecast.json").write_text(changed, encoding="utf-8")
        sign(out)
        return "forecast.json changed and signed"
    if i % 3 == 1:
        document = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        changed = json.dumps(mutated_json(rng, document))
        (out / "manifest.json").write_text(changed, encoding="utf-8")
        return "manifest.json changed"
    paths = sorted(path for path in out.rglob("*") if path.is_file())
    path = paths[int(rng.integers(len(paths)))]
    kind = list(BYTES)[int(rng.integers(len(BYTES)))]
    path.write_bytes(BYTES[kind](rng, path.read_bytes()))
    return f"any file: {kind}"


def fuzz_results(seed: int, number: int, finished: Path, folder: Path) -> Account:
    account = Account()
    whole = snapshot(finished)
    for i in range(number):
        out = folder / f"out-{i}"
        shutil.copytree(finished, out)
        kind = damaged_result(np.random.default_rng([seed, i]), out, i)
        before = snapshot(out)
        with soon(account):
            result = CliRunner().invoke(app, ["check", str(out)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise AssertionError((i, kind)) from result.exception
        assert result.exit_code in (0, 2, 3), (i, kind)
        assert "Traceback" not in result.output
        assert snapshot(out) == before
        if result.exit_code == 2:
            account.add(kind, "refused")
        else:
            # Only what was signed, or changes nothing that is read, is accepted.
            changed = {name for name, content in before.items() if whole.get(name) != content}
            assert changed <= {"manifest.json"} or kind.endswith("signed"), (i, kind)
            load(out)
            account.add(kind, "accepted, rightly")
        shutil.rmtree(out)
    return account


def test_damaged_results(finished: Path, tmp_path: Path) -> None:
    assert fuzz_results(1, 24, finished, tmp_path).outcomes.total() == 24


@pytest.mark.slow
def test_many_damaged_results(finished: Path, tmp_path: Path) -> None:
    print(fuzz_results(2, 300, finished, tmp_path))  # noqa: T201 - the figures that are reported
