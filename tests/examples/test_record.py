"""The script behind the README's record, run with methods that need no sampling."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGIN, END = "<!-- record: made by examples/record.py -->", "<!-- end of the record -->"


def run(folder, *options):
    return subprocess.run(
        [
            sys.executable,
            ROOT / "examples" / "record.py",
            *("--out", folder / "out", "--benchmark", "python-2"),
            *("--method", "least-squares", "--method", "last-value"),
            *options,
        ],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.examples
def test_record_fills_the_readme_between_its_marks_and_draws(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    found = run(tmp_path, "--readme", readme, "--figures", tmp_path / "figures")
    assert found.returncode == 0, found.stderr
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    # Three held-out models of one benchmark, each at its own distance.
    assert re.search(r"90 % ranges held \d of 3 truths", text)
    assert len(re.findall(r"\| least-squares \| \d of 1 ", text)) == 3
    drawn = {path.name for path in (tmp_path / "figures").iterdir()}
    assert drawn == {f"record-{n}.png" for n in ("truth", "coverage", "pit", "ratio")}
    assert (tmp_path / "out" / "backtest.csv").is_file()


@pytest.mark.examples
def test_a_file_without_the_marks_is_left_alone(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("nothing to fill\n", encoding="utf-8")
    found = run(tmp_path, "--readme", readme)
    assert found.returncode != 0
    assert "has no marks" in found.stderr
    assert readme.read_text(encoding="utf-8") == "nothing to fill\n"


def test_the_readme_has_the_marks():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.count(BEGIN + "\n") == text.count(END + "\n") == 1
