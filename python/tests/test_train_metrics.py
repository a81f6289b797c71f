"""Metrics against counting in plain Python."""

import numpy as np
import pytest

import swiftopt as so


def rank(row, label):
    """How many predictions are greater than the label's."""
    return sum(value > row[label] for value in row)


@pytest.mark.parametrize("shape", [(1,), (17,), (5, 9), (4, 0)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_shares_of_rows(shape, dtype):
    rng = np.random.default_rng(0)
    predictions = rng.standard_normal((*shape, 6)).astype(np.float32)
    labels = rng.integers(6, size=shape).astype(dtype)
    flat = list(zip(predictions.reshape(-1, 6).tolist(), labels.ravel().tolist(), strict=True))
    for k, metric in [(1, so.train.accuracy), *((k, so.train.top_k_accuracy(k)) for k in (1, 3))]:
        found = metric(predictions, labels)
        if not flat:
            assert np.isnan(found)
        else:
            assert found == sum(rank(row, label) < k for row, label in flat) / len(flat)


def test_ignored_labels_do_not_count():
    predictions = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    labels = np.array([1, -100, 1])
    assert so.train.accuracy(predictions, labels) == 0.5
    assert so.train.top_k_accuracy(2)(predictions, labels) == 1.0


def test_equal_predictions():
    equal = np.zeros((2, 3))
    assert so.train.accuracy(equal, np.array([0, 1])) == 0.5  # the first one is taken
    assert so.train.top_k_accuracy(1)(equal, np.array([0, 1])) == 1.0


@pytest.mark.parametrize("metric", [so.train.accuracy, so.train.top_k_accuracy(2)])
def test_what_does_not_fit(metric):
    with pytest.raises(ValueError, match=r"targets have shape \(3,\), predictions \(2, 4\)"):
        metric(np.zeros((2, 4)), np.zeros(3, int))
    with pytest.raises(TypeError, match="targets have dtype float64; they must be labels"):
        metric(np.zeros((2, 4)), np.zeros(2))


@pytest.mark.parametrize("k", [0, -1, 1.0, True, "1"])
def test_k(k):
    with pytest.raises(ValueError, match="it must be a whole number of at least 1"):
        so.train.top_k_accuracy(k)


def test_batches_without_rows_do_not_count():
    """Of a batch whose labels are all ignored the accuracy is nan."""
    from swiftopt import nn

    net = nn.Sequential(nn.Linear(2, 2)).reset_parameters(0)
    net[0].weight[:], net[0].bias[:] = np.eye(2), 0
    x = np.eye(2, dtype=np.float32)
    batches = [(x, np.array([0, 0])), (x, np.array([-100, -100]))]
    history = so.train.fit(
        net,
        batches[:1],
        optimizer=so.SGD(net.named_parameters(), lr=0.0),
        loss=nn.CrossEntropyLoss(),
        metrics=["accuracy"],
        validation=batches[:1] * 2,
    )
    assert history["accuracy"] == history["val_accuracy"] == [0.5]


def test_targets_may_be_probabilities():
    predictions = np.array([[0.1, 0.7, 0.2], [0.8, 0.1, 0.0]])
    targets = np.array([[0.0, 0.6, 0.4], [0.3, 0.0, 0.7]], np.float32)
    assert so.train.accuracy(predictions, targets) == 0.5
    assert so.train.top_k_accuracy(3)(predictions, targets) == 1
