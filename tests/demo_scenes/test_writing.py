"""Writing the embedded data: what is kept, replaced, refused; the two scripts."""

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from demo_scenes import figure, layouts, sonyc_ust, tau, urbansound8k
from demo_scenes.clips import clip_wave
from transcoder.errors import UsageError, UserError
from transcoder.files import PROJECT_ROOT
from transcoder.names import DEMO_MARK, TAU_FOLDER


def digest(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*.*")
        if p.is_file()
    }


def test_float_clips_carry_no_time_of_day(tmp_path):
    clip = next(c for c in urbansound8k.plan(1.0, 0).clips if c.subtype == "FLOAT")
    layouts.render_clips([(clip, tmp_path)], workers=1)
    assert b"PEAK" not in (tmp_path / clip.path).read_bytes()[:200]
    wave, _ = soundfile.read(tmp_path / clip.path, always_2d=True)
    assert np.array_equal(wave, clip_wave(clip).astype(np.float32))


def test_another_seed_sounds_different():
    first, second = (tau.plan(1.0, seed).clips[4] for seed in (0, 1))
    assert first.path == second.path
    assert not np.array_equal(clip_wave(first), clip_wave(second))


@pytest.fixture
def tiny_plans(monkeypatch):
    """Keep two short clips of each layout, so that a whole write takes a second."""
    real = layouts.plan_all

    def plan_all(size, seed):
        return tuple(
            replace(
                layout,
                clips=tuple(replace(c, duration_s=0.2, rendered_s=0.2) for c in layout.clips[:2]),
            )
            for layout in real(size, seed)
        )

    monkeypatch.setattr(layouts, "plan_all", plan_all)


def test_a_second_run_keeps_what_is_there_and_replaces_what_is_missing(tiny_plans, tmp_path):
    layouts.write_all(tmp_path, workers=1)
    before = digest(tmp_path)
    clips = sorted(tmp_path.rglob("*.wav"))
    times = {p: p.stat().st_mtime_ns for p in clips}
    clips[0].unlink()
    layouts.write_all(tmp_path, workers=1)
    assert digest(tmp_path) == before
    assert [p for p in clips if p.stat().st_mtime_ns != times[p]] == clips[:1]


def test_other_settings_replace_the_clips(tiny_plans, tmp_path):
    layouts.write_all(tmp_path, workers=1)
    before = digest(tmp_path)
    layouts.write_all(tmp_path, seed=1, workers=1)
    changed = digest(tmp_path)
    layouts.write_all(tmp_path, seed=0, workers=1)
    assert digest(tmp_path) == before
    wavs = {name for name in before if name.endswith(".wav")}
    assert all(changed.get(name) != before[name] for name in wavs)
    assert len([name for name in changed if name.endswith(".wav")]) == len(wavs)


def test_leftovers_of_a_killed_run_are_removed(tiny_plans, tmp_path):
    layouts.write_all(tmp_path, workers=1)
    leftover = tmp_path / "DEMO" / TAU_FOLDER / "audio" / ".airport.abc123.wav"
    leftover.write_bytes(b"half a file")
    layouts.write_all(tmp_path, workers=1)
    assert not leftover.exists()


def test_labels_appear_only_when_all_sounds_are_there(tiny_plans, tmp_path, monkeypatch):
    def fail(jobs, workers):
        raise KeyboardInterrupt

    monkeypatch.setattr(layouts, "render_clips", fail)
    with pytest.raises(KeyboardInterrupt):
        layouts.write_all(tmp_path, workers=1)
    assert not list(tmp_path.rglob("*.csv"))


def test_foreign_sounds_are_not_touched(tmp_path):
    path = tmp_path / "DEMO" / sonyc_ust.FOLDER / "audio" / "mine.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"precious")
    with pytest.raises(UserError, match="move the folder away"):
        layouts.write_all(tmp_path, workers=1)
    assert path.read_bytes() == b"precious"
    assert not (path.parents[1] / DEMO_MARK).exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size 0"),
        ({"size": -1}, "size -1"),
        ({"size": float("nan")}, "size nan"),
        ({"seed": -1}, "seed -1"),
        ({"workers": 0}, "0 workers"),
    ],
)
def test_impossible_options(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        layouts.write_all(tmp_path, **options)
    assert not (tmp_path / "DEMO").exists()


def test_figure_is_drawn(tmp_path, monkeypatch):
    real = tau.plan(0.1, 0)
    short = replace(real, clips=tuple(replace(clip, duration_s=1.0) for clip in real.clips))
    monkeypatch.setattr(tau, "plan", lambda size, seed: short)
    output = tmp_path / "scenes.png"
    assert figure.main(["--output", str(output)]) == 0
    assert output.read_bytes().startswith(b"\x89PNG")
    assert output.stat().st_size > 50_000


def test_sample_is_what_its_script_makes(tmp_path, monkeypatch):
    audio = PROJECT_ROOT / "audio"
    monkeypatch.syspath_prepend(str(audio))
    import make_sample

    output = tmp_path / "street.wav"
    assert make_sample.main(["--output", str(output)]) == 0
    made, rate = soundfile.read(output)
    kept, kept_rate = soundfile.read(audio / "street_scene.wav")
    assert (rate, kept_rate) == (32_000, 32_000)
    # other FFT libraries round differently: one 16-bit step is allowed
    assert made == pytest.approx(kept, abs=1.5 / 2**15)
    assert (audio / "street_scene.wav").stat().st_size < 1_000_000
    sys.modules.pop("make_sample")
