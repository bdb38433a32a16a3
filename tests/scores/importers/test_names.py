"""Names of models: the spellings of tools, aliases, what is ambiguous and what is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayescod.errors import DataError
from bayescod.scores.importers.names import match, read_names

KNOWN: dict[str, tuple[str, ...]] = {
    "org/Toy-1B": (),
    "toy-7B": ("the big one", "T7"),
    "other/llama_2-7b": (),
}


@pytest.mark.parametrize(
    ("spelt", "model"),
    [
        ("org/Toy-1B", "org/Toy-1B"),
        ("org__Toy-1B", "org/Toy-1B"),
        ("org--Toy-1B", "org/Toy-1B"),
        ("org_toy_1b", "org/Toy-1B"),
        ("ORG/TOY-1B", "org/Toy-1B"),
        ("openai/org/Toy-1B", "org/Toy-1B"),
        ("hf/openai/org__Toy-1B", "org/Toy-1B"),
        ("Toy-1B", "org/Toy-1B"),
        ("toy_1b_hf", "org/Toy-1B"),
        ("org/Toy-1B-hf", "org/Toy-1B"),
        ("anyone/toy-7B", "toy-7B"),
        ("/data/runs/toy-7B", "toy-7B"),
        ("the big one", "toy-7B"),
        ("The-Big-One", "toy-7B"),
        ("provider/t7", "toy-7B"),
        ("llama-2-7b-hf", "other/llama_2-7b"),
    ],
)
def test_spellings_mean_their_model(spelt: str, model: str) -> None:
    assert match([spelt], KNOWN, "models.csv") == {spelt: model}


@pytest.mark.parametrize(
    "spelt", ["else/Toy-1B", "Toy-1", "Toy-1B-chat", "org", "1B", "org/Toy-1B@step1000", "", "/"]
)
def test_other_names_mean_nothing(spelt: str) -> None:
    with pytest.raises(DataError) as caught:
        match([spelt], KNOWN, "models.csv")
    (problem,) = caught.value.problems
    assert (problem.code, problem.file) == ("unknown-model", "models.csv")
    assert "alias" in problem.fix


def test_near_names_are_told_and_all_problems_together() -> None:
    with pytest.raises(DataError) as caught:
        match(["org/Toy-1C", "x", "toy-7B"], KNOWN, "models.csv")
    assert [problem.got for problem in caught.value.problems] == ["org/Toy-1C", "x"]
    assert "did you mean org/Toy-1B?" in caught.value.problems[0].fix


def test_a_name_of_two_models_is_ambiguous_unless_it_is_exact() -> None:
    known: dict[str, tuple[str, ...]] = {"a/toy": (), "b/toy": (), "A/Toy": ("T",)}
    with pytest.raises(DataError, match=r"ambiguous-model.*wanted: A/Toy, a/toy, b/toy"):
        match(["toy"], known, "m.csv")
    with pytest.raises(DataError, match=r"wanted: A/Toy, a/toy;"):
        match(["a__toy"], known, "m.csv")
    exact = {"a/toy": "a/toy", "A/Toy": "A/Toy", "T": "A/Toy", "x/b/toy": "b/toy"}
    assert match(exact, known, "m.csv") == exact
    with pytest.raises(DataError, match="ambiguous-model"):
        match(["T"], {"a": ("T",), "b": ("T",)}, "m.csv")


def test_names_are_read_from_the_models_table(tmp_path: Path) -> None:
    path = tmp_path / "models.csv"
    path.write_text("model,aliases,compute_flops\na,b ; c;,1\n'=d,,2\n", encoding="utf-8")
    assert read_names(path) == {"a": ("b", "c"), "=d": ()}
    path.write_text("model,compute_flops\na,1\n", encoding="utf-8")
    assert read_names(path) == {"a": ()}


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("m.csv", "modell\na\n", "missing-column"),
        ("m.csv", "", "empty-file"),
        ("m.txt", "model\na\n", "unknown-format"),
        ("m.parquet", "PAR1", "unreadable-file"),
    ],
)
def test_unusable_tables_are_told(name: str, content: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=code):
        read_names(path)
    with pytest.raises(DataError, match="missing-file"):
        read_names(tmp_path / "nowhere.csv")
