"""Posteriors on disk: read back without loss, and nothing that is damaged or of another run."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from bayescod import versions
from bayescod.convergence import Diagnostics
from bayescod.errors import ResultError
from bayescod.forecasting.kept import Kept
from bayescod.sampling import Posterior

RUN = {"seed": "1", "data_digest": "abc"}
NAMES = ["a" * 64, "b" * 64]


def posterior(seed: int, rhat: float = 1.001) -> Posterior:
    rng = np.random.default_rng(seed)
    sites = {
        "b": rng.normal(size=(4, 50)),
        "log_a": rng.normal(size=(4, 50, 16))[..., ::2],
        "odd": np.array([[np.nan, np.inf, -0.0]]),
    }
    stats = {"diverging": rng.random((4, 50)) < 0.1, "n_steps": rng.integers(0, 255, (4, 50))}
    return Posterior(sites, stats, Diagnostics(rhat, 400.5, float("nan"), 3, 200, 1))


FOUND = ([posterior(1), posterior(2, rhat=float("nan"))], [(1.25, 0.1), (0.0, 1e-9)])


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    found = Kept(tmp_path / ".resume", RUN)
    found.keep(NAMES, FOUND)
    return found


def only_file(kept: Kept) -> Path:
    (path,) = kept.folder.glob("*.npz")
    return path


def test_what_is_kept_comes_back_to_the_bit(kept: Kept) -> None:
    again = Kept(kept.folder, RUN)
    assert again.n_posteriors == 2
    found = again.find(NAMES)
    assert found is not None
    assert found[1] == FOUND[1]
    for new, old in zip(found[0], FOUND[0], strict=True):
        assert repr(new.diagnostics) == repr(old.diagnostics)
        for group in ("sites", "stats"):
            mine, theirs = getattr(new, group), getattr(old, group)
            assert list(mine) == list(theirs)
            for name, values in theirs.items():
                assert mine[name].dtype == values.dtype
                assert mine[name].shape == values.shape
                assert mine[name].tobytes() == values.tobytes()
    assert again.damaged == []


@pytest.mark.parametrize("names", [NAMES[:1], NAMES[::-1], [*NAMES, "c" * 64], ["d" * 64]])
def test_another_batch_is_not_taken_for_it(kept: Kept, names: list[str]) -> None:
    assert kept.find(names) is None
    assert kept.n_posteriors == 2


def test_other_code_is_another_batch(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "__version__", "0.0.0")
    assert Kept(kept.folder, RUN).find(NAMES) is None


def damage(content: bytes, how: str) -> bytes:
    if how == "cut short":
        return content[: len(content) // 2]
    if how == "empty":
        return b""
    if how == "one bit":
        middle = len(content) // 2
        return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    return content + b"more"


@pytest.mark.parametrize("how", ["cut short", "empty", "one bit", "longer"])
def test_damage_is_seen_told_and_removed(kept: Kept, how: str) -> None:
    path = only_file(kept)
    path.write_bytes(damage(path.read_bytes(), how))
    assert kept.find(NAMES) is None
    assert kept.damaged == [path.name]
    assert not path.exists()


def planted(kept: Kept, content: bytes) -> str:
    """Put content under the batch's name with a digest that fits."""
    path = only_file(kept)
    name = f"{path.name[:32]}-2-{hashlib.sha256(content).hexdigest()[:32]}.npz"
    path.unlink()
    (kept.folder / name).write_bytes(content)
    return name


class Bomb:
    """Unpickled, it would write a file."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("exploded"),)


def archive(**arrays: object) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"not an archive",
        archive(),
        archive(x=np.zeros(3)),
        archive(**{"0/figures": np.zeros(5)}),
        archive(**{"0/figures": np.zeros(2), "0/counts": np.zeros(3)}),
        archive(**{"0/figures": np.zeros(5), "0/counts": np.zeros(3)}),
        archive(**{"0/sites/b": np.array([Bomb()], dtype=object)}),
        archive(**{"0/sites": np.zeros(3), "0/figures": np.zeros(5), "0/counts": np.zeros(3)}),
    ],
)
def test_planted_files_are_refused(
    kept: Kept, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = planted(kept, content)
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path)
        assert kept.find(NAMES) is None
    assert kept.damaged == [name]
    assert not (tmp_path / "exploded").exists()


def test_a_huge_shape_takes_no_memory(kept: Kept) -> None:
    stream = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**15,)}
    np.lib.format.write_array_header_1_0(stream, header)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as members:
        members.writestr("0/sites/b.npy", stream.getvalue())
    name = planted(kept, whole.getvalue())
    assert kept.find(NAMES) is None
    assert kept.damaged == [name]


def test_posteriors_of_another_run_are_refused(kept: Kept) -> None:
    with pytest.raises(ResultError, match="its seed is '1', this one's is '2'"):
        Kept(kept.folder, RUN | {"seed": "2"})


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00"])
def test_without_a_name_of_the_run_the_posteriors_still_tell(kept: Kept, text: str) -> None:
    (kept.folder / "run.json").write_text(text, encoding="utf-8")
    assert Kept(kept.folder, RUN).find(NAMES) is not None


def test_forgetting_leaves_what_is_not_ours(kept: Kept) -> None:
    partial = kept.folder / ".x.npz.partial"
    partial.write_bytes(b"half")
    mine = kept.folder / "notes.npz"
    mine.write_bytes(b"mine")
    kept.forget()
    assert list(kept.folder.iterdir()) == [mine]
    mine.unlink()
    kept.forget()
    assert not kept.folder.exists()
    kept.forget()


def test_nothing_is_made_before_there_is_something_to_keep(tmp_path: Path) -> None:
    kept = Kept(tmp_path / ".resume", RUN)
    assert kept.n_posteriors == 0
    assert kept.find(NAMES) is None
    assert not kept.folder.exists()


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_folder_that_leads_elsewhere_is_refused(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / ".resume"
    if kind == "link":
        (tmp_path / "elsewhere").mkdir()
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        folder.write_text("x", encoding="utf-8")
    with pytest.raises(ResultError, match="no folder of kept posteriors"):
        Kept(folder, RUN)


def test_the_run_is_named_in_plain_json(kept: Kept) -> None:
    assert json.loads((kept.folder / "run.json").read_text(encoding="utf-8")) == RUN
