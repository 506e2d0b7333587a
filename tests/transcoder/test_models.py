"""Transcoders against the published system, and their limits."""

import numpy as np
import pytest
import torch
from filled_weights import fill

from transcoder.errors import MissingFileError, UsageError
from transcoder.models import ModelSettings, build_model, count_parameters

GOLDEN_MODELS = {
    "mlp": {"model_type": "mlp", "mlp_hl_1": 100, "mlp_hl_2": 1000},
    "mlp_pinv": {"model_type": "mlp_pinv", "mlp_hl_1": 100, "mlp_hl_2": 1000},
    "cnn_pinv_small": {
        "model_type": "cnn_pinv",
        "cnn_kernel_size": 3,
        "cnn_nb_channels": 16,
        "cnn_nb_layers": 3,
        "cnn_dilation": 2,
    },
}
PUBLISHED_CNN = {
    "model_type": "cnn_pinv",
    "cnn_kernel_size": 5,
    "cnn_nb_channels": 64,
    "cnn_nb_layers": 5,
    "cnn_dilation": 1,
}


@pytest.mark.parametrize("classifier", ["PANN", "YamNet"])
@pytest.mark.parametrize("name", GOLDEN_MODELS)
def test_golden_with_filled_weights(reference, name, classifier):
    model = build_model(ModelSettings(mels_type=classifier, **GOLDEN_MODELS[name]))
    fill(model)
    with np.load(reference / "birds.npz") as birds:
        levels = torch.from_numpy(birds["third_octave_db"][:2]).float()
    with np.load(reference / "model_parity.npz") as arrays:
        golden = arrays[f"{name}_{classifier}"]
    with torch.no_grad():
        mels = model(levels).numpy()
    assert np.abs(mels - golden).max() < 1e-3 * np.abs(golden).max()


def test_size_of_the_published_cnn():
    model = build_model(ModelSettings(mels_type="PANN", **PUBLISHED_CNN))
    assert count_parameters(model) == 186_497
    assert list(model.state_dict())[:3] == [
        "mod_conv.1.weight",
        "mod_conv.1.bias",
        "mod_conv.4.weight",
    ]


@pytest.mark.parametrize("n_layers", [1, 2, 3, 5])
@pytest.mark.parametrize("dilation", [0, 1, 3])
@pytest.mark.parametrize("input_type", ["third_octave", "mel_time", "mel_freq"])
def test_cnn_shapes(n_layers, dilation, input_type):
    settings = ModelSettings(
        "cnn_pinv",
        "YamNet",
        cnn_kernel_size=3,
        cnn_nb_layers=n_layers,
        cnn_nb_channels=4,
        cnn_dilation=dilation,
        input_type=input_type,
    )
    levels = torch.zeros(2, *settings.input_shape)
    assert build_model(settings)(levels).shape == (2, 96, 64)


def test_only_middle_layers_are_dilated():
    settings = ModelSettings("cnn_pinv", "PANN", 3, 4, 2, 3)
    convolutions = [m for m in build_model(settings).mod_conv if isinstance(m, torch.nn.Conv2d)]
    assert [c.dilation for c in convolutions] == [(1, 1), (1, 3), (1, 3), (1, 1)]


@pytest.mark.parametrize("classifier, n_classes", [("PANN", 527), ("YamNet", 521)])
def test_class_models_give_probabilities(classifier, n_classes):
    levels = torch.linspace(-20, 40, 2 * 8 * 29).reshape(2, 8, 29)
    for model_type in ("self", "effnet_b0"):
        model = build_model(ModelSettings(model_type, classifier)).eval()
        with torch.no_grad():
            probabilities = model(levels)
        assert probabilities.shape == (2, n_classes)
        assert ((probabilities >= 0) & (probabilities <= 1)).all()


def test_effnet_stem_takes_one_channel():
    model = build_model(ModelSettings("effnet_b0", "PANN"))
    stem = model.network.features[0][0]
    assert (stem.in_channels, stem.kernel_size, stem.stride, stem.bias) == (1, (3, 3), (2, 2), None)


@pytest.mark.parametrize("size", ["b0", "b7"])
def test_effnet_has_the_published_stem_and_batch_norm(size):
    """No padding: the image of 101 x 64 comes out as 50 x 31."""
    model = build_model(ModelSettings(f"effnet_{size}", "PANN"))
    assert model.network.features[0][0](torch.zeros(1, 1, 101, 64)).shape[2:] == (50, 31)
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert norms and {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}


def test_pretrained_effnet_names_the_command_that_fetches_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(
        MissingFileError, match=r"download_pretrained_models.py --only efficientnet_b7"
    ):
        build_model(ModelSettings("effnet_b7", "PANN"), pretrained=True)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"model_type": "cnn", "mels_type": "PANN"}, "unknown transcoder 'cnn'"),
        ({"model_type": "mlp", "mels_type": "Vggish"}, "unknown classifier 'Vggish'"),
        ({"model_type": "mlp", "mels_type": "PANN"}, "mlp_hl_1 must be 1 or more, not None"),
        (
            {
                "model_type": "cnn_pinv",
                "mels_type": "PANN",
                "cnn_kernel_size": 5,
                "cnn_nb_layers": 0,
                "cnn_nb_channels": 1,
            },
            "cnn_nb_layers must be 1 or more",
        ),
        (
            {
                "model_type": "cnn_pinv",
                "mels_type": "PANN",
                "cnn_kernel_size": 4,
                "cnn_nb_layers": 2,
                "cnn_nb_channels": 1,
            },
            "must be odd",
        ),
    ],
)
def test_impossible_settings(arguments, message):
    with pytest.raises(UsageError, match=message):
        ModelSettings(**arguments)
