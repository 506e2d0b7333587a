"""What is heard in mixtures whose layers are known."""

import csv

import h5py
import numpy as np
import scipy.fft

from archives.annotations import read_annotations
from open_corpus.content import content_of
from open_corpus.files import OpenFiles
from open_corpus.known_scenes import KnownMixtures, Listener, group_presence
from open_corpus.mixtures import SCENE_S, Mixtures
from open_corpus.sound_bank import Sound, SoundBank
from open_corpus.write_known_scenes import main
from transcoder.audioset import audioset_classes

N = SCENE_S * 32_000
GROUPS = {
    name: frozenset(c.mid for c in audioset_classes("PANN") if c.tvb == key)
    for key, name in (("t", "traffic"), ("v", "voice"), ("b", "birds"))
}


def sound(name, kind="synthesised", package="DEMO"):
    return Sound(kind, package, name, name, 16_000.0, 0, 32_000)


def tone(hz, level_db, start_s=0.0, end_s=4.0):
    time = np.arange(N) / 32_000
    wave = 10 ** (level_db / 20) * np.sin(2 * np.pi * hz * time)
    wave *= (time >= start_s) * (time < end_s)
    return scipy.fft.rfft(wave)


def test_content_by_kind_package_and_name():
    assert content_of(sound("songbird 3")).holds(GROUPS["birds"], is_everyday=True) is True
    assert content_of(sound("songbird 3")).holds(GROUPS["voice"], is_everyday=True) is False
    talk = sound("word.ogg", kind="speech", package="klettres-data")
    assert content_of(talk).holds(GROUPS["voice"], is_everyday=True) is True
    sword = sound("attack/swordhit_1.ogg", kind="environment", package="0ad-data")
    assert content_of(sword).holds(GROUPS["traffic"], is_everyday=True) is False
    assert content_of(sword).holds(GROUPS["traffic"], is_everyday=False) is None
    market = sound("sounds/Market1.wav", kind="environment", package="lincity-ng-data")
    assert content_of(market).holds(GROUPS["voice"], is_everyday=True) is None


def test_scenes_are_those_of_the_mixtures(data):
    bank = SoundBank(OpenFiles.of(data).bank, "valid")
    known, plain = KnownMixtures(bank, 0), Mixtures(bank, 0)
    for index in range(3):
        np.testing.assert_array_equal(known[index].at_32k, plain[index].at_32k)
        assert known.layers


def test_a_masked_layer_is_not_heard():
    layers = [
        (sound("traffic_hum 0"), tone(100, 0)),
        (sound("songbird 0"), tone(4000, -30, 1.0, 2.0)),  # alone in its band
        (sound("crow 0"), tone(100, -20)),  # below the hum in the same band
        (sound("speech 0"), tone(1000, -70)),  # far too soft
    ]
    heard = Listener().heard(layers)
    np.testing.assert_array_equal(heard[0], [True] * 4)
    np.testing.assert_array_equal(heard[1], [False, True, False, False])
    assert not heard[2:].any()
    present = group_presence(layers, Listener(), GROUPS)
    np.testing.assert_array_equal(present, [[1, 0, 0], [1, 0, 1], [1, 0, 0], [1, 0, 0]])


def test_what_nobody_knows_is_left_open():
    unknown = sound("sounds/Market1.wav", kind="environment", package="lincity-ng-data")
    layers = [(unknown, tone(1000, 0, 0, 1)), (sound("songbird 0"), tone(4000, 0))]
    present = group_presence(layers, Listener(), GROUPS)
    np.testing.assert_array_equal(present[0], [np.nan, np.nan, 1])
    np.testing.assert_array_equal(present[2], [0, 0, 1])


def test_writes_levels_and_annotations(data, tmp_path, capsys):
    assert main(["--data_path", str(data), "--scenes", "3", "--output", str(tmp_path)]) == 0
    with h5py.File(tmp_path / "OPEN_valid.h5") as file:
        assert file["fast_125ms"].shape == (12, 8, 29)
        fixed = h5py.File(data / "OPEN" / "OPEN_valid.h5")["third_octave"][:]
        np.testing.assert_allclose(file["fast_125ms"][:], fixed, atol=1e-3)
    groups, found = read_annotations(tmp_path / "OPEN_valid_presence.csv")
    assert {"traffic", "voice", "birds", "engine", "siren"} <= set(groups)
    assert found["OPEN_valid"].share.shape == (12, len(groups))
    with (tmp_path / "OPEN_valid_presence.csv").open() as file:
        assert [row["start"] for row in csv.DictReader(file)][:3] == ["0", "1", "2"]
    assert main(["--data_path", str(tmp_path)]) == 1
    assert "create_open_dataset.py" in capsys.readouterr().err
