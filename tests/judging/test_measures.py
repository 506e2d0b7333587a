"""Measures of the judgement against cases computed by hand, and against plain loops."""

import numpy as np
import pytest

from judging import measures
from judging.measures import Estimate

COUNTS = np.array([2, 4, 3])


def repeated(values, counts, drawn):
    """The seconds of the recordings ``drawn``, one after the other."""
    parts = np.split(values, np.cumsum(counts)[:-1])
    return np.concatenate([parts[i] for i in drawn])


@pytest.fixture
def answers(rng):
    """Probabilities of three recordings; the last class is never audible."""
    truth, answer = rng.random((2, 9, 4))
    truth[:, 3] *= 0.09
    return truth.astype(np.float32), answer.astype(np.float32)


def test_resamples():
    weights = measures.resamples(5, 1000, seed=3)
    assert weights.shape == (1001, 5)
    assert (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 5).all()
    assert weights[1:].var() == pytest.approx(5 * 0.2 * 0.8, rel=0.05)  # binomial
    np.testing.assert_array_equal(weights, measures.resamples(5, 1000, seed=3))
    assert (weights != measures.resamples(5, 1000, seed=4)).any()
    assert measures.resamples(1, 1000).tolist() == [[1]]


def test_estimate():
    assert Estimate.of(np.array([7.0, *range(101)])) == Estimate(7, 2.5, 97.5)
    assert Estimate.of(np.array([7.0, 1, np.nan, 1])) == Estimate(7, 1, 1)
    alone = Estimate.of(np.array([7.0]))
    assert alone.value == 7
    assert np.isnan([alone.low, alone.high]).all()


def test_cross_entropy():
    truth = np.array([[1, 0], [0, 0], [0.5, 1]])
    answer = np.array([[0.5, 0.5], [0, 1], [0.5, 1]], dtype=np.float32)
    ln2, wrongly_sure = np.log(2), -np.log(1e-7)
    expected = [(ln2 + wrongly_sure / 2) / 2, ln2 / 2]
    np.testing.assert_allclose(
        measures.cross_entropy(truth, answer, np.array([2, 1])), expected, rtol=1e-6
    )


def test_mean_over_recordings():
    weights = np.array([[1, 1, 1], [0, 1, 2]])
    assert measures.mean_over_recordings([1, 2, 6], weights).tolist() == [3, 14 / 3]


def test_top1_agreement_counts_seconds():
    truth = np.eye(3)[[0, 1, 1, 2]]
    answer = np.eye(3)[[0, 1, 0, 0]]
    weights = np.array([[1, 1], [2, 0], [0, 2], [3, 1]])
    agreement = measures.top1_agreement(truth, answer, np.array([1, 3]), weights)
    assert agreement.tolist() == [2 / 4, 1, 1 / 3, 4 / 6]


@pytest.mark.parametrize("drawn", [(0, 1, 2), (0, 0, 1), (2, 2, 2)])
def test_class_correlation(answers, drawn):
    truth, answer = answers
    truth[COUNTS[0] :, 0] *= 0.09  # audible in the first recording alone
    audible = [0, 1, 2] if 0 in drawn else [1, 2]
    a, b = (repeated(x, COUNTS, drawn) for x in answers)
    expected = np.mean([np.corrcoef(a[:, k], b[:, k])[0, 1] for k in audible])
    weights = np.bincount(drawn, minlength=3)[np.newaxis]
    found = measures.class_correlation(truth, answer, COUNTS, weights)
    assert found[0] == pytest.approx(expected, abs=1e-6)


def test_correlation_of_constant_answers_and_of_nothing_audible(answers):
    truth, answer = answers
    weights = measures.resamples(3, 20)
    constant = np.broadcast_to(answer.mean(axis=0), answer.shape)
    assert np.abs(measures.class_correlation(truth, constant, COUNTS, weights)).max() < 1e-6
    assert np.isnan(measures.class_correlation(0.05 * truth, answer, COUNTS, weights)).all()


def test_nearest_class_by_hand():
    """Two recordings of a label, two classes, one second each: distances done on paper.

    Leaving out the first: the others are a, b, b with log probabilities (of class 0) 0, -4, -4
    (and of class 1 the reverse), all of the same sign after the mean is taken off.
    """
    sure, not_sure = np.exp(0) - 1e-4, np.exp(-4) - 1e-4
    answer = np.array([[sure, not_sure]] * 2 + [[not_sure, sure]] * 2)
    counts = np.ones(4, dtype=int)
    hits = measures.nearest_class_hits(answer, counts, [*"aabb"], range(4))
    assert hits.tolist() == [True] * 4
    # the third is labelled as what it does not sound like: it misses, and the fourth has no
    # fellow; the first two have a mean with it that still points their way
    hits = measures.nearest_class_hits(answer, counts, [*"aaab"], range(4))
    assert hits.tolist() == [True, True, False, False]


def test_nearest_class_takes_the_highest_of_a_recording_and_leaves_out_folds(rng):
    answer = rng.random((24, 5)) ** 3
    counts, labels, folds = np.full(12, 2), list("abc") * 4, [1] * 6 + [2] * 6
    x = np.log(answer.reshape(12, 2, 5).max(axis=1) + 1e-4)
    expected = []
    for asked in range(12):
        known = [i for i in range(12) if folds[i] != folds[asked]]
        mean, deviation = x[known].mean(axis=0), x[known].std(axis=0) + 0.3
        z = (x - mean) / deviation
        similarity = {}
        for label in "abc":
            centre = np.mean([z[i] for i in known if labels[i] == label], axis=0)
            lengths = np.linalg.norm(centre) * np.linalg.norm(z[asked])
            similarity[label] = centre @ z[asked] / lengths
        expected.append(max(similarity, key=similarity.get) == labels[asked])
    hits = measures.nearest_class_hits(answer, counts, labels, folds)
    assert hits.tolist() == expected
    assert 0 < hits.sum() < 12
    assert not measures.nearest_class_hits(answer, counts, labels, [1] * 12).any()


def test_presence_correlation():
    heard, presence = [0.1, 0.5, 0.2, 0.9], [0, 0.6, 0.7, 1]
    weights = np.array([[1, 1, 1, 1], [2, 1, 1, 0], [4, 0, 0, 0]])
    found = measures.presence_correlation(heard, presence, weights)
    assert found[0] == pytest.approx(np.corrcoef(heard, presence)[0, 1])
    resampled = [[x[0], x[0], x[1], x[2]] for x in (heard, presence)]
    assert found[1] == pytest.approx(np.corrcoef(*resampled)[0, 1])
    assert np.isnan(found[2])  # one recording, drawn four times
    assert np.isnan(measures.presence_correlation([0.3] * 4, presence, weights)).all()


def test_recording_means():
    values = np.arange(6.0).reshape(3, 2)
    assert measures.recording_means(values, np.array([1, 2])).tolist() == [[0, 1], [3, 4]]
