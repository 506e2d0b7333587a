"""The made-up day that ships: a first success for people with sensors."""

import importlib.util

import numpy as np
import pandas as pd
import pytest

from archives.describe import describe_file
from archives.open_archive import open_archive
from archives.options import ReadOptions
from transcoder.files import PROJECT_ROOT

DAY = PROJECT_ROOT / "audio" / "sensor_day.parquet"


@pytest.fixture(scope="module")
def script():
    path = PROJECT_ROOT / "audio" / "make_sensor_day.py"
    spec = importlib.util.spec_from_file_location("make_sensor_day", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_file_is_a_whole_day_and_small():
    assert DAY.stat().st_size < 700_000
    archive = open_archive(DAY, ReadOptions())
    assert archive.n_frames == 24 * 3600 * 8
    assert len(archive.bands) == 29
    blocks = list(archive.blocks())
    times = np.concatenate([block.times_s for block in blocks])
    np.testing.assert_allclose(np.diff(times), 0.125, atol=1e-6)
    levels = np.concatenate([block.levels_db for block in blocks])
    assert levels.min() >= 0 and 70 < levels.max() < 100
    assert "125 ms" in " ".join(describe_file(DAY, ReadOptions(), 0.0))


def test_every_hour_has_a_kind_of_minute(script):
    rng = np.random.default_rng(0)
    kinds = {script._kind_of(rng, hour) for hour in range(24) for _ in range(50)}
    assert kinds == set(script._KINDS) - {"siren"}
    assert script._kind_of(rng, 3) == "night"


def test_the_script_writes_minutes_as_a_table(script, monkeypatch, tmp_path):
    def minute(rng, kind):
        return np.full((480, 29), 40.0 + list(script._KINDS).index(kind))

    monkeypatch.setattr(script, "_minute", minute)
    assert script.main(["-o", str(tmp_path / "day.parquet")]) == 0
    found = pd.read_parquet(tmp_path / "day.parquet")
    assert found["LZeq 1000 Hz"].iloc[3 * 3600 * 8] == 40
    assert len(found) == 24 * 3600 * 8
    assert (tmp_path / "day.parquet").stat().st_size < 200_000
