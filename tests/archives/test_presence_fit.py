"""Maps from probabilities to presence: fitted, chosen, saved, refused."""

import json

import numpy as np
import pytest

from archives.annotations import read_annotations
from archives.presence_fit import Heard, fit, fit_group, scores
from archives.presence_map import (
    Calibration,
    GroupEstimate,
    GroupMap,
    Isotonic,
    Logistic,
    expit,
    find_calibration,
    log_odds,
    way_of,
)
from archives.selection import traffic_voice_birds
from transcoder.audioset import audioset_classes
from transcoder.errors import MissingFileError, UserError

TRUE = Logistic(1.5, 2.0)


def seconds_heard(rng, n=4000, n_folds=8):
    """Seconds of which each is an annotation: heard with the chance of `TRUE`."""
    probability = expit(rng.normal(-1.5, 1.5, n))
    share = (rng.random(n) < TRUE(probability)).astype(float)
    return Heard(probability, np.arange(n), share, np.arange(n) * n_folds // n)


def test_logistic_finds_the_map_that_drew_the_annotations(rng):
    fitted = fit(seconds_heard(rng), "logistic")
    assert fitted.slope == pytest.approx(TRUE.slope, abs=0.2)
    assert fitted.intercept == pytest.approx(TRUE.intercept, abs=0.25)


def test_shares_of_long_stretches_tell_nearly_as_much(rng):
    """Which seconds of a stretch are meant is estimated: a share alone would flatten the map."""
    n_stretches, length = 200, 45
    mood = rng.normal(-1.5, 1.5, n_stretches).repeat(length)
    probability = expit(mood + rng.normal(0, 0.7, mood.size))
    heard = (rng.random(mood.size) < TRUE(probability)).astype(float)
    stretch = np.arange(n_stretches).repeat(length)
    share = np.bincount(stretch, heard) / length
    fitted = fit(Heard(probability, stretch, share, np.arange(n_stretches) % 8), "logistic")
    assert fitted.slope == pytest.approx(TRUE.slope, abs=0.3)
    assert fitted(probability).mean() == pytest.approx(share.mean(), abs=0.02)


def test_isotonic_rises_and_is_small(rng):
    fitted = fit(seconds_heard(rng), "isotonic")
    assert (np.diff(fitted.presence) >= 0).all()
    assert len(fitted.presence) <= 200
    assert fitted(np.array([0.2]))[0] == pytest.approx(TRUE(np.array([0.2]))[0], abs=0.15)


def test_chooses_the_map_with_less_error_on_what_is_left_out(rng):
    probability = rng.random(4000)
    share = ((probability > 0.3) & (rng.random(4000) < 0.5)).astype(float)  # a step to a half
    heard = Heard(probability, np.arange(4000), share, np.arange(4000) % 8)
    fitted, found = fit_group(heard, "traffic")
    assert isinstance(fitted, Isotonic)
    assert found["isotonic"]["rms_error"][0] < found["logistic"]["rms_error"][0]
    assert found["isotonic"]["rms_error"][0] < found["raw"]["rms_error"][0]
    few, _ = fit_group(seconds_heard(rng, 300), "traffic")
    assert isinstance(few, Logistic)  # a free curve needs more than 300 s


def test_a_map_never_falls(rng):
    probability = expit(rng.normal(0, 1, 500))
    share = (rng.random(500) < 1 - probability).astype(float)
    fitted = fit(Heard(probability, np.arange(500), share, np.arange(500) % 4), "logistic")
    assert fitted.slope == 0
    assert fitted(np.array([0.1]))[0] == pytest.approx(share.mean(), abs=1e-6)


def test_scores_by_hand():
    share, estimate = np.array([0.0, 0.5, 1.0, 0.5]), np.array([0.1, 0.5, 0.8, 0.5])
    heard = Heard(estimate, np.arange(4), share, np.arange(4))
    found = scores(heard, estimate)
    assert found["absolute_error"][0] == pytest.approx(0.075)
    assert found["rms_error"][0] == pytest.approx(np.sqrt(0.05 / 4), abs=1e-4)
    assert found["correlation"][0] == pytest.approx(np.corrcoef(share, estimate)[0, 1], abs=1e-4)
    # leaving one out: mean errors of .2/3, .3/3, .1/3, .3/3; jackknife of the four
    left = np.array([0.2, 0.3, 0.1, 0.3]) / 3
    assert found["absolute_error"][1] == pytest.approx(
        np.sqrt(3 / 4 * ((left - left.mean()) ** 2).sum()), abs=1e-4
    )


def test_nothing_to_fit_is_said():
    always = Heard(np.full(4, 0.5), np.arange(4), np.ones(4), np.arange(4))
    with pytest.raises(UserError, match="birds: its presence is 1 throughout"):
        fit_group(always, "birds")
    one = Heard(np.full(4, 0.5), np.arange(4), np.array([0.0, 1, 0, 1]), np.zeros(4, dtype=int))
    with pytest.raises(UserError, match="too little"):
        fit_group(one, "birds")


@pytest.fixture
def calibration():
    classes = audioset_classes("YamNet")
    of = {k: frozenset(c.mid for c in classes if c.tvb == k) for k in "tv"}
    way = way_of("YamNet", "direct", {"transcoder_fingerprint": "abc"}, 1)
    maps = {
        "traffic": GroupMap(of["t"], Logistic(1.0, 2.0), {}),
        "voice": GroupMap(of["v"], Isotonic((0.1, 0.5), (0.0, 0.8)), {}),
    }
    return Calibration(way, {"note": "rue de la Gare"}, maps)


def test_saved_maps_come_back_and_apply(calibration, tmp_path):
    path = tmp_path / "presence.json"
    calibration.save(path)
    found = Calibration.load(path)
    assert found.made_for == calibration.made_for
    assert found.fitted_on["note"] == "rue de la Gare"
    estimate = GroupEstimate(found, traffic_voice_birds("YamNet"), "YamNet")
    assert estimate.names == ("traffic", "voice")
    assert estimate.lacking == ["birds"]
    probabilities = np.zeros((2, 521), dtype=np.float32)
    classes = audioset_classes("YamNet")
    probabilities[:, next(c.index for c in classes if c.name == "Car")] = (0.3, 0.5)
    probabilities[:, next(c.index for c in classes if c.name == "Speech")] = (0.3, 0.9)
    presence = estimate(probabilities)
    np.testing.assert_allclose(presence[:, 0], expit(log_odds([0.3, 0.5]) + 2), atol=1e-6)
    np.testing.assert_allclose(presence[:, 1], [0.4, 0.8], atol=1e-6)


def test_a_group_of_other_classes_has_no_map(calibration):
    selection = traffic_voice_birds("YamNet")
    fewer = type(selection)(selection.names, (selection.groups[0][:3], *selection.groups[1:]))
    estimate = GroupEstimate(calibration, fewer, "YamNet")
    assert estimate.names == ("voice",)


def test_tells_in_what_another_way_differs(calibration, tmp_path):
    way = way_of("YamNet", "texture", {"transcoder_fingerprint": "abc", "draws": "4"}, 1)
    differences = calibration.differences(way)
    assert differences == ["draws none, not 4", "method direct, not texture"]
    calibration.save(tmp_path / "presence" / "a.json")
    assert find_calibration(tmp_path, way) is None
    assert find_calibration(tmp_path, dict(calibration.made_for)).groups.keys() == {
        "traffic",
        "voice",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"groups": {"traffic": {"map": "spline", "classes": [], "scores": {}}}},
        {"groups": {"t": {"map": "logistic", "slope": -1, "intercept": 0, "classes": [],
                          "scores": {}}}},
        {"made_for": None},
    ],
)  # fmt: skip
def test_refuses_what_is_no_calibration(calibration, tmp_path, change):
    path = tmp_path / "presence.json"
    calibration.save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=r"presence\.json: is no calibration"):
        Calibration.load(path)
    with pytest.raises(MissingFileError, match="calibrate_presence"):
        Calibration.load(tmp_path / "none.json")


def test_annotations_of_whole_recordings(tmp_path):
    path = tmp_path / "said.csv"
    path.write_text("recording;traffic;birds\n001.wav;0,5;\n002;1;0\n", encoding="utf-8")
    groups, found = read_annotations(path)
    assert groups == ("traffic", "birds")
    np.testing.assert_array_equal(found["001"].share, [[0.5, np.nan]])
    assert found["002"].end_s == [np.inf]


def test_annotations_of_stretches_and_dates(tmp_path):
    path = tmp_path / "said.csv"
    path.write_text("recording,start,end,traffic\na,0,10,0.5\nb,0,1,1\na,10,20,1\n")
    _, found = read_annotations(path)
    assert found["a"].start_s.tolist() == [0, 10]
    assert not found["a"].has_dates
    path.write_text("recording,start,end,t\na,2024-03-01T10:00:00,2024-03-01T10:00:10,0\n")
    _, found = read_annotations(path)
    assert found["a"].has_dates
    assert found["a"].end_s - found["a"].start_s == 10


def test_events_are_absent_elsewhere(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text(
        "filename\tonset\toffset\tevent_label\nx.wav\t1\t3\tbirds\nx.wav\t2\t5\tvoice\n"
    )
    groups, found = read_annotations(path)
    assert groups == ("birds", "voice")
    said = found["x"]
    assert list(zip(said.start_s, said.end_s, said.share.tolist(), strict=True)) == [
        (0, 1, [0, 0]), (1, 2, [1, 0]), (2, 3, [1, 1]), (3, 5, [0, 1]), (5, np.inf, [0, 0]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,traffic\na,1\n", "no column recording"),
        ("recording,traffic\na,1.2\n", r"row 2, column traffic: '1\.2' is no share"),
        ("recording,traffic\na,loud\n", "'loud' is no share"),
        ("recording,start,traffic\na,1,1\n", "both start and end"),
        ("recording,start,end,traffic\na,2,1,1\n", "row 2: does not end after"),
        ("recording,start,end\na,0,1\n", "no column of a group"),
        ("recording,traffic\n", "holds no rows"),
    ],
)
def test_annotations_that_cannot_be_used(tmp_path, text, message):
    path = tmp_path / "said.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_annotations(path)
