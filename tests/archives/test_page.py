"""The page of a network: what it says, what it draws, how it looks in a browser."""

import base64
import io
import re

import numpy as np
import pytest
from browser import console_lines, open_page, requested_addresses, require_browser
from PIL import Image

from archives.agreement import Agreement
from archives.digest import Digest, DigestRows
from archives.page.charts import (
    band,
    level_range,
    level_ticks,
    line,
    picture,
    site_map,
    time_ticks,
)
from archives.page.network_page import About, write_page
from archives.page.views import Sensor, period_text, shown

DAY_S = 86400
START_S = 19783 * DAY_S  # 2024-03-01
ABOUT = About(
    "Quay & <park>", "Made by direct.", "Presence is fitted on mixtures.",
    [
        Agreement("voice", 6144, "0.84", "28", "77", "70"),
        Agreement("dog", 6144, "-", "2", "0", "-"),
    ],
)  # fmt: skip


def digest(n_days=3, level=50.0):
    """Voices from 12 to 13 h, and nothing from 3 to 4 h of the second day."""
    found = Digest(("voice", "birds"))
    for hour in range(24 * n_days):
        if hour == 27:
            continue
        n = 360  # rows of 10 s, enough for the sums
        voices = 0.9 if hour % 24 == 12 else 0.05
        found.add(
            DigestRows(
                times_s=START_S + hour * 3600 + 10.0 * np.arange(n),
                seconds=np.full(n, 10.0),
                laeq_db=level + 5 * np.sin(np.arange(n)) + (hour % 24 == 12) * 20,
                groups=np.tile(np.float32([voices, 0.3]), (n, 1)),
                classes=np.tile(np.array(["Speech", "Shout", ""]), (n, 1)),
                values=np.tile(np.float32([0.8, 0.2, 0.0]), (n, 1)),
            )
        )
    return found


def sensor(name="quay", **options):
    return Sensor(name, digest(), "local", **options)


def pixels(uri):
    """``(rows, columns, 4)`` of a picture."""
    data = base64.b64decode(uri.partition(",")[2])
    return np.array(Image.open(io.BytesIO(data)).convert("RGBA"))


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "report.html"
    sensors = [
        sensor(latitude=47.75, longitude=-3.36, notes=["levels were averaged"]),
        sensor("rue <de> la Gare", latitude=47.752, longitude=-3.35),
    ]
    write_page(path, [shown(one) for one in sensors], ABOUT)
    return path


def test_a_picture_darkens_with_presence_and_shows_gaps():
    image = pixels(picture(np.array([[0.0, 0.1, 0.5, 1.0, np.nan]])))
    assert image.shape == (1, 5, 4)
    brightness = image[0, :4, :3].sum(axis=1)
    assert (np.diff(brightness.astype(int)) < 0).all()
    assert image[0, :, 3].tolist() == [255, 255, 255, 255, 0]


def test_lines_break_where_there_are_no_levels():
    path = line(np.array([40.0, 60.0, np.nan, 50.0, 50.0]), 40, 60)
    assert path.count("M") == 2
    assert path.startswith("M100.0 1000L300.0 0")
    assert line(np.array([np.nan]), 0, 1) == ""
    assert band(np.array([40.0]), np.array([60.0]), 40, 60).count("Z") == 1


def test_axes():
    low, high = level_range([np.array([41.0, 58.0, np.nan])])
    assert (low, high) == (40, 60)
    assert [tick.text for tick in level_ticks(low, high)] == ["40", "50", "60"]
    assert level_range([np.array([50.0, 50.0])]) == (40, 60)
    day = time_ticks(START_S, START_S + DAY_S, True)
    assert [tick.text for tick in day] == ["1 Mar", "06:00", "12:00", "18:00", "2 Mar"]
    assert [round(tick.percent) for tick in day] == [0, 25, 50, 75, 100]
    year = time_ticks(START_S, START_S + 366 * DAY_S, True)
    assert len(year) <= 7 and "2025" in [tick.text for tick in year]
    seconds = [tick.text for tick in time_ticks(0, 120, False)]
    assert seconds == ["0 s", "30 s", "60 s", "90 s", "120 s"]


def test_a_map_keeps_proportions():
    drawn = site_map([("a", 47.0, -3.0), ("b", 47.0, -2.0), ("c", 47.5, -2.0)])
    a, b, c = drawn.dots
    east_km = 111.32 * np.cos(np.radians(47.1667))
    width = (b.left - a.left) / 100
    height = (b.top - c.top) / 100 * drawn.height
    assert width / height == pytest.approx(east_km / (0.5 * 111.32), rel=0.01)
    assert c.top < b.top  # north is up
    bar_km = float(drawn.bar_text.removesuffix(" km"))
    assert drawn.bar_percent / 100 / width == pytest.approx(bar_km / east_km, rel=0.01)
    assert site_map([("a", 47.0, -3.0)]) is None


def test_what_is_shown_of_a_sensor():
    found = shown(sensor())
    assert found.complete_days == 2
    assert found.shares["birds"] == pytest.approx(0.3)
    assert found.gaps.count == 1 and found.gaps.longest == ["2 Mar 2024, 03:00 to 04:00 (1 h)"]
    assert found.loudest[0].classes == [("Speech", 0.8), ("Shout", pytest.approx(0.2))]
    assert "12:" in found.loudest[0].time
    grid = pixels(found.day_grid.pictures["voice"])
    assert grid.shape[:2] == (3, 144)  # days, 10 minutes
    darkest = grid[:, :, :3].sum(axis=2)[0].argmin()
    assert 72 <= darkest < 78  # 12 to 13 h
    assert (grid[1, 18:24, 3] == 0).all() and (grid[0, :, 3] == 255).all()
    assert shown(Sensor("short", digest(1), "local")).day_grid is None
    without = shown(Sensor("none", digest(), "none"))
    assert without.day_grid is None and without.lden is None


def test_text_of_periods():
    assert period_text(START_S, START_S + 5400, True) == "1 Mar 2024, 00:00 to 01:30"
    assert period_text(START_S, START_S + DAY_S, True).endswith("to 2 Mar 2024, 00:00")


def test_the_page_holds_everything(page):
    text = page.read_text(encoding="utf-8")
    assert "Quay &amp; &lt;park&gt;: what was heard" in text
    assert "rue &lt;de&gt; la Gare" in text and "<de>" not in text
    assert "142 hours of levels of 2 sensors" in text and "birds 30%" in text
    assert "levels were averaged" in text
    assert "6,144 s" in text and ">0.84<" in text and ">dog<" not in text
    assert 'aria-label="Places of the sensors"' in text
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", text)


def test_without_coordinates_dates_or_agreement(tmp_path):
    path = tmp_path / "report.html"
    lone = Sensor("a", digest(), "none", kind="probability")
    write_page(path, [shown(lone)], About("a", "Made by PINV.", "No presence."))
    text = path.read_text(encoding="utf-8")
    assert "Places of the sensors" not in text and "Lden dB" not in text
    assert "was not measured for this way" in text
    assert "of the time," not in text and "mean probability" in text


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_a_browser(page, width):
    require_browser()
    with open_page(page, width=width, height=900) as driver:
        assert console_lines(driver) == []
        assert requested_addresses(driver) == [page.as_uri()]
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        overlaps = driver.execute_script(
            "const out = [];"
            "for (const axis of document.querySelectorAll('.below')) {"
            "  const boxes = [...axis.children].map(e => e.getBoundingClientRect())"
            "    .filter(b => b.width).sort((a, b) => a.left - b.left);"
            "  for (let i = 1; i < boxes.length; i++)"
            "    if (boxes[i].left < boxes[i - 1].right) out.push(axis.textContent.trim());"
            "} return out;"
        )
        assert overlaps == []
