"""Levels of noise reports, by hand; hours and days of a digest."""

import math

import numpy as np
import pytest

from archives.acoustics import LevelDistribution, a_weighted_db, lden, period_of_hour, to_db
from archives.digest import Digest, DigestRows
from archives.level_tables import day_rows, hour_rows
from archives.stamps import hours_of, local_seconds, time_zone
from transcoder.errors import UsageError
from transcoder.settings import THIRD_OCTAVE

DAY_S = 86400
MONDAY_S = 19783 * DAY_S  # 2024-03-01


def test_a_weighting_of_single_bands():
    """The standard's table: 0 dB at 1 kHz, -19.1 at 100 Hz, -39.4 at 31.5 Hz, +1.0 at 4 kHz."""
    centres = np.array(THIRD_OCTAVE.centres_hz)
    for hz, weight_db in ((1000, 0.0), (100, -19.1), (31.5, -39.4), (4000, 1.0)):
        levels = np.full(29, -np.inf)
        levels[np.abs(centres - hz).argmin()] = 60.0
        assert a_weighted_db(levels) == pytest.approx(60 + weight_db, abs=0.05)


def test_a_weighted_sum_of_two_bands_and_missing_ones():
    levels = np.full((2, 29), -np.inf)
    place = int(np.abs(np.array(THIRD_OCTAVE.centres_hz) - 1000).argmin())
    levels[:, [place, place - 10]] = 60.0, 60 + 19.145  # 1 kHz, and 100 Hz raised by its weight
    np.testing.assert_allclose(a_weighted_db(levels), 60 + to_db(2), atol=0.05)
    np.testing.assert_allclose(a_weighted_db(levels, [place]), 60)


def test_lden_by_hand():
    """12 h at 60, 4 h at 55 + 5, 8 h at 50 + 10: 60 throughout; a loud night counts for more."""
    assert lden({"day": 60, "evening": 55, "night": 50}) == pytest.approx(60)
    expected = 10 * math.log10((12 * 10**6 + 4 * 10**6 + 8 * 10**7) / 24)
    assert lden({"day": 60, "evening": 55, "night": 60}) == pytest.approx(expected)
    assert math.isnan(lden({"day": 60, "evening": 55, "night": math.nan}))


def test_periods_of_the_directive():
    names = [period_of_hour(hour) for hour in range(24)]
    assert [names.count(p) for p in ("day", "evening", "night")] == [12, 4, 8]
    assert names[6], names[7] == ("night", "day")
    assert (names[18], names[19], names[22], names[23]) == ("day", "evening", "evening", "night")


def test_exceeded_levels():
    levels = LevelDistribution()
    levels.add(np.arange(1.0, 101.0), np.ones(100))
    assert [levels.exceeded(p) for p in (10, 50, 90)] == [90, 50, 10]
    other = LevelDistribution()
    other.add(np.array([200.0, np.nan]), np.array([100.0, 100.0]))
    levels.merge(other)
    assert levels.exceeded(50) == 100
    assert levels.exceeded(10) == 200
    assert math.isnan(LevelDistribution().exceeded(50))


def rows(start_s, laeq_db, groups=None, seconds=None, names=""):
    n = len(laeq_db)
    groups = np.zeros((n, 1)) if groups is None else np.reshape(groups, (n, 1))
    return DigestRows(
        times_s=start_s + np.arange(n, dtype=float),
        seconds=np.ones(n) if seconds is None else seconds,
        laeq_db=np.asarray(laeq_db, dtype=float),
        groups=groups.astype(np.float32),
        classes=np.full((n, 3), names),
        values=np.zeros((n, 3), dtype=np.float32),
    )


def full_day(night_db=50.0, hours=range(24)):
    digest = Digest(("birds",))
    for hour in hours:
        level = {"day": 60.0, "evening": 55.0, "night": night_db}[period_of_hour(hour)]
        heard = np.zeros(3600)
        heard[:900] = 0.8 if hour == 5 else 0.0
        digest.add(rows(MONDAY_S + hour * 3600, np.full(3600, level), heard))
    return digest


def test_a_whole_day():
    (day,) = day_rows(full_day(), kind="presence")
    assert day["date"] == "2024-03-01"
    assert (day["Lday"], day["Levening"], day["Lnight"], day["Lden"]) == (60, 55, 50, 60)
    assert day["LAeq"] == pytest.approx(10 * math.log10((12e6 + 4 * 10**5.5 + 8e5) / 24), abs=0.05)
    assert (day["L10"], day["L50"], day["L90"]) == (60, 55, 50) or day["L50"] == 60
    assert day["complete"] is True
    assert day["seconds"] == DAY_S
    assert day["birds_presence"] == pytest.approx(0.8 * 900 / DAY_S, abs=1e-4)
    assert day["LAeq_birds"] == 50


def test_an_incomplete_day_says_so():
    (day,) = day_rows(full_day(hours=range(8, 20)), kind="presence")
    assert day["complete"] is False
    assert day["Lnight"] is None and day["Lden"] is None
    (day,) = day_rows(full_day(hours=[h for h in range(24) if h != 3]), kind="presence")
    assert day["complete"] is False
    assert day["Lden"] == 60


def test_hours_hold_levels_and_presence():
    digest = Digest(("birds",))
    level = np.concatenate((np.full(1800, 70.0), np.full(1800, 40.0)))
    digest.add(rows(MONDAY_S, level, np.where(level > 50, 0.9, 0.1)))
    (hour,) = hour_rows(digest, kind="presence", has_dates=True)
    assert hour["time"] == "2024-03-01T00:00:00"
    assert hour["LAeq"] == pytest.approx(70 + 10 * math.log10(0.5 + 0.5e-3), abs=0.05)
    assert (hour["L10"], hour["L90"]) == (70, 40)
    assert hour["birds_presence"] == 0.5
    assert hour["LAeq_birds"] == 70
    (hour,) = hour_rows(digest, kind="probability", has_dates=False)
    assert hour["time"] == MONDAY_S
    assert "birds_probability" in hour and "LAeq_birds" not in hour


def test_rows_without_a_level_count_for_the_groups_alone():
    digest = Digest(("birds",))
    digest.add(rows(MONDAY_S, [60.0, np.nan], [1.0, 1.0]))
    (hour,) = hour_rows(digest, kind="presence", has_dates=True)
    assert hour["L50"] == 60
    assert hour["birds_presence"] == 1


def test_stretches_gaps_and_the_loudest():
    digest = Digest(("birds",))
    first = np.full(300, 50.0)
    first[[10, 20, 250]] = 80, 79, 70  # 79 is the same event as 80
    digest.add(rows(MONDAY_S, first, names="Horn"))
    digest.add(rows(MONDAY_S + 300, np.full(100, 50.0)))
    digest.add(rows(MONDAY_S + 1000, np.full(100, 60.0)))
    np.testing.assert_array_equal(digest.gaps() - MONDAY_S, [[400, 1000]])
    times = [(time - MONDAY_S, level) for time, level, _, _ in digest.loudest[:3]]
    assert times[0] == (10, 80) and times[1] == (250, 70)
    assert digest.loudest[0][2] == ("Horn",) * 3


def test_a_digest_comes_back_from_its_file_and_merges(tmp_path):
    digest, other = full_day(hours=range(12)), full_day(hours=range(12, 24))
    digest.save(tmp_path / "a.npz")
    other.save(tmp_path / "b.npz")
    merged = Digest.load(tmp_path / "a.npz")
    merged.merge(Digest.load(tmp_path / "b.npz"))
    whole = full_day()
    assert list(day_rows(merged, kind="presence")) == list(day_rows(whole, kind="presence"))
    assert list(hour_rows(merged, kind="presence", has_dates=True)) == list(
        hour_rows(whole, kind="presence", has_dates=True)
    )
    assert merged.loudest == whole.loudest
    assert len(merged.gaps()) == 0
    assert merged.laeq_db == pytest.approx(whole.laeq_db)
    Digest(()).save(tmp_path / "empty.npz")
    assert Digest.load(tmp_path / "empty.npz").seconds == 0


def test_local_time_knows_summer():
    zone = time_zone("Europe/Paris")
    march_31 = 19813 * DAY_S  # 2024: clocks go from 2 to 3 at 1 h UTC
    utc = march_31 + np.array([0, 3599, 3600, 7200]) + 0.5
    np.testing.assert_allclose(local_seconds(utc, zone) - utc, [3600, 3600, 7200, 7200])
    np.testing.assert_array_equal(local_seconds(utc, None), utc)
    assert hours_of(19813, 0, 7, zone) == 6
    assert hours_of(19814, 0, 7, zone) == 7
    with pytest.raises(UsageError, match="Europe/Lorient"):
        time_zone("Europe/Lorient")


def test_the_short_day_of_spring_is_complete(tmp_path):
    zone = time_zone("Europe/Paris")
    start = 19813 * DAY_S - 3600  # midnight in Paris
    digest = Digest(())
    for hour in range(23):
        times = local_seconds(start + hour * 3600 + np.arange(3600.0), zone)
        part = rows(0, np.full(3600, 50.0))
        digest.add(DigestRows(times, part.seconds, part.laeq_db, np.empty((3600, 0)),
                              part.classes, part.values))  # fmt: skip
    (day,) = day_rows(digest, kind="presence", zone=zone)
    assert day["complete"] is True
    digest.save(tmp_path / "without_groups.npz")
    assert Digest.load(tmp_path / "without_groups.npz").seconds == 23 * 3600
    (day,) = day_rows(digest, kind="presence")
    assert day["complete"] is False


def test_a_digest_of_utc_in_local_time():
    """23:30 to 0:30 UTC of a winter's day is half past midnight in Paris."""
    digest = Digest(("birds",))
    digest.add(rows(MONDAY_S - 1800, np.linspace(40, 60, 3600), np.ones(3600)))
    local = digest.localised(time_zone("Europe/Paris"))
    assert sorted(local.hours) == [MONDAY_S // 3600, MONDAY_S // 3600 + 1]
    assert local.stretches[0, 0] == MONDAY_S + 1800
    assert local.loudest[0][0] == digest.loudest[0][0] + 3600
    assert local.laeq_db == pytest.approx(digest.laeq_db)
    assert local.timeline.over_time()[0][0] * local.timeline.width_s == MONDAY_S + 1800
    assert digest.localised(None) is digest
    (day,) = day_rows(local, kind="presence")
    assert day["date"] == "2024-03-01"
