"""Streams go on: files that are cut, replaced or damaged while they are watched, and slow pipes."""

import io
import json
import os

import numpy as np
import pytest
from archive_data import answers, levels

from archives.levels import LevelScale
from archives.live import classify_lines
from archives.options import ReadOptions
from archives.selection import all_classes
from archives.text_lines import followed, lines_of
from transcoder.errors import MissingFileError


class Over(Exception):
    """The stream has nothing more to say."""


def watched(path, *events) -> list[str]:
    """The lines that following ``path`` gives, while ``events`` happen one after the other."""
    waiting = list(events)

    def wait(seconds) -> None:
        if not waiting:
            raise Over
        waiting.pop(0)()

    lines = []
    with pytest.raises(Over):
        lines.extend(followed_until_over(path, wait, lines))
    return lines


def followed_until_over(path, wait, lines):
    for line in followed(path, wait):
        lines.append(line)
    return []


def add(path, data: bytes):
    def write() -> None:
        with path.open("ab") as file:
            file.write(data)

    return write


def test_pieces_become_lines(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfone\ntw")
    events = [
        add(path, b"o\n"),
        add(path, "thré".encode()[:-1]),
        add(path, "é".encode()[1:] + b"\n"),
    ]
    assert watched(path, *events) == ["one\n", "two\n", "thré\n"]


def test_invalid_byte_spoils_its_line_alone(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"1,2\n1,\xff\n3,4\n")
    assert watched(path) == ["1,2\n", "1,\ufffd\n", "3,4\n"]


def test_cut_file_is_read_from_its_start(tmp_path, caplog):
    path = tmp_path / "a.csv"
    path.write_bytes(b"one\ntwo\nhal")
    lines = watched(path, lambda: path.write_bytes(b""), add(path, b"new\n"))
    assert lines == ["one\n", "two\n", "new\n"]
    assert caplog.text.count("was cut") == 1


def test_rotated_file_is_read_to_its_end_and_then_the_new_one(tmp_path, caplog):
    path = tmp_path / "a.csv"
    path.write_bytes(b"one\n")

    def rotate() -> None:
        path.rename(tmp_path / "a.csv.1")
        add(tmp_path / "a.csv.1", b"two\n")()

    lines = watched(path, rotate, add(path, b"three\n"), add(path, b"four\n"))
    assert lines == ["one\n", "two\n", "three\n", "four\n"]
    assert caplog.text.count("another file took its place") == 1


def test_line_without_end_is_reported_once(caplog):
    class Endless(io.RawIOBase):
        n_bytes = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer) -> int:
            self.n_bytes += len(buffer)
            buffer[:] = b"1" * len(buffer)
            if self.n_bytes > 300_000_000:
                return 0
            return len(buffer)

    stream = io.BufferedReader(Endless(), 1 << 20)
    assert list(lines_of(stream)) == []
    assert caplog.text.count("longer than") == 1
    assert list(lines_of(io.BytesIO(b"a\nb"))) == ["a\n", "b"]


def test_pipe_is_not_watched(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MissingFileError, match="is a pipe"):
        next(followed(tmp_path / "pipe"))


def test_damaged_lines_are_reported_and_the_rest_is_classified(caplog):
    array = levels(48)
    rows = [",".join(f"{value:.2f}" for value in row) for row in array]
    bad = [rows[8][:40], rows[9].replace(".", "\ufffd", 1), '"' + rows[10], "", "a\rb," + rows[11]]
    lines = [f"{row}\n" for row in (*rows[:16], *bad, *rows[16:])]
    found = classify_lines(
        lines, answers(), all_classes("YamNet"), LevelScale(), ReadOptions(), unit_s=1
    )
    times = [json.loads(line)["time"] for line in found]
    assert len(times) == 6
    assert np.all(np.diff(times) == 1)
    assert caplog.text.count("passed over") == 4
