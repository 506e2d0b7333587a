"""Where the clips of each data set end, and how long UrbanSound8K's are."""

import csv
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile

from sources import urbansound8k
from sources.layouts import LAYOUTS


def placed(source: str, names: list[str]) -> list[str | None]:
    targets = [LAYOUTS[source].place(PurePosixPath(name)) for name in names]
    return [target and str(target) for target in targets]


def test_layout_of_tau():
    top = "TAU-urban-acoustic-scenes-2020-mobile-development"
    inside = ["audio/park-lyon-1-2-a.wav", "evaluation_setup/fold1_train.csv", "meta.csv"]
    assert placed("TAU", [f"{top}/{name}" for name in inside]) == inside
    assert placed("TAU", inside) == inside
    assert placed("TAU", [f"{top}/.DS_Store"]) == [None]


def test_layout_of_urbansound8k():
    names = {
        "UrbanSound8K/audio/fold1/101415-3-0-2.wav": "audio/101415-3-0-2.wav",
        "UrbanSound8K/audio/fold1/._101415-3-0-2.wav": None,
        "UrbanSound8K/audio/.DS_Store": None,
        "UrbanSound8K/metadata/UrbanSound8K.csv": "metadata/UrbanSound8K.csv",
        "UrbanSound8K/UrbanSound8K_README.txt": "UrbanSound8K_README.txt",
        "./UrbanSound8K/FREESOUNDCREDITS.txt": "FREESOUNDCREDITS.txt",
    }
    assert placed("URBAN-SOUND-8K", list(names)) == list(names.values())


def test_layout_of_sonyc_ust():
    names = {
        "audio-3/00_000066.wav": "audio/00_000066.wav",
        "audio/01_000006.wav": "audio/01_000006.wav",
        "02_000006.wav": "audio/02_000006.wav",
        "audio-3/._00_000066.wav": None,
        "audio-3/README": None,
    }
    assert placed("SONYC-UST", list(names)) == list(names.values())


def test_folder_unpacked_by_hand_is_complete_when_every_clip_is_there(tmp_path):
    layout = LAYOUTS["SONYC-UST"]
    assert not layout.is_complete(tmp_path)
    (tmp_path / "annotations.csv").write_text("split,audio_filename\ntrain,a.wav\ntest,b.wav\n")
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "a.wav").touch()
    assert not layout.is_complete(tmp_path)
    (tmp_path / "audio" / "b.wav").touch()
    assert layout.is_complete(tmp_path)


def write_urbansound8k(folder: Path) -> dict[str, float | None]:
    """Clips with odd headers; the durations that should be found."""
    rng = np.random.default_rng(0)
    (folder / "audio").mkdir(parents=True)
    (folder / "metadata").mkdir()
    plain = {"a.wav": (44100, 2, "PCM_16", 4.0), "b.wav": (8000, 1, "PCM_U8", 0.25)}
    plain |= {"c.wav": (96000, 2, "PCM_24", 0.5), "d.wav": (11025, 1, "FLOAT", 1.0)}
    for name, (rate, channels, subtype, duration_s) in plain.items():
        samples = 0.1 * rng.standard_normal((round(rate * duration_s), channels))
        soundfile.write(folder / "audio" / name, samples, rate, subtype)
    expected = {name: row[3] for name, row in plain.items()}

    whole = (folder / "audio" / "a.wav").read_bytes()
    # the header still promises 4 s
    (folder / "audio" / "cut.wav").write_bytes(whole[: 44 + 44100 * 4])
    expected["cut.wav"] = 1.0
    mp3 = folder / "cut.mp3"
    soundfile.write(mp3, 0.1 * rng.standard_normal(88200), 44100, format="MP3")
    (folder / "audio" / "coded.wav").write_bytes(mp3.read_bytes()[: mp3.stat().st_size // 2])
    mp3.unlink()
    assert soundfile.info(folder / "audio" / "coded.wav").frames == 88200
    with soundfile.SoundFile(folder / "audio" / "coded.wav") as file:
        expected["coded.wav"] = len(file.read()) / 44100
    assert expected["coded.wav"] < 1.1
    (folder / "audio" / "noise.wav").write_bytes(b"no audio at all")
    expected |= {"noise.wav": None, "missing.wav": None}

    with (folder / urbansound8k.ORIGINAL_TABLE).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["slice_file_name", "start", "end", "fold", "class"])
        writer.writerows([name, 0.0, 4.0, 1, "dog, barking"] for name in expected)
    return expected


def test_recalculated_durations_are_those_of_the_files(tmp_path, caplog):
    expected = write_urbansound8k(tmp_path)
    urbansound8k.write_recalculated(tmp_path)
    with (tmp_path / urbansound8k.RECALCULATED_TABLE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["slice_file_name", "start", "end", "fold", "class", "duration"]
    assert {row["class"] for row in rows} == {"dog, barking"}
    found = {
        row["slice_file_name"]: float(row["duration"]) if row["duration"] else None for row in rows
    }
    assert found == pytest.approx(expected, abs=1e-6)
    assert "noise.wav, missing.wav" in caplog.text


def test_recalculated_table_is_kept(tmp_path):
    write_urbansound8k(tmp_path)
    table = tmp_path / urbansound8k.RECALCULATED_TABLE
    table.write_text("made by another program")
    urbansound8k.write_recalculated(tmp_path)
    assert table.read_text() == "made by another program"
