"""A headless Chromium that reports what a page does; needs chromium and chromium-driver."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAMS = ("chromium", "chromedriver")


def require_browser() -> None:
    """Skip the calling test, saying why, where no browser can be driven."""
    pytest.importorskip("selenium", reason="selenium is not installed (pip install .[test])")
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not found: apt-get install chromium chromium-driver")


@contextmanager
def open_page(path: Path, *, width: int, height: int, dark: bool = False) -> Iterator:
    """The page in a window of ``width`` x ``height`` CSS pixels; logs start with its load."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    options.add_argument("--headless=new")
    options.add_argument("--disable-dev-shm-usage")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium refuses root otherwise
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        driver.get(path.as_uri())
        yield driver
    finally:
        driver.quit()


def console_lines(driver) -> list[str]:
    """What the page or the browser wrote to the console since the last call."""
    return [entry["message"] for entry in driver.get_log("browser")]


def requested_addresses(driver) -> list[str]:
    """Every address that the page asked for since the last call, data URIs left out."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    addresses = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    return [address for address in addresses if not address.startswith("data:")]


def photograph(driver, path: Path) -> None:
    """The whole page, from top to bottom, as PNG."""
    import base64

    shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
    path.write_bytes(base64.b64decode(shot["data"]))
