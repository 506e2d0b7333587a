"""Which of several checkpoints a program takes."""

import os
import subprocess

import pytest
import yaml

from transcoder.checkpoint_choice import find_checkpoint, small_yamnet
from transcoder.checkpoints import FETCH_HINT, save_checkpoint, settings_path
from transcoder.classifiers import SMALL_YAMNET, Classifier, load_classifier, new_network
from transcoder.errors import MissingFileError, UsageError
from transcoder.files import PROJECT_ROOT
from transcoder.fingerprint import fingerprint
from transcoder.models import ModelSettings, build_model

SETTINGS = ModelSettings("cnn_pinv", "YamNet", 3, 2, 2, 1)
MELS = "classifier=YamNet+dataset=full+epoch={}+step=train+transcoder=cnn_pinv+ts=0_model"
LOGITS = MELS.replace("ts=0", "prop_logit=100+ts=1")


@pytest.fixture
def save(tmp_path):
    """Writes a checkpoint: its name, the classifier it was trained through, its date."""

    def save(name, *, taught_by=None, time_s=1, shipped=False):
        path = tmp_path / name
        training = {"teacher": fingerprint(taught_by.network)} if taught_by else None
        save_checkpoint(path, build_model(SETTINGS), settings=SETTINGS, training=training)
        if shipped:
            with settings_path(path).open("a") as file:
                file.write("shipped: true\n")
        os.utime(path, (time_s, time_s))
        return path

    return save


@pytest.fixture
def small(monkeypatch):
    monkeypatch.delenv("YAMNET_WEIGHTS", raising=False)
    return load_classifier("YamNet", SMALL_YAMNET)


@pytest.fixture
def real():
    return Classifier("YamNet", new_network("YamNet"), "YamNet (random)")


def test_the_method_is_in_the_name_and_the_latest_comes_first(save, tmp_path):
    save(MELS.format(1), time_s=1)
    latest = save(MELS.format(2), time_s=2)
    save(MELS.format(3), time_s=1)
    assert find_checkpoint(tmp_path, classifier="YamNet", method="cnn_mels", judge=None) == latest
    with pytest.raises(MissingFileError, match=r"no CNN-logits transcoder for YamNet.*--only"):
        find_checkpoint(tmp_path, classifier="YamNet", method="cnn_logits", judge=None)
    with pytest.raises(UsageError, match="choose cnn_mels, cnn_logits, textured, direct"):
        find_checkpoint(tmp_path, classifier="YamNet", method="mlp", judge=None)


@pytest.mark.parametrize("name, method", [(MELS, "cnn_mels"), (LOGITS, "cnn_logits")])
def test_what_ships_comes_last_whatever_its_date(save, tmp_path, name, method):
    downloaded = save(name.format(200), time_s=1)
    save(name.format(50), time_s=2, shipped=True)
    assert find_checkpoint(tmp_path, classifier="YamNet", method=method, judge=None) == downloaded


def test_a_model_of_demo_s_sounds_comes_last(save, tmp_path):
    real = save(MELS.format(1), time_s=1, shipped=True)
    save(MELS.format(2).replace("full", "DEMO-full"), time_s=2)
    assert find_checkpoint(tmp_path, classifier="YamNet", method="cnn_mels", judge=None) == real


def found_for(folder, judge):
    return find_checkpoint(folder, classifier="YamNet", method="cnn_logits", judge=judge)


def test_what_learned_from_the_small_yamnet_is_for_it_alone(save, tmp_path, small, real, caplog):
    of_small = save(LOGITS.format(1), taught_by=small, time_s=9)
    assert [found_for(tmp_path, judge) for judge in (small, real, None)] == [of_small] * 3
    assert [record.message for record in caplog.records] == [
        f"{of_small.name} was trained through the embedded small YAMNet: its classes are "
        f"unreliable behind YamNet (random); {FETCH_HINT}"
    ]
    caplog.clear()
    save(LOGITS.format(2), taught_by=real, time_s=1)
    published = save(LOGITS.format(200), time_s=2)
    found = [found_for(tmp_path, judge) for judge in (small, real, None)]
    assert found == [of_small, published, published]
    assert not caplog.records


def test_the_small_yamnet_takes_what_learned_from_the_real_one(save, tmp_path, small, caplog):
    path = save(LOGITS.format(1))
    table = yaml.safe_load(settings_path(path).read_text())
    of_real = small_yamnet()["teacher_fingerprint"]
    settings_path(path).write_text(yaml.safe_dump(table | {"settings": {"teacher": of_real}}))
    assert found_for(tmp_path, small) == path
    published = save(LOGITS.format(2), time_s=2)
    assert found_for(tmp_path, small) == published
    assert not caplog.records


def test_another_small_network_is_told_that_nothing_suits_it(save, tmp_path, real, caplog):
    of_real = save(LOGITS.format(1), taught_by=real)
    other = Classifier("YamNet", new_network("YamNet", {"width": 0.25}), "YamNet small")
    assert found_for(tmp_path, other) == of_real
    [record] = caplog.records
    assert "another classifier: its classes are unreliable behind YamNet small" in record.message
    assert "--only yamnet" in record.message


def test_settings_that_are_no_table_count_as_published(save, tmp_path, small, real):
    path = save(LOGITS.format(1))
    table = yaml.safe_load(settings_path(path).read_text())
    settings_path(path).write_text(yaml.safe_dump(table | {"settings": "none"}))
    for judge in (small, real):
        found = find_checkpoint(tmp_path, classifier="YamNet", method="cnn_logits", judge=judge)
        assert found == path


def test_the_project_s_own_models_say_that_they_ship():
    folder = PROJECT_ROOT / "reference_models"
    listed = subprocess.run(["git", "ls-files", "."], cwd=folder, capture_output=True, text=True)
    tables = [line for line in listed.stdout.splitlines() if line.endswith("_settings.yaml")]
    if not tables:
        pytest.skip("not a git clone")
    for name in tables:
        assert yaml.safe_load((folder / name).read_text())["shipped"] is True
