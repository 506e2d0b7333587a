"""Folding BatchNorm away changes nothing but the number of layers."""

import pytest
import torch
from torch import nn

from transcoder.classifiers import Classifier, new_network
from transcoder.folding import fold_batch_norm


def norms(network):
    return [name for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)]


FACTORED = {"ranks": {"layer3.pointwise_conv.conv": 24, "layer9.pointwise_conv.conv": 40}}


@pytest.mark.parametrize(
    "name, shape, frames, left",
    [
        ("YamNet", None, 96, []),
        ("YamNet", FACTORED, 96, []),
        ("PANN", None, 101, ["network.bn0"]),
    ],
)
def test_folded_classifiers_give_the_same(name, shape, frames, left):
    torch.manual_seed(0)
    classifier = Classifier(name, new_network(name, shape), "random")
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d):  # else scale 1 and shift 0 would hide mistakes
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.uniform_(module.bias, -0.1, 0.1)
    state = {key: value.clone() for key, value in classifier.state_dict().items()}
    folded = fold_batch_norm(classifier)
    assert norms(folded) == left
    mels = torch.randn(2, frames, 64)
    torch.testing.assert_close(folded(mels), classifier(mels), atol=1e-5, rtol=1e-4)
    assert not any(p.requires_grad for p in folded.parameters())
    # the original is as it was
    torch.testing.assert_close(dict(classifier.state_dict()), state, atol=0, rtol=0)


def test_gradients_to_the_input_survive():
    classifier = Classifier("YamNet", new_network("YamNet"), "random")
    gradients = []
    for network in (classifier, fold_batch_norm(classifier)):
        mels = torch.full((1, 96, 64), 0.5, requires_grad=True)
        network(mels).sum().backward()
        gradients.append(mels.grad)
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-9)


def test_only_what_follows_a_convolution_is_folded():
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU())
    assert norms(fold_batch_norm(network.eval())) == ["0"]


def test_training_mode_is_refused():
    with pytest.raises(ValueError, match="evaluation mode"):
        fold_batch_norm(new_network("YamNet").train())
