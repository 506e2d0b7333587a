"""What takes constant memory takes it of the largest files too; what cannot, is refused in time.

Each program runs in a process with a bound: `resource.RLIMIT_AS`, above what it takes to start.
"""

import gzip
import struct
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile
from archive_data import BAND_NAMES
from attacks import AREAS, _classify_archive, _classify_sound, _quick
from sandbox import attack

from archives.arrays import open_npy
from archives.frames import BLOCK_FRAMES
from archives.hdf5 import open_hdf5
from archives.open_archive import open_archive
from archives.options import ReadOptions
from transcoder.checkpoints import read_settings

SMALL = 300_000_000
"""Bytes beside what Python and its libraries take: blocks of 10 minutes, some copies, HDF5's
chunks."""


def uses_at_most(n_bytes: int, run, *, most_cpu_s: int = 10) -> str:
    """What ``run`` prints, in a process that may take so much more than it has."""
    outcome = attack(run, most_bytes=n_bytes, most_cpu_s=most_cpu_s)
    assert outcome.kind in ("right", "refused"), outcome
    return outcome.text


def read_all(path: Path, **options):
    def run() -> int:
        archive = open_archive(path, ReadOptions(**options))
        n_frames = sum(len(block) for block in archive.blocks())
        print(n_frames, "frames")
        return 0

    return run


def refused(path: Path):
    """Running the program on ``path`` and a good file; the good one is classified."""
    (path.parent / "out").mkdir(exist_ok=True)
    return lambda: _classify_archive(path, path.parent / "out")


def peak_of(path: Path) -> int:
    """Bytes that Python and NumPy held at most while ``path`` was read."""
    tracemalloc.start()
    try:
        archive = open_archive(path, ReadOptions())
        assert sum(len(block) for block in archive.blocks()) == archive.n_frames
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def text_stamps(n_frames: int) -> np.ndarray:
    times = np.datetime64("2024-01-01") + np.arange(n_frames) * np.timedelta64(125, "ms")
    return np.datetime_as_string(times)


def write_hdf5(path: Path, n_frames: int) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("fast_125ms", data=np.full((n_frames, 29), -20, "f4"), chunks=True)
        file["time"] = text_stamps(n_frames).astype("S27")


def write_npz(path: Path, n_frames: int) -> None:
    np.savez(path, levels=np.full((n_frames, 29), -20, "f4"), time=text_stamps(n_frames))


@pytest.mark.parametrize("write, suffix", [(write_hdf5, ".h5"), (write_npz, ".npz")])
def test_memory_does_not_grow_with_the_length(tmp_path, write, suffix):
    """Stamps as text are larger than the levels: they are read as these are."""
    peaks = []
    for n_blocks in (2, 2, 10):  # the first loads modules
        path = tmp_path / f"a{suffix}"
        write(path, n_blocks * BLOCK_FRAMES)
        peaks.append(peak_of(path))
    assert peaks[2] < 1.2 * peaks[1]


def test_chunk_of_a_whole_file(tmp_path):
    """``(1, time, 29)`` is read piece by piece, and so is an array that is stored by columns."""
    array = np.lib.format.open_memmap(
        tmp_path / "a.npy", "w+", np.float32, (1, 3_000_000, 29), fortran_order=True
    )
    assert open_npy(tmp_path / "a.npy").n_frames == array.shape[1]
    assert "3000000 frames" in uses_at_most(SMALL + array.nbytes, read_all(tmp_path / "a.npy"))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("fast_125ms", (1, 2_000_000, 29), "f4", chunks=(1, 4096, 29))
        for start in range(0, 2_000_000, 4096 * 64):
            stop = min(start + 4096 * 64, 2_000_000)
            data[0, start:stop] = np.float32(-20)
    assert "2000000 frames" in uses_at_most(SMALL, read_all(tmp_path / "a.h5"))


def test_chunk_of_a_day_is_unpacked_once(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        shape = (691_200, 29)
        file.create_dataset("fast_125ms", data=np.full(shape, -20, "f4"), chunks=shape,
                            compression="gzip")  # fmt: skip
    opened = []
    real = h5py.File

    def noted(*args, **kwargs):
        opened.append(kwargs)
        return real(*args, **kwargs)

    monkeypatch.setattr(h5py, "File", noted)
    open_hdf5(tmp_path / "a.h5", ReadOptions())
    assert opened[-1]["rdcc_nbytes"] >= 691_200 * 29 * 4
    with real(tmp_path / "b.h5", "w") as file:
        file.create_dataset("fast_125ms", (3_000_000, 29), "f4", chunks=(3_000_000, 29))
    assert "h5repack" in uses_at_most(SMALL, refused(tmp_path / "b.h5"))


def bomb(path: Path, start: str, repeated: bytes, n_bytes: int) -> Path:
    with gzip.open(path, "wb", 1) as file:
        file.write(start.encode())
        for _ in range(n_bytes // len(repeated)):
            file.write(repeated)
    return path


HEADER = "time," + ",".join(BAND_NAMES) + "\n"


@pytest.mark.parametrize(
    "start, repeated",
    [
        ("", b"1" * 1_000_000),
        (HEADER, b"1," * 500_000),
        (HEADER + '2024-01-01,"', b"x\n" * 500_000),
        ("[", b"[" * 1_000_000),
    ],
    ids=["no line", "no end", "no quote", "no bracket"],
)
def test_gzip_bomb(tmp_path, start, repeated):
    suffix = ".json.gz" if start == "[" else ".csv.gz"
    path = bomb(tmp_path / f"a{suffix}", start, repeated, 400_000_000)
    said = uses_at_most(SMALL, refused(path))
    assert f"failed: {path}" in said
    assert "memory" not in said


@pytest.mark.slow
def test_cell_far_down_in_a_workbook(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["time", *BAND_NAMES])
    for second in range(16):
        book.active.append([second / 8, *[-20.0] * 29])
    book.active.cell(1_048_576, 2, -20.0)
    book.save(tmp_path / "a.xlsx")
    uses_at_most(2 * SMALL, refused(tmp_path / "a.xlsx"), most_cpu_s=100)


def test_workbook_of_texts(tmp_path):
    source = next(iter(AREAS["workbooks (.xlsx)"].write(tmp_path)))
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        with new.open("xl/media/texts.xml", "w") as file:
            for _ in range(60):
                file.write(b"<si><t>x</t></si>" * 60_000)
    assert "texts and styles" in uses_at_most(SMALL, refused(path))


def test_yaml_of_aliases(tmp_path):
    lines = ["a0: &a0 [x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 12)}]" for n in range(1, 12)
    ]
    (tmp_path / "m_settings.yaml").write_text("\n".join(lines))

    def run() -> int:
        from transcoder.errors import UserError

        try:
            read_settings(tmp_path / "m")
        except UserError as error:
            print(error)
        return 0

    assert "aliases" in uses_at_most(SMALL, run)


def wav(path: Path, rate: int, n_samples: int) -> Path:
    soundfile.write(path, np.zeros(n_samples, np.int16), 8000)
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, 24, rate)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("rate", [1, 999, 2**31 - 1])
def test_sampling_rates_that_cannot_be(tmp_path, rate):
    path = wav(tmp_path / "a.wav", rate, 400_000)
    said = uses_at_most(SMALL, lambda: _classify_sound(path, tmp_path / "out"))
    assert "sampling rate" in said


def test_flac_that_lies_about_its_length(tmp_path):
    wave = (0.1 * np.random.default_rng(0).standard_normal(32_000)).astype(np.float32)
    soundfile.write(tmp_path / "a.flac", wave, 16_000)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    for total, expected in ((0, ""), (2**36 - 1, "is damaged")):
        content[21] = content[21] & 0xF0 | total >> 32
        content[22:26] = (total & 0xFFFFFFFF).to_bytes(4, "big")
        (tmp_path / "b.flac").write_bytes(content)
        said = uses_at_most(
            2 * SMALL, lambda: _classify_sound(tmp_path / "b.flac", tmp_path / "out")
        )
        assert expected in said
        assert bool(list((tmp_path / "out").glob("*.csv"))) == (total == 0)
        for path in (tmp_path / "out").glob("*"):
            path.unlink()


@pytest.mark.slow
def test_three_hours_of_sound(tmp_path):
    rng = np.random.default_rng(0)
    minute = (3000 * rng.standard_normal(60 * 16_000)).astype(np.int16)
    with soundfile.SoundFile(tmp_path / "a.wav", "w", 16_000, 1) as file:
        for _ in range(180):
            file.write(minute)
    uses_at_most(
        2 * SMALL,
        lambda: _classify_sound(tmp_path / "a.wav", tmp_path / "out"),
        most_cpu_s=600,
    )
    assert len(list((tmp_path / "out").glob("*.csv"))) > 2


def test_sound_that_is_too_long_to_regenerate(tmp_path):
    import generate_audio

    soundfile.write(tmp_path / "a.wav", np.ones(601 * 8000, np.int16), 8000)
    with _quick():
        said = uses_at_most(
            SMALL, lambda: generate_audio.main([str(tmp_path / "a.wav"), "--device", "cpu"])
        )
    assert "give --duration 600 or less" in said
