"""The report in a real browser, at a desk, on a phone and in the dark."""

from pathlib import Path

import pytest
from browser import console_lines, open_page, photograph, requested_addresses, require_browser
from PIL import Image
from report_artefacts import DURATION_S, make_artefacts

from reproduction.report import main

WIDTHS = {"desktop": 1280, "phone": 390}

AUDIO_METADATA = """
const done = arguments[0], players = [...document.querySelectorAll("audio")];
const state = () => players.map(p => [p.duration, p.error && p.error.message]);
const wait = () => players.every(p => p.readyState > 0 || p.error) ? done(state())
                                                                   : setTimeout(wait, 20);
wait();
"""
BROKEN_IMAGES = "return [...document.images].filter(i => !i.complete || !i.naturalWidth).length"
BOXES = """
const boxes = [...document.querySelectorAll(".scroll, .picture")];
return boxes.filter(b => b.checkVisibility()).map(b => {
  const cue = b.querySelector(".cue"), seen = cue.getBoundingClientRect();
  return [b.scrollWidth > b.clientWidth,
          cue.checkVisibility() && seen.left >= 0 && seen.right <= innerWidth];
})
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    require_browser()
    folder = tmp_path_factory.mktemp("report")
    assert main(make_artefacts(folder)) == 0
    return folder / "results" / "report.html"


@pytest.mark.parametrize("screen", WIDTHS)
def test_page_loads_alone_and_fits_the_screen(report, screen, tmp_path):
    width = WIDTHS[screen]
    with open_page(report, width=width, height=800) as driver:
        players = driver.execute_async_script(AUDIO_METADATA)
        assert len(players) == 4
        for duration_s, error in players:
            assert error is None
            assert duration_s == pytest.approx(DURATION_S, abs=0.15)
        assert driver.execute_script(BROKEN_IMAGES) == 0
        page_width = driver.execute_script("return document.documentElement.scrollWidth")
        assert page_width <= width
        boxes = driver.execute_script(BOXES)
        assert all(is_wide == has_cue for is_wide, has_cue in boxes)
        assert any(is_wide for is_wide, _ in boxes) == (screen == "phone")
        photograph(driver, tmp_path / "report.png")
        assert console_lines(driver) == []
        assert requested_addresses(driver) == [report.as_uri()]
    with Image.open(tmp_path / "report.png") as picture:
        assert abs(picture.width - width) <= 20  # a scroll bar
        assert picture.height > 1000
        assert len(picture.convert("RGB").getcolors(2**24)) > 100


@pytest.mark.parametrize(("dark", "is_bright"), [(False, True), (True, False)])
def test_follows_the_colour_scheme(report, dark, is_bright):
    with open_page(report, width=800, height=600, dark=dark) as driver:
        colours = driver.execute_script(
            "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
        )
    background, text = (
        sum(map(int, c.removeprefix("rgb(").rstrip(")").split(", "))) / 3 for c in colours
    )
    assert (background > 128) == is_bright
    assert abs(background - text) > 150


def test_a_page_that_misbehaves_is_caught(tmp_path):
    require_browser()
    page = tmp_path / "bad.html"
    page.write_text('<img src="http://127.0.0.1:9/x.png"><script>console.error("oh")</script>')
    with open_page(page, width=800, height=600) as driver:
        assert any("oh" in line for line in console_lines(driver))
        assert "http://127.0.0.1:9/x.png" in requested_addresses(driver)
