"""Bounded readers: what is refused, that it is told, and that memory stays bounded."""

from __future__ import annotations

import json
import os
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from bayescod.errors import DataError
from bayescod.scores.importers import archives, decoding, reading
from bayescod.scores.importers.archives import zip_member_json, zip_member_parts
from bayescod.scores.importers.reading import (
    log_files,
    read_json,
    read_lines,
    read_parquet,
    read_parts,
)

if sys.version_info >= (3, 14):
    import zipfile
else:
    from backports.zstd import zipfile

BROKEN = {
    "nothing": b"",
    "cut": b'{"a": [1, 2',
    "two documents": b'{"a": 1} {"b": 2}',
    "key twice": b'{"a": 1, "b": {"c": 1, "c": 2}}',
    "not finite": b'{"a": NaN}',
    "infinite": b'{"a": -Infinity}',
    "beyond doubles": b'{"a": 1e999}',
    "too many digits": b'{"a": ' + b"9" * 5000 + b"}",
    "too deep": b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "not UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
}
Reader = Callable[[Path], object]


def put(folder: Path, content: bytes, name: str = "a.json") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def all_lines(path: Path) -> object:
    return list(read_lines(path))


def all_parts(path: Path) -> object:
    return list(read_parts(path, "a"))


@pytest.mark.parametrize("read", [read_json, all_parts], ids=["whole", "parts"])
@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_broken_json_is_told(read: Reader, content: bytes, tmp_path: Path) -> None:
    path = put(tmp_path, content)
    with pytest.raises(DataError) as caught:
        read(path)
    (problem,) = caught.value.problems
    assert (problem.code, problem.file) == ("not-json", str(path))
    assert problem.got
    assert str(problem).isprintable()


@pytest.mark.parametrize("content", [*BROKEN.values(), b"[1]", b"3"], ids=[*BROKEN, "list", "3"])
def test_broken_line_is_told_with_its_number(content: bytes, tmp_path: Path) -> None:
    good = b'{"a": 1}\n\n'
    path = put(tmp_path, good + content.replace(b"\n", b"") + b"\n" + good)
    if not content:
        assert all_lines(path) == [(1, {"a": 1}), (4, {"a": 1})]
        return
    found = []
    with pytest.raises(DataError) as caught:
        found.extend(read_lines(path))
    assert [number for number, _ in found] == [1, 4]
    assert [problem.row for problem in caught.value.problems] == [3]


def test_problems_of_many_lines_are_counted(tmp_path: Path) -> None:
    path = put(tmp_path, b"{\n" * 50)
    with pytest.raises(DataError) as caught:
        all_lines(path)
    assert len(caught.value.problems) == 6
    assert "and 45 more" in str(caught.value)


@pytest.mark.parametrize("content", [b'{"a": [], "b": 2}', b'\xef\xbb\xbf{"a": [], "b": 2}'])
def test_sound_json_is_read(content: bytes, tmp_path: Path) -> None:
    path = put(tmp_path, content)
    assert read_json(path) == {"a": [], "b": 2}
    assert all_parts(path) == [("b", 2)]
    assert all_lines(path) == [(1, {"a": [], "b": 2})]


def test_nan_is_read_where_a_tool_writes_it(tmp_path: Path) -> None:
    path = put(tmp_path, b'{"a": NaN}')
    assert str(read_json(path, nan=True)) == "{'a': nan}"
    assert str(list(read_lines(path, nan=True))) == "[(1, {'a': nan})]"


def test_elements_come_singly(tmp_path: Path) -> None:
    content = {"x": 1, "a": [1, {"b": 2}, "]"], "y": [3]}
    path = put(tmp_path, json.dumps(content, indent=2).encode())
    whole = [("x", 1), ("a", 1), ("a", {"b": 2}), ("a", "]"), ("y", [3])]
    assert list(read_parts(path, "a")) == whole
    assert list(read_parts(path, "")) == list(content.items())
    path = put(tmp_path, b'{"a": {"p": 1, "q": [2]}}')
    assert list(read_parts(path, "a")) == [("a", ("p", 1)), ("a", ("q", [2]))]
    path = put(tmp_path, b'[1, 12, "z"]')
    assert list(read_parts(path)) == [("", 1), ("", 12), ("", "z")]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_elements_survive_any_cut_of_the_text(
    chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_CHUNK", chunk)
    content = {"n": 12345, "a": [1.5e3, -20, True, None, 'é"\\u00e9', {"k": [[]]}, 77], "z": 10}
    path = put(tmp_path, json.dumps(content, ensure_ascii=False).encode())
    found = list(read_parts(path, "a"))
    assert [value for key, value in found if key == "a"] == content["a"]
    assert dict(one for one in found if one[0] != "a") == {"n": 12345, "z": 10}


def test_a_large_list_needs_little_memory(tmp_path: Path) -> None:
    path = put(tmp_path, b"[" + b",".join([b'{"a": "' + b"x" * 1000 + b'"}'] * 30_000) + b"]")
    tracemalloc.start()
    assert sum(1 for _ in read_parts(path)) == 30_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 30e6
    assert peak < 12e6


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, b'{"a": [' + b" " * 5000 + b"1]}")
    with pytest.raises(DataError, match="more than 4,000 bytes"):
        read_json(path, max_bytes=4000)
    monkeypatch.setattr(reading, "MAX_ELEMENT_CHARACTERS", 4000)
    with pytest.raises(DataError, match="a line has more than 4,000 bytes"):
        all_lines(path)
    monkeypatch.setattr(decoding, "MAX_ELEMENT_CHARACTERS", 4000)
    monkeypatch.setattr(decoding, "_CHUNK", 1000)
    assert all_parts(path) == [("a", 1)]  # blanks are no part of an element
    with pytest.raises(DataError, match="more than 4,000 characters"):
        list(read_parts(path, ""))
    monkeypatch.setattr(decoding, "MAX_JSON_VALUES", 10)
    with pytest.raises(DataError, match="more than 10 values"):
        read_json(put(tmp_path, b"[" + b"[]," * 20 + b"[]]"))


def test_a_key_twice_among_many_is_found_at_once(tmp_path: Path) -> None:
    # Comparing every key with every other would take minutes.
    keys = ",".join(f'"{number}": 0' for number in range(300_000))
    with pytest.raises(DataError, match="'299999' occurs twice"):
        read_json(put(tmp_path, f'{{{keys}, "299999": 1}}'.encode()))


def test_missing_and_forbidden_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unreadable-file"):
        read_json(tmp_path / "no.json")
    with pytest.raises(DataError, match="unreadable-file"):
        read_json(tmp_path)


def make_zip(path: Path, members: dict[str, bytes], method: int = 93) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("method", [0, 8, 93])
def test_members_are_read(method: int, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"h.json": b'{"a": NaN}', "l.json": b"[1, 2]"}, method)
    assert str(zip_member_json(path, ["h.json", "no.json"], nan=True)) == "{'h.json': {'a': nan}}"
    assert list(zip_member_parts(path, "l.json")) == [("", 1), ("", 2)]
    assert list(zip_member_parts(path, "no.json")) == []


def refused_zip(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        zip_member_json(path, ["h.json"])
    (problem,) = caught.value.problems
    assert (problem.code, problem.file) == ("bad-zip", str(path))
    return problem.got


@pytest.mark.parametrize("name", ["../h.json", "/etc/passwd", "a/../../b", "C:\\b", "..\\b"])
def test_members_outside_are_refused(name: str, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"h.json": b"1", name: b"1"})
    assert "outside the zip" in refused_zip(path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.zip"]


@pytest.mark.parametrize("method", [8, 93])
def test_a_bomb_is_refused_unread(method: int, tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"h.json": b" " * 50_000_000 + b"1"}, method)
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    assert "times its compressed size" in refused_zip(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2e6


def test_a_bomb_that_lies_about_its_size_is_cut(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"h.json": b" " * 50_000_000 + b"1"}, 8)
    content = path.read_bytes().replace(struct.pack("<L", 50_000_001), struct.pack("<L", 1000))
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(DataError):
        zip_member_json(path, ["h.json"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6


def test_too_many_members_are_refused_before_they_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_zip(tmp_path / "a.zip", {f"{number}.json": b"1" for number in range(1000)})
    monkeypatch.setattr(archives, "MAX_DIRECTORY_BYTES", 10_000)
    assert "its list of members takes" in refused_zip(path)


def test_damaged_zips_are_told(tmp_path: Path) -> None:
    sound = make_zip(tmp_path / "a.zip", {"h.json": b'{"a": 1}', "g.json": b"2"}).read_bytes()
    path = tmp_path / "b.zip"
    told = 0
    for cut in range(len(sound)):
        for content in (sound[:cut], sound[:cut] + b"\xa5" + sound[cut + 1 :]):
            path.write_bytes(content)
            with suppress(DataError):
                zip_member_json(path, ["h.json"])
                continue
            told += 1
    assert told > len(sound)


@pytest.mark.parametrize(
    ("offset", "value", "what"),
    [(8, 1, "encrypted"), (10, 14, "method 14"), (6, 99, "version")],
    ids=["encrypted", "method", "version"],
)
def test_members_from_elsewhere_are_told(
    offset: int, value: int, what: str, tmp_path: Path
) -> None:
    path = make_zip(tmp_path / "a.zip", {"h.json": b"1"}, 8)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + offset] = value
    path.write_bytes(content)
    assert what in refused_zip(path)


def test_a_member_with_a_wrong_checksum_is_told(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "a.zip", {"h.json": b'"abc"'}, 0)
    content = path.read_bytes().replace(b'"abc"', b'"abd"')
    path.write_bytes(content)
    assert zlib.crc32(b'"abc"') != zlib.crc32(b'"abd"')
    assert "CRC" in refused_zip(path)


def test_logs_are_found_in_folders(tmp_path: Path) -> None:
    inside, outside = tmp_path / "logs", tmp_path / "other"
    (inside / "deep").mkdir(parents=True)
    outside.mkdir()
    for path in (inside / "a.json", inside / "deep" / "b.json", outside / "c.json"):
        path.write_text("1", encoding="utf-8")
    (inside / "notes.txt").write_text("1", encoding="utf-8")
    (inside / "to-file.json").symlink_to(outside / "c.json")
    (inside / "to-folder").symlink_to(outside)
    (inside / "own.json").symlink_to(inside / "a.json")
    (inside / "broken.json").symlink_to(inside / "nowhere")
    os.mkfifo(inside / "pipe.json")
    found = log_files([inside, inside / "a.json"], ["*.json"], "log")
    assert found == [inside / "a.json", inside / "deep" / "b.json", inside / "own.json"]


def test_paths_without_logs_are_all_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("1", encoding="utf-8")
    (tmp_path / "log.json").write_text("1", encoding="utf-8")
    given = [tmp_path / name for name in ("empty", "a.txt", "lag.json")]
    with pytest.raises(DataError) as caught:
        log_files(given, ["*.json"], "log")
    problems = caught.value.problems
    assert [one.code for one in problems] == ["no-logs", "other-file", "missing-file"]
    assert "did you mean log.json?" in problems[-1].fix


def test_too_many_files_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        (tmp_path / f"{number}.json").write_text("1", encoding="utf-8")
    monkeypatch.setattr(reading, "MAX_FILES", 10)
    with pytest.raises(DataError, match="too many logs"):
        log_files([tmp_path], ["*.json"], "log")
    monkeypatch.setattr(reading, "MAX_ENTRIES", 10)
    with pytest.raises(DataError, match="more than 10 files"):
        log_files([tmp_path], ["*.json"], "log")


def test_a_folder_that_cannot_be_searched_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.json").write_text("1", encoding="utf-8")
    (tmp_path / "closed").mkdir()
    scan = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(DataError, match=r"closed.*Permission denied"):
        log_files([tmp_path], ["*.json"], "log")


def test_parquet_columns_are_read(tmp_path: Path) -> None:
    path = tmp_path / "it's [a].parquet"
    with duckdb.connect() as connection:
        source = "SELECT {'x': range} AS doc, range AS n, 'p' AS \"a;b\" FROM range(3)"
        connection.sql(source).write_parquet(str(path))
    rows = list(read_parquet(path, ["a;b", "doc"]))
    assert rows == [{"a;b": "p", "doc": {"x": number}} for number in range(3)]
    with pytest.raises(DataError, match=r"no column m.*doc, n"):
        list(read_parquet(path, ["n", "m"]))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match="unreadable-file"):
        list(read_parquet(path, ["n"]))
