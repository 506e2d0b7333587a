"""Time stamps and missing levels: what is filled, what is dropped, where segments end."""

import numpy as np
import pytest
from archive_data import levels

from archives.clock import first_together
from archives.frames import ArchiveError, Block
from archives.levels import LevelScale, scaled
from archives.timeline import Timeline, Units, in_parts
from transcoder.settings import THIRD_OCTAVE

START_S = 1.7e9
BLOCKS = (16, 100, 7)  # frames in a block: whole seconds, all, and neither


def run(times, array, unit_s=1, block=16, **clock):
    timeline = Timeline(unit_s, where="test", **clock)
    starts = range(0, len(array), block)
    blocks = [
        Block(None if times is None else times[i : i + block], array[i : i + block]) for i in starts
    ]
    return timeline.found, Units.join(list(timeline.units(first_together(blocks))))


def frames_of(units):
    """All frames but the silence after a unit's last one."""
    flat = units.levels_db.reshape(len(units), -1, 29)
    return np.concatenate([unit[:n] for unit, n in zip(flat, units.n_frames, strict=True)])


@pytest.fixture
def array():
    return levels(100)


@pytest.fixture
def times():
    return START_S + np.arange(100) / 8


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("unit_s", [1, 3])
def test_regular_frames_are_cut_into_seconds(array, times, block, unit_s):
    found, units = run(times, array, unit_s, block)
    np.testing.assert_array_equal(frames_of(units), array)
    np.testing.assert_allclose(units.times_s, START_S + np.arange(len(units)) * unit_s)
    assert units.n_seconds.sum() == 13
    assert units.n_frames[-1] == (4 if unit_s == 1 else 100 - 96)
    last = units.levels_db[-1].reshape(-1, 29)
    np.testing.assert_array_equal(last[4:], np.float32(THIRD_OCTAVE.silence_db))
    assert found.describe("utc") == []


@pytest.mark.parametrize("block", BLOCKS)
def test_without_stamps_the_rows_give_the_time(array, block):
    _, units = run(None, array, 1, block)
    np.testing.assert_array_equal(units.times_s, np.arange(13))
    np.testing.assert_array_equal(frames_of(units), array)


@pytest.mark.parametrize("block", BLOCKS)
def test_short_gaps_are_interpolated_and_long_ones_cut(array, times, block):
    kept = np.delete(np.arange(100), [15, 16, 40, 41, 42])
    found, units = run(times[kept], array[kept], 1, block)
    assert (found.filled, found.gaps, found.segments) == (2, 1, 2)
    assert found.gap_s == pytest.approx(0.375)
    np.testing.assert_array_equal(units.n_frames, [8] * 12 + [1])
    np.testing.assert_array_equal(units.segment, [0] * 5 + [1] * 8)
    assert units.times_s[5] == times[43]
    frames = frames_of(units)
    np.testing.assert_array_equal(frames[:15], array[:15])
    np.testing.assert_allclose(frames[15], (2 * array[14] + array[17]) / 3, rtol=1e-5)
    np.testing.assert_allclose(frames[16], (array[14] + 2 * array[17]) / 3, rtol=1e-5)
    np.testing.assert_array_equal(frames[40:], array[43:])


@pytest.mark.parametrize("block", BLOCKS)
def test_missing_levels_are_gaps(array, times, block):
    holed = array.copy()
    holed[20, 3] = np.nan
    holed[50:60] = np.nan
    found, units = run(times, holed, 1, block)
    assert (found.missing, found.filled, found.segments) == (11, 1, 2)
    np.testing.assert_allclose(frames_of(units)[20], (array[19] + array[21]) / 2, rtol=1e-5)
    # the same holds where rows, not stamps, tell the time
    assert run(None, holed, 1, block)[0].segments == 2


@pytest.mark.parametrize("block", BLOCKS)
def test_repeated_stamps_are_dropped(array, times, block):
    order = np.sort(np.append(np.arange(100), [15, 16, 50, 99]))
    found, units = run(times[order], array[order], 1, block)
    assert found.repeated == 4
    np.testing.assert_array_equal(frames_of(units), array)


def test_small_disorder_is_put_in_order(array, times, rng):
    order = np.arange(100)
    order[10:14] = [13, 11, 10, 12]
    found, units = run(times[order], array[order], 1, 100)
    assert found.unordered == 2
    np.testing.assert_array_equal(frames_of(units), array)
    shuffled = rng.permutation(100)
    _, units = run(times[shuffled], array[shuffled], 1, 100)
    np.testing.assert_array_equal(frames_of(units), array)


def test_a_jump_back_starts_a_segment_and_loses_nothing(array, times):
    back = np.concatenate((times[:64], times[:36]))
    found, units = run(back, array, 1, 32)
    assert (found.jumps_back, found.segments) == (1, 2)
    np.testing.assert_array_equal(frames_of(units), array)
    assert "1 jumps back" in found.describe("utc")[0]


@pytest.mark.parametrize("block", [16, 100])
def test_stamps_in_whole_seconds_are_spread(array, times, block):
    found, units = run(np.floor(times), array, 1, block)
    assert found.describe("utc") == []
    np.testing.assert_allclose(units.times_s, times[::8])
    crowded = np.floor(times)
    crowded[16:26] = crowded[16]  # ten frames in one second, six in the next
    found, _ = run(crowded, array, 1, block)
    assert (found.repeated, found.segments) == (1, 1)


def test_jitter_and_drift_are_not_gaps(array, rng):
    times = START_S + np.arange(100) * 0.1254 + rng.uniform(-0.02, 0.02, 100)
    found, units = run(times, array)
    assert found.segments == 1
    np.testing.assert_array_equal(frames_of(units), array)


def test_rows_without_a_stamp_are_missing(array, times):
    times[30] = np.nan
    found, _ = run(times, array)
    assert (found.missing, found.filled) == (1, 1)


def test_nothing_usable(array):
    with pytest.raises(ArchiveError, match="test: none of its 100 frames is complete"):
        run(None, np.full_like(array, np.nan))


def test_levels_on_the_networks_scale(array):
    block = array.copy()
    block[0, 0] = -np.inf
    block[1, 5] = -999
    block[2, 6] = 9999
    block[:, 28] = np.nan  # a band that the sensor never fills
    (found,) = scaled([Block(None, block)], tuple(range(1, 29)), LevelScale(-60.0, -41.0))
    assert found.levels_db[0, 0] == np.float32(THIRD_OCTAVE.silence_db)
    assert np.isnan(found.levels_db[[1, 2], [5, 6]]).all()
    assert np.isnan(found.levels_db).sum() == 2
    np.testing.assert_array_equal(found.levels_db[:, 28], -41)
    np.testing.assert_allclose(found.levels_db[3:, 1:28], array[3:, 1:28] - 60, rtol=1e-6)


def test_parts_hold_the_same_units(array, times):
    _, units = run(times, array)
    parts = list(in_parts([units[:2], units[2:3], units[3:]], 4))
    assert [len(part) for part in parts] == [4, 4, 4, 1]
    np.testing.assert_array_equal(Units.join(parts).levels_db, units.levels_db)
