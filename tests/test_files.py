from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayescod.files import file_stem, replacing, slug, write_text


@given(st.text())
def test_slug_is_always_a_safe_file_name(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", slug(name))


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "con", "\ud800", "", "..", "a" * 500])
def test_stem_of_hostile_names(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,40}-[0-9a-f]{8}", file_stem(name))


def test_stems_tell_names_of_one_slug_apart() -> None:
    names = ["MMLU", "mmlu", "mmlu!", "数学", "物理"]
    assert len({file_stem(name) for name in names}) == len(names)


def test_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def die_half_way() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        die_half_way()
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_file_is_in_the_same_folder(tmp_path: Path) -> None:
    with replacing(tmp_path / "new" / "a.txt") as temporary:
        assert temporary.parent == tmp_path / "new"
        assert not (tmp_path / "new" / "a.txt").exists()
        temporary.write_bytes(b"x")
    assert (tmp_path / "new" / "a.txt").read_bytes() == b"x"


def test_text_has_the_same_bytes_everywhere(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "ä\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa4\n"
