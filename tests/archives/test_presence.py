"""Presence over time: sums stay right as bins grow; figures show what is there."""

import numpy as np
import pytest

from archives.frames import LOCAL, NO_CLOCK, UTC
from archives.presence import Presence
from archives.presence_figure import presence_figure
from transcoder.plots import save_figure

NAMES = ("traffic", "voice", "birds")
START_S = 1709251200  # 2024-03-01, midnight


def season(n_days, step_s, start_s=START_S):
    """Traffic by day, voices in the evening, birds at dawn; a night without levels."""
    times = start_s + np.arange(0, n_days * 86400, step_s, dtype=float)
    hour = times / 3600 % 24
    day = (times - start_s) // 86400
    values = np.stack(
        [
            0.5 * (np.abs(hour - 13) < 6),
            0.3 * (np.abs(hour - 20) < 2),
            (0.1 + 0.01 * np.minimum(day, 60)) * (np.abs(hour - 6) < 1),
        ],
        axis=1,
    )
    kept = day != 1
    return times[kept], values[kept]


@pytest.mark.parametrize("step_s", [1, 60])
def test_means_do_not_depend_on_the_pieces_or_the_bins(step_s, rng):
    times, values = season(2, step_s)
    weights = rng.uniform(0.1, 1, len(times)) * step_s
    presence = Presence.for_units(NAMES, step_s)
    for rows in np.array_split(np.arange(len(times)), 7):
        presence.add(times[rows], values[rows], weights[rows])
    assert presence.width_s > 1
    assert presence.total_s == pytest.approx(weights.sum())
    np.testing.assert_allclose(presence.means(), np.average(values, axis=0, weights=weights))
    numbers, _, means = presence.over_time()
    first = times < (numbers[0] + 1) * presence.width_s
    wanted = np.average(values[first], axis=0, weights=weights[first])
    np.testing.assert_allclose(means[0], wanted)


def test_memory_does_not_grow_with_the_archive():
    presence = Presence(NAMES)
    for year in range(3):
        times, values = season(365, 600, START_S + year * 365 * 86400)
        presence.add(times, values, np.full(len(times), 600))
        assert len(presence.sums) <= 20_000
    assert presence.total_s == pytest.approx(3 * 364 * 86400)


def test_several_archives_make_one_series(tmp_path):
    whole, parts = Presence(NAMES), []
    times, values = season(3, 60)
    whole.add(times, values, np.full(len(times), 60.0))
    for rows in np.array_split(np.arange(len(times)), 2):
        part = Presence(NAMES)
        part.add(times[rows], values[rows], np.full(len(rows), 60.0))
        part.save(tmp_path / "part.npz")
        parts.append(Presence.load(tmp_path / "part.npz"))
    merged = Presence(NAMES)
    for part in parts:
        merged.merge(part)
    np.testing.assert_allclose(merged.means(), whole.means())
    assert merged.total_s == whole.total_s
    assert sorted(merged.sums) == sorted(whole.sums)


def test_bins_of_another_width_are_widened_first():
    fine, coarse = Presence(NAMES), Presence(NAMES, width_s=600)
    times, values = season(1, 60)
    fine.add(times, values, np.full(len(times), 60.0))
    coarse.add(times + 86400 * 5, values, np.full(len(times), 60.0))
    fine.merge(coarse)
    assert fine.width_s == 600
    np.testing.assert_allclose(fine.means(), values.mean(axis=0))


@pytest.mark.parametrize(
    "n_days, step_s, clock, panels",
    [(60, 600, UTC, 3), (400, 3600, LOCAL, 3), (1, 60, LOCAL, 1), (4, 600, NO_CLOCK, 1)],
)
def test_figures(n_days, step_s, clock, panels, tmp_path):
    presence = Presence.for_units(NAMES, step_s)
    times, values = season(n_days, step_s, START_S if clock != NO_CLOCK else 0)
    presence.add(times, values, np.full(len(times), float(step_s)))
    figure = presence_figure(presence, clock, "a sensor")
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(images) == panels
    save_figure(figure, tmp_path / "presence.png")
    assert (tmp_path / "presence.png").stat().st_size > 10_000
    if panels == 3:
        titles = [axes.get_title() for axes in figure.axes if axes.images]
        assert titles[0] == "traffic"
        shown = images[0].get_array()  # (hours of the day, days)
        assert shown.shape[1] == n_days
        hours = np.arange(shown.shape[0]) * 24 / shown.shape[0]
        np.testing.assert_allclose(shown[(hours > 8) & (hours < 18), 0], 0.5)
        np.testing.assert_allclose(shown[hours < 6, 0], 0)
        assert np.isnan(np.ma.filled(shown, np.nan)[:, 1]).all()


def test_a_clock_that_was_millennia_off_still_gives_a_figure():
    """Segments in the years 1 and 9999: nothing is allocated for what lies between."""
    presence = Presence(NAMES, 1)
    for start_s in (-6.2e10, START_S, 2.5e11):
        presence.add(start_s + np.arange(100.0), np.full((100, 3), 0.2), np.ones(100))
    figure = presence_figure(presence, UTC)
    assert max(image.get_array().size for image in figure.axes[0].images) < 3 * 1000
