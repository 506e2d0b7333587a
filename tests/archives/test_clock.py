"""The clock of an archive: steps other than 125 ms, coarse stamps, stamps that cannot be."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from archive_data import answers, levels, quick_classifier, table

import classify_third_octave
from archives.averaging import FrameAverager
from archives.clock import Step, step_of
from archives.frames import ArchiveError, Block
from archives.levels import LevelScale, archive_units
from archives.live import classify_lines
from archives.open_archive import ReadOptions, open_archive
from archives.selection import traffic_voice_birds
from archives.timeline import Timeline, Units

START_S = 1.7e9
FAST_STEPS_S = (0.02, 0.025, 0.05, 0.0625, 0.1, 0.1282)
SLOW_STEPS_S = (0.2, 0.5, 1.0)


def units_of(times, array, block=4800, **clock):
    timeline = Timeline(where="test", **clock)
    blocks = [
        Block(None if times is None else times[i : i + block], array[i : i + block])
        for i in range(0, len(array), block)
    ]
    return Units.join(list(timeline.units(blocks))), timeline.found


def levels_of(units):
    flat = units.levels_db.reshape(len(units), -1, 29)
    return np.concatenate([unit[:n] for unit, n in zip(flat, units.n_frames, strict=True)])


def power_at_125_ms(array, step_s):
    """Brute force: every frame in pieces of 0.1 ms."""
    pieces = np.repeat(10 ** (array.astype(float) / 10), round(step_s * 10_000), axis=0)
    n_out = len(pieces) // 1250
    return pieces[: n_out * 1250].reshape(n_out, 1250, 29).mean(axis=1)


@pytest.mark.parametrize("block", [17, 100, 4800])
@pytest.mark.parametrize("step_s", FAST_STEPS_S + SLOW_STEPS_S)
def test_power_is_averaged_over_the_time_shared(step_s, block):
    array = levels(1000)
    times = START_S + np.arange(1000) * step_s
    allow_slow = step_s in SLOW_STEPS_S
    units, found = units_of(times, array, max(block, 65), allow_slow=allow_slow)
    wanted = power_at_125_ms(array, step_s)
    got = levels_of(units)
    np.testing.assert_allclose(got[: len(wanted)], 10 * np.log10(wanted), atol=2e-5)
    assert len(got) - len(wanted) <= 1  # the last one, if it is half full
    np.testing.assert_allclose(units.times_s, START_S + np.arange(len(units)), atol=1e-3)
    assert f"levels every {step_s * 1000:g} ms were" in found.describe("utc")[0]
    assert found.segments == 1


@pytest.mark.parametrize("step_s", FAST_STEPS_S)
def test_no_energy_is_lost(step_s):
    """In double precision, with 100 dB between neighbours and blocks of any length."""
    rng = np.random.default_rng(0)
    n = 1250  # whole frames of 125 ms, whatever the step
    power = 10 ** rng.uniform(-5, 5, (n, 29))
    averager = FrameAverager(step_s)
    found = [
        averager._add_power(np.arange(n)[part] * step_s, power[part])[1]
        for part in np.split(np.arange(n), np.sort(rng.integers(0, n, 20)))
    ]
    out = np.concatenate(found)
    assert len(out) * 0.125 == pytest.approx(n * step_s)
    energy = power.sum(axis=0) * step_s
    np.testing.assert_allclose(out.sum(axis=0) * 0.125, energy, rtol=1e-9)


@pytest.mark.parametrize(
    "stamps, step",
    [
        (np.arange(500) * 0.125, Step(0.125)),
        (np.round(np.arange(500) * 0.1282, 3), Step(0.1282)),
        (np.round(np.arange(500) * 0.0625, 3), Step(0.0625)),
        (np.floor(np.arange(500) * 0.125), Step(0.125, 1.0)),
        (np.floor(np.arange(500) * 0.1 + 0.05), Step(0.1, 1.0)),
        (np.floor(np.arange(5000) * 0.1282), Step(0.1282, 1.0)),
        (np.floor(np.arange(500) * 1.25) / 10, Step(0.125, 0.1)),  # 125 ms in tenths of a second
        (np.floor(np.arange(5000) / 8 / 60) * 60, Step(0.125, 60.0)),  # in minutes
        (np.delete(np.arange(500) * 0.1, np.arange(0, 500, 7)), Step(0.1)),  # rows are missing
        (np.zeros(100), None),
        (np.zeros(1), None),
    ],
)
def test_steps_are_what_the_stamps_say(stamps, step):
    found = step_of(stamps + START_S)
    assert (found is None) == (step is None)
    if step is not None:
        assert found.seconds == pytest.approx(step.seconds, rel=1e-3)
        assert found.stamp_s == pytest.approx(step.stamp_s)


def test_random_losses_do_not_stretch_the_clock(rng):
    for share in (0.01, 0.03, 0.1, 0.3):
        kept = np.sort(rng.choice(4800, round(4800 * (1 - share)), replace=False))
        assert step_of(START_S + kept * 0.1).seconds == pytest.approx(0.1, rel=1e-3)


def test_125_ms_in_tenths_of_a_second_loses_and_invents_nothing():
    array = levels(800)
    units, found = units_of(START_S + np.floor(np.arange(800) * 1.25) / 10, array)
    np.testing.assert_array_equal(levels_of(units), array)
    assert found.describe("utc") == []


def test_gaps_keep_their_place_at_other_steps():
    array, times = levels(1000), START_S + np.arange(1000) * 0.1
    kept = np.delete(np.arange(1000), [300, *range(500, 600)])
    units, found = units_of(times[kept], array[kept], 97)
    assert (found.filled, found.gaps, found.segments) == (1, 1, 2)
    assert found.gap_s == pytest.approx(10)
    np.testing.assert_allclose(units.times_s[units.segment == 1][0], START_S + 60)
    assert units.n_frames.sum() == pytest.approx(90 / 0.125, abs=1)


@pytest.mark.parametrize(
    "step_s, message",
    [
        (1.0, r"stamps are 1 s apart.*0\.125 s.*--allow_slow"),
        (0.2, r"stamps are 0\.2 s apart.*--allow_slow"),
        (60.0, r"stamps are 60 s apart; fast"),
        (0.001, r"stamps are 0\.001 s apart"),
    ],
)
def test_slow_levels_must_be_asked_for(step_s, message):
    with pytest.raises(ArchiveError, match=message):
        units_of(START_S + np.arange(100) * step_s, levels(100))


def test_a_step_that_changes_is_refused():
    times = START_S + np.concatenate((np.arange(200) * 0.125, 25 + np.arange(200) * 0.1))
    with pytest.raises(
        ArchiveError, match=r"are 0\.1 s apart in some places and 0\.125 s in others: split"
    ):
        units_of(times, levels(400), 300)


def test_arrays_without_a_clock_take_the_step_that_is_given():
    array = levels(1000)
    units, found = units_of(None, array, 300, step_s=0.1)
    np.testing.assert_allclose(
        levels_of(units), 10 * np.log10(power_at_125_ms(array, 0.1)), atol=2e-5
    )
    assert found.step_s == 0.1
    with pytest.raises(ArchiveError, match=r"0\.125 s apart, not --step 0\.1"):
        units_of(np.arange(1000) / 8, array, step_s=0.1)


@pytest.mark.parametrize("block", [16, 200])
@pytest.mark.parametrize("absurd", [1e300, np.inf, -np.inf, START_S * 100, 253402300799.0, -6e10])
def test_an_absurd_stamp_is_one_bad_row(absurd, block):
    array, times = levels(200), START_S + np.arange(200) / 8
    times[77] = absurd
    units, found = units_of(times, array, block)
    assert (found.absurd, found.absurd_frames) == (1, [78])
    assert (found.missing, found.filled, found.segments) == (1, 1, 1)
    np.testing.assert_array_equal(np.delete(levels_of(units), 77, 0), np.delete(array, 77, 0))
    assert "(the first: frame 78)" in found.describe("utc")[0]


def test_one_absurd_number_does_not_change_the_unit_of_the_others(tmp_path):
    array = levels(200)
    times = (START_S * 1000 + np.arange(200) * 125).astype(np.int64).astype(object)
    times[50], times[60] = "1e300", "inf"
    table(array, times).to_csv(tmp_path / "a.csv", index=False)
    timeline = Timeline.of(tmp_path / "a.csv", ReadOptions())
    units = Units.join(list(archive_units(open_archive(tmp_path / "a.csv"), timeline)))
    np.testing.assert_allclose(units.times_s, START_S + np.arange(25))
    assert (timeline.found.absurd, timeline.found.filled) == (2, 2)


def test_a_clock_set_back_within_a_block_loses_nothing():
    array = levels(1600)
    times = START_S + np.concatenate((np.arange(800) / 8, 40 + np.arange(800) / 8))
    units, found = units_of(times, array)
    assert (found.jumps_back, found.repeated, found.segments) == (1, 0, 2)
    np.testing.assert_array_equal(levels_of(units), array)


def test_a_gap_of_a_year_is_a_gap():
    times = START_S + np.arange(200) / 8
    times[120:] += 3.2e7
    units, found = units_of(times, levels(200))
    assert (found.gaps, found.absurd) == (1, 0)
    assert len(units) == 25


def test_live_streams_know_the_clock_too():
    array = levels(400)
    stamps = pd.date_range("2024-03-01", periods=400, freq="100ms")
    text = table(array, stamps).to_csv(index=False)
    lines = [json.loads(line) for line in run_live(text)]
    assert len(lines) == 40
    assert lines[39]["time"] == "2024-03-01T00:00:39.000"
    assert {line["note"] for line in lines} == {
        "levels every 100 ms were averaged to frames of 125 ms"
    }
    coarse = table(array, stamps.floor("s")).to_csv(index=False)
    assert [json.loads(line)["time"] for line in run_live(coarse)] == [x["time"] for x in lines]
    slow = table(array[:40], stamps[::10]).to_csv(index=False)
    with pytest.raises(ArchiveError, match="--allow_slow"):
        list(run_live(slow))
    assert len(list(run_live(slow, allow_slow=True))) == 40
    bare = pd.DataFrame(array).to_csv(index=False, header=False)
    assert len(list(run_live(bare, step_s=0.1))) == 40


def run_live(text, **clock):
    return classify_lines(
        io.StringIO(text),
        answers(),
        traffic_voice_birds("YamNet"),
        LevelScale(),
        ReadOptions(**clock),
        unit_s=1,
    )


def test_every_output_says_what_was_done_to_the_clock(tmp_path, monkeypatch, capsys):
    import h5py
    import pyarrow.parquet as parquet

    about = {"classifier": "narrow", "transcoder": "PINV"}
    monkeypatch.setattr(
        "archives.networks.load_level_classifier", lambda *_, **__: (quick_classifier(), about)
    )
    stamps = pd.date_range("2024-03-01", periods=400, freq="100ms")
    table(levels(400), stamps).to_csv(tmp_path / "a.csv", index=False)
    note = "levels every 100 ms were averaged to frames of 125 ms"
    for suffix in ("h5", "parquet", "csv"):
        arguments = [tmp_path / "a.csv", "--format", suffix, "--output", tmp_path / suffix]
        assert classify_third_octave.main([str(a) for a in arguments]) == 0
        assert note in capsys.readouterr().out
        assert note in (tmp_path / suffix / "reports" / "a.json").read_text()
    with h5py.File(tmp_path / "h5" / "a.h5") as file:
        assert file.attrs["note"] == note
        assert len(file["time"]) == 40
    metadata = parquet.read_schema(tmp_path / "parquet" / "a.parquet").metadata
    assert metadata[b"note"].decode() == note
