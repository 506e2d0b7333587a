"""YAMNet and ResNet38 against the published system; frozen teachers; class lists."""

import json

import numpy as np
import pytest
import torch
from filled_weights import fill

from transcoder.audioset import audioset_classes, class_names, tvb_indices
from transcoder.classifiers import Classifier, load_classifier, new_network
from transcoder.errors import MissingFileError, UserError
from transcoder.hearing import hear_recording
from transcoder.mels import join_chunks


@pytest.fixture(scope="module")
def filled_resnet38(reference):
    names = json.loads((reference / "model_parity_state_dicts.json").read_text())
    network = new_network("PANN")
    assert list(network.state_dict()) == list(names["resnet38"])
    scale = names["resnet38_fc_audioset_weight_scale"]
    fill(network, scales={"fc_audioset.weight": scale})
    return network.eval()


@pytest.fixture(scope="module")
def parity(reference):
    with np.load(reference / "model_parity.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def bird_mels(reference):
    with np.load(reference / "birds.npz") as arrays:
        return torch.from_numpy(arrays["mel_pann_db"])


def relative_error(found, golden) -> float:
    return np.abs(found.detach().numpy() - golden).max() / np.abs(golden).max()


def test_resnet38_golden_forward_and_input_gradient(filled_resnet38, parity, bird_mels):
    mels = bird_mels[:2].clone().requires_grad_()
    probabilities = filled_resnet38(mels)
    probabilities.sum().backward()
    assert relative_error(probabilities, parity["resnet38_clipwise"]) < 1e-3
    gradient = mels.grad.unsqueeze(1)
    assert relative_error(gradient, parity["resnet38_input_grad"]) < 1e-2
    embedding = filled_resnet38.embedding(bird_mels[:2])
    assert relative_error(embedding, parity["resnet38_embedding"]) < 1e-3


def test_resnet38_golden_of_four_seconds(filled_resnet38, parity, bird_mels):
    # the golden's input is the four chunks one after the other, 404 frames
    with torch.no_grad():
        probabilities = filled_resnet38(bird_mels.flatten(0, 1).unsqueeze(0))
    assert relative_error(probabilities, parity["resnet38_clipwise_4s"]) < 1e-3


def test_pann_hears_a_file_as_one_spectrogram(filled_resnet38, bird_mels):
    classifier = Classifier("PANN", filled_resnet38, "filled")
    with torch.no_grad():
        whole = classifier(join_chunks(bird_mels, classifier.front_end).unsqueeze(0))[0]
    torch.testing.assert_close(hear_recording(classifier, bird_mels), whole)


@pytest.mark.parametrize("mels", ["mel", "pinv", "cnn_logits"])
def test_yamnet_golden(recording, yamnet_weights, mels):
    yamnet = load_classifier("YamNet", yamnet_weights)
    probabilities = yamnet.probabilities(torch.from_numpy(recording[f"{mels}_yamnet_log"]))
    np.testing.assert_allclose(probabilities, recording[f"yamnet_probs_from_{mels}"], atol=1e-4)


def test_yamnet_state_names(reference):
    names = json.loads((reference / "model_parity_state_dicts.json").read_text())["yamnet"]
    found = {key: list(value.shape) for key, value in new_network("YamNet").state_dict().items()}
    assert found == names


def test_yamnet_hears_the_birds(reference, yamnet_weights):
    yamnet = load_classifier("YamNet", yamnet_weights)
    with np.load(reference / "birds.npz") as arrays:
        mels = torch.from_numpy(arrays["mel_yamnet_log"])
    top = yamnet.top(hear_recording(yamnet, mels), k=5)
    assert "Bird" in [name for name, _ in top]
    assert top == sorted(top, key=lambda item: -item[1])
    assert yamnet.label == "YamNet (yamnet_from_public_tflite.pth)"


def test_batches_do_not_change_probabilities(rng):
    torch.manual_seed(0)
    classifier = Classifier("YamNet", new_network("YamNet"), "random")
    mels = torch.from_numpy(rng.uniform(-6, 3, (5, 96, 64))).float()
    torch.testing.assert_close(
        classifier.probabilities(mels, batch_size=2), classifier.probabilities(mels)
    )
    torch.testing.assert_close(
        hear_recording(classifier, mels), classifier.probabilities(mels).mean(dim=0)
    )
    assert classifier.probabilities(mels[:0]).shape == (0, 521)


def test_a_classifier_is_frozen_but_passes_gradients(rng):
    classifier = Classifier("YamNet", new_network("YamNet"), "random")
    assert not any(p.requires_grad for p in classifier.parameters())
    mels = torch.from_numpy(rng.uniform(-6, 3, (1, 96, 64))).float().requires_grad_()
    torch.nn.ModuleList([classifier]).train()
    assert not any(m.training for m in classifier.modules())
    classifier(mels).sum().backward()
    assert mels.grad.abs().sum() > 0


def test_dropout_acts_in_training_only(rng):
    network = new_network("PANN")
    mels = torch.from_numpy(rng.uniform(-60, 20, (2, 101, 64))).float()
    with torch.no_grad():
        network.train()
        assert not torch.equal(network(mels), network(mels))
        network.eval()
        assert torch.equal(network(mels), network(mels))


@pytest.mark.parametrize(
    "name, command", [("PANN", "--only ResNet38"), ("YamNet", "--only yamnet")]
)
def test_missing_weights_name_the_command(tmp_path, monkeypatch, name, command):
    monkeypatch.setenv(f"{name.upper()}_WEIGHTS", str(tmp_path / "none.pth"))
    with pytest.raises(MissingFileError, match=f"none.pth is missing.*{command}"):
        load_classifier(name)


def test_weights_of_another_network(tmp_path):
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "linear.pth")
    with pytest.raises(UserError, match=r"linear.pth: does not fit YamNet: layer1.*and 1.. more"):
        load_classifier("YamNet", tmp_path / "linear.pth")


def test_pann_checkpoint_brings_its_own_front_end(tmp_path, filled_resnet38):
    state = filled_resnet38.state_dict() | {
        "spectrogram_extractor.stft.conv_real.weight": torch.zeros(1),
        "logmel_extractor.melW": torch.zeros(1),
    }
    torch.save({"iteration": 1, "model": state}, tmp_path / "pann.pth")
    assert load_classifier("PANN", tmp_path / "pann.pth").name == "PANN"


def test_class_lists():
    assert (len(class_names("PANN")), len(class_names("YamNet"))) == (527, 521)
    assert class_names("PANN")[0] == class_names("YamNet")[0] == "Speech"
    by_mid = {c.mid: c for c in audioset_classes("YamNet")}
    shared = [c for c in audioset_classes("PANN") if c.mid in by_mid]
    assert len(shared) == 521
    assert all(c.name == by_mid[c.mid].name for c in shared)
    assert len(tvb_indices("PANN")) == 46
