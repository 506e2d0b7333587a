"""Damaged and odd audio files in the folder of create_mel_tho_dataset.py."""

import struct

import numpy as np
import pandas as pd
import pytest
import soundfile
from tau_data import clip_name, write_noise, write_tau

from exp_train_model.create_mel_tho_dataset import main
from features.files import SPLITS, split_path
from features.reading import Features

RATE = 44_100


def noise(duration_s, rate=RATE, channels=1):
    samples = np.random.default_rng(9).uniform(-0.5, 0.5, (round(duration_s * rate), channels))
    return samples if channels > 1 else samples[:, 0]


def wav(path, samples, rate=RATE, subtype="PCM_16", format="WAV"):
    soundfile.write(path, samples, rate, subtype=subtype, format=format)


def patched(path, offset, value):
    """A 2-s wav with another number in its header."""
    wav(path, noise(2))
    data = bytearray(path.read_bytes())
    data[offset : offset + len(value)] = value
    path.write_bytes(data)


def cut(path, size):
    wav(path, noise(2))
    path.write_bytes(path.read_bytes()[:size])


def with_sample(value):
    samples = noise(2)
    samples[70] = value
    return samples


# how a file is made, how many seconds are used, what the list of problems says
CASES = {
    "missing": (lambda p: p.unlink(), 0, "no such file"),
    "folder": (lambda p: (p.unlink(), p.mkdir()), 0, "is a folder"),
    "empty": (lambda p: p.write_bytes(b""), 0, "cannot be read as sound"),
    "text": (lambda p: p.write_text("not sound"), 0, "cannot be read as sound"),
    "random": (
        lambda p: p.write_bytes(np.random.default_rng(1).bytes(99_999)),
        0,
        "cannot be read as sound",
    ),
    "cut header": (lambda p: cut(p, 30), 0, "cannot be read as sound"),
    "no samples": (lambda p: cut(p, 44), 0, "holds no samples"),
    "cut data": (lambda p: cut(p, 44 + 2 * RATE), 1, "lasts 1.000 s, not 10 s: 1 used"),
    "rate 0": (lambda p: patched(p, 24, struct.pack("<I", 0)), 0, "cannot be read as sound"),
    "no channel": (lambda p: patched(p, 22, struct.pack("<H", 0)), 0, "cannot be read as sound"),
    "too long in header": (
        lambda p: patched(p, 40, struct.pack("<I", 2**31)),
        2,
        "lasts 2.000 s, not 10 s: 2 used",
    ),
    "nan": (lambda p: wav(p, with_sample(np.nan), subtype="FLOAT"), 0, "first is sample 70"),
    "infinite": (lambda p: wav(p, with_sample(np.inf), subtype="FLOAT"), 0, "NaN or infinite"),
    "silent": (lambda p: wav(p, np.zeros(RATE)), 0, "is silent: all its samples are 0"),
    "constant": (lambda p: wav(p, np.full(RATE, 0.5)), 0, "is silent: all its samples are 0.5"),
    "too short": (lambda p: wav(p, noise(0.49)), 0, "lasts 0.490 s: too short"),
    "too long": (lambda p: wav(p, noise(60.5, 8000), 8000), 0, "lasts longer than 60 s"),
    "part of a second": (
        lambda p: wav(p, noise(0.6)),
        1,
        "lasts 0.600 s, not 10 s: 1 used, the last one completed with silence",
    ),
    "a little over": (lambda p: wav(p, noise(12.3)), 12, "lasts 12.300 s, not 10 s: 12 used"),
    "low rate": (
        lambda p: wav(p, noise(10, 8000), 8000),
        10,
        "sampled at 8000 Hz: silent above half of that",
    ),
    "stereo": (lambda p: wav(p, noise(10, 48_000, 2), 48_000), 10, None),
    "six channels": (lambda p: wav(p, noise(10, 32_000, 6), 32_000), 10, None),
    "high rate": (lambda p: wav(p, noise(10, 192_000), 192_000, "DOUBLE"), 10, None),
    "8 bits": (lambda p: wav(p, noise(10), subtype="PCM_U8"), 10, None),
    "very soft": (lambda p: wav(p, 1e-30 * noise(10), subtype="FLOAT"), 10, None),
    "flac as wav": (lambda p: wav(p, noise(10), format="FLAC"), 10, None),
    "ogg as wav": (lambda p: wav(p, noise(10), subtype="VORBIS", format="OGG"), 10, None),
}


@pytest.fixture
def run(tmp_path):
    def run(*options):
        where = ["--audio_dataset_path", tmp_path, "--output_path", tmp_path]
        return main([str(option) for option in (*where, *options)])

    return run


def test_odd_files_are_used_or_left_out_by_rule(run, tmp_path, capsys):
    n_good = 5
    root = write_tau(tmp_path, n_good + len(CASES), duration_s=10)
    names = {case: clip_name(n_good + i) for i, case in enumerate(CASES)}
    for case, (make, _, _) in CASES.items():
        make(root / names[case])
    assert run("--workers", 2) == 0

    problems = pd.read_csv(tmp_path / "full" / "full_problems.csv").set_index("filename")
    used_seconds = {}
    for split in SPLITS:
        features = Features(split_path(tmp_path, "full", split), "PANN")
        counts = np.bincount(features.file_index, minlength=len(features.file_names))
        used_seconds |= dict(zip(features.file_names, counts, strict=True))
        held = features.hold()
        assert held.levels.isfinite().all() and held.mels.isfinite().all()
    for case, (_, seconds, reason) in CASES.items():
        assert used_seconds.get(names[case], 0) == seconds, case
        if reason is None:
            assert names[case] not in problems.index, case
        else:
            assert reason in problems.reason[names[case]], case
            assert problems.skipped[names[case]] == (seconds == 0), case
    for i in range(n_good):
        assert used_seconds[clip_name(i)] == 10 and clip_name(i) not in problems.index
    output = capsys.readouterr().out
    n_skipped = sum(seconds == 0 for _, seconds, _ in CASES.values())
    assert f"{n_skipped} clips left out" in output and "full_problems.csv" in output


def test_strict_names_what_cannot_be_used(run, tmp_path, capsys):
    root = write_tau(tmp_path, 12)
    good = (root / clip_name(3)).read_bytes()
    (root / clip_name(3)).write_bytes(b"RIFF")
    assert run("--strict") == 1
    message = capsys.readouterr().err
    assert "1 clips cannot be used" in message and clip_name(3) in message
    assert not list((tmp_path / "full").glob("*.h5"))
    (root / clip_name(3)).write_bytes(good)  # mended: tried again
    assert run("--strict") == 0


def test_strict_on_a_data_set_made_without_some(run, tmp_path, capsys):
    root = write_tau(tmp_path, 12)
    (root / clip_name(3)).unlink()
    assert run() == 0
    assert run("--strict") == 1
    assert "made without them; mend them and use --overwrite" in capsys.readouterr().err
    write_noise(root / clip_name(3), 3)
    assert run("--strict", "--overwrite") == 0


def test_split_without_any_usable_clip(run, tmp_path, capsys):
    root = write_tau(tmp_path, 12)
    for path in (root / "audio").iterdir():
        path.write_bytes(b"")
    assert run() == 1
    assert "full_train.h5: none of the 9 clips of this split is usable" in capsys.readouterr().err
