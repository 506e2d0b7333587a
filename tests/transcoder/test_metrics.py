"""The metric step against the published values, and its properties."""

import h5py
import numpy as np
import pytest
from golden_files import DATA

from transcoder import metrics
from transcoder.errors import UserError
from transcoder.metrics import READABLE_NAMES, file_metrics

N_CLASSES = {"PANN": 527, "YamNet": 521}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def golden():
    with np.load(DATA / "metrics.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("classifier", N_CLASSES)
def test_published_values(golden, classifier):
    values = file_metrics(
        golden[f"{classifier}__oracle_probs"],
        golden[f"{classifier}__model_probs"],
        classifier=classifier,
    )
    prefix = f"{classifier}__metric__"
    expected = {key[len(prefix) :]: golden[key] for key in golden if key.startswith(prefix)}
    del expected["mel_mse"]
    assert values.keys() == expected.keys()
    for name, array in expected.items():
        assert values[name].shape == (12,)
        if name.startswith("ptopafc"):
            assert np.float32(values[name].mean()) == array, name
        else:
            np.testing.assert_allclose(values[name], array, rtol=1e-4, err_msg=name)


@pytest.mark.parametrize("classifier", N_CLASSES)
def test_published_mel_error(golden, classifier):
    """Only the first file's Mels are stored."""
    probs = golden[f"{classifier}__oracle_probs"][:10]
    mels = (golden[f"{classifier}__{who}_mels_first_file"] for who in ("oracle", "model"))
    values = file_metrics(probs, probs, *mels, classifier=classifier)
    assert values.keys() == READABLE_NAMES.keys()
    expected = golden[f"{classifier}__metric__mel_mse"][:1]
    np.testing.assert_allclose(values["mel_mse"], expected, rtol=1e-4)


def test_files_of_different_length_equal_files_alone(rng, monkeypatch):
    """Also when a block holds only a few of the files, and a file is longer than a block."""
    counts = [3, 1, 7, 2, 5]
    oracle, model = rng.uniform(size=(2, sum(counts), 527))
    mels = rng.normal(size=(2, sum(counts), 101, 64)).astype(np.float32)
    monkeypatch.setattr(metrics, "_CHUNKS_AT_ONCE", 4)
    together = file_metrics(oracle, model, *mels, classifier="PANN", chunks_per_file=counts)
    for i, (stop, size) in enumerate(zip(np.cumsum(counts), counts, strict=True)):
        rows = slice(stop - size, stop)
        alone = file_metrics(
            oracle[rows], model[rows], *mels[:, rows], classifier="PANN", chunks_per_file=int(size)
        )
        for name, value in alone.items():
            if "weighted" not in name:  # the weight depends on the other files
                np.testing.assert_allclose(together[name][i], value[0], rtol=1e-12)


def test_streams_from_hdf5(rng, tmp_path):
    oracle, model = rng.uniform(size=(2, 70, 521)).astype(np.float32)
    with h5py.File(tmp_path / "outputs.h5", "w") as file:
        datasets = [file.create_dataset(k, data=v) for k, v in (("o", oracle), ("m", model))]
        streamed = file_metrics(*datasets, classifier="YamNet")
    for name, value in file_metrics(oracle, model, classifier="YamNet").items():
        np.testing.assert_array_equal(streamed[name], value)


def test_the_oracle_against_itself(rng):
    probs = rng.uniform(size=(40, 527))
    values = file_metrics(probs, probs, classifier="PANN")
    for name in ("logit_mse", "logit_kl", "logit_tvb_mse", "logit_tvb_kl"):
        assert not values[name].any()
    np.testing.assert_allclose(values["logit_cos"], 1)
    np.testing.assert_allclose(values["ptopafc"], 1)
    assert values["ptopafc_weighted"].mean() == pytest.approx(1)


def test_weighted_agreement_is_the_mean_over_the_oracles_classes():
    """Three files of class 0, all right; one of class 1, wrong: 3/4 of files, 1/2 of classes."""
    oracle, model = np.full((2, 4, 527), 0.1)
    oracle[[0, 1, 2, 3], [0, 0, 0, 1]] = 0.9
    model[:, 0] = 0.9
    values = file_metrics(oracle, model, classifier="PANN", chunks_per_file=1)
    assert values["ptopafc"].mean() == pytest.approx(0.75)
    assert values["ptopafc_weighted"].mean() == pytest.approx(0.5)


def test_certain_and_silent_probabilities_stay_finite():
    oracle, model = np.zeros((2, 10, 527))
    model[:, 3] = 1
    values = file_metrics(oracle, model, classifier="PANN")
    assert all(np.isfinite(v).all() for v in values.values())
    assert values["logit_bce"][0] == pytest.approx(100 / 527)  # torch's floor for log(0)


@pytest.mark.parametrize(
    ("shapes", "chunks_per_file", "message"),
    [
        ([(10, 521), (10, 521)], 10, "521.*not of PANN.*527"),
        ([(20, 527), (10, 527)], 10, "probabilities differ"),
        ([(15, 527), (15, 527)], 10, "15 chunks cannot be"),
        ([(0, 527), (0, 527)], 10, "0 chunks"),
        ([(10, 527), (10, 527)], [4, 4], r"\[4, 4\]"),
        ([(10, 527), (10, 527)], [10, 0], r"\[10, 0\]"),
        ([(10, 527), (10, 527)], 0, "files of 0"),
        ([(10, 527), (10, 527), (10, 101, 64), (10, 96, 64)], 10, "Mels differ"),
        ([(10, 527), (10, 527), (9, 101, 64), (9, 101, 64)], 10, "number of chunks differ"),
        ([(10, 527), (10, 527), (10, 101, 64)], 10, "of neither"),
    ],
)
def test_outputs_that_do_not_belong_together(shapes, chunks_per_file, message):
    arrays = [np.zeros(shape) for shape in shapes]
    with pytest.raises(UserError, match=message):
        file_metrics(*arrays, classifier="PANN", chunks_per_file=chunks_per_file)
