"""Bad arguments of a loader: which one, what it was, and what it must be."""

import numpy as np
import pytest

import swiftopt as so

X = np.zeros((10, 4, 4), np.uint8)
Y = np.arange(10)


class NoShape:
    def read(self, indices, out):
        pass


@pytest.mark.parametrize(
    ("data", "error", "text"),
    [
        ((), ValueError, "0 fields"),
        ({}, ValueError, "0 fields"),
        ((X,) * 17, ValueError, "17 fields"),
        ((X, Y[:9]), ValueError, r"data\[1\] has 9 samples and data\[0\] 10"),
        ({"x": X, "y": Y[:9]}, ValueError, r"data\['y'\] has 9 samples and data\['x'\] 10"),
        (X[:0], ValueError, "empty"),
        (X[:, :0], ValueError, r"shape \(0, 4\); a sample must have elements"),
        (np.float32(1), ValueError, "single number"),
        (3.0, ValueError, "single number"),
        (None, TypeError, "NoneType; it must be an array"),
        ("abc", TypeError, "str; it must be an array"),
        ((X, None), TypeError, r"data\[1\] is a NoneType"),
        (np.array([None] * 3), TypeError, "dtype object"),
        (X.transpose(0, 2, 1)[:, :, ::-1], ValueError, "not contiguous"),
        (np.asfortranarray(X), ValueError, "not contiguous"),
        (NoShape(), TypeError, "`shape`"),
    ],
)
def test_data(data, error, text):
    with pytest.raises(error, match=text):
        so.data.Loader(data, batch_size=2)


@pytest.mark.parametrize(
    ("keywords", "error", "text"),
    [
        ({"batch_size": None}, TypeError, "batch_size must be given"),
        ({"batch_size": 0}, ValueError, "batch_size is 0"),
        ({"batch_size": -3}, ValueError, "batch_size is -3"),
        ({"batch_size": 2.0}, TypeError, "batch_size is 2.0; it must be a whole number"),
        ({"batch_size": True}, ValueError, "batch_size is True"),
        ({"batch_size": 2**40}, ValueError, "batch_size"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"seed": 2**64}, ValueError, "seed is"),
        ({"seed": 1.5}, TypeError, "seed is 1.5"),
        ({"prefetch": 0}, ValueError, "prefetch is 0"),
        ({"shuffle": "yes"}, TypeError, "shuffle is 'yes'; it must be True or False"),
        ({"drop_last": 1}, TypeError, "drop_last is 1; it must be True or False"),
        ({"copy": None}, TypeError, "copy is None; it must be True or False"),
        ({"skip_errors": "no"}, TypeError, "skip_errors is 'no'; it must be True or False"),
        ({"scale": 0}, TypeError, "scale is 0; it must be True or False"),
        ({"threads": 0}, ValueError, "threads is 0"),
        ({"threads": 65}, ValueError, "threads is 65"),
        ({"rank": 1}, ValueError, r"rank is 1; with world=1 it must be in 0 \.\.\. 0"),
        ({"augment": "flip"}, TypeError, "augment is 'flip'; it must be a list"),
        ({"augment": [3]}, TypeError, r"augment\[0\] is 3; it must be an augmentation"),
        ({"rank": -1}, ValueError, "rank is -1"),
        ({"world": 0}, ValueError, "world is 0"),
        ({"dtype": "int3"}, TypeError, "dtype is 'int3'"),
        ({"dtype": "int8"}, TypeError, "dtype is int8; data"),
        ({"dtype": "U3"}, TypeError, "floating-point or an integer"),
        ({"label_dtype": "int32"}, TypeError, "label_dtype is int32"),
        ({"classes": 0}, ValueError, "classes is 0"),
        ({"classes": 10, "label_dtype": "float32"}, ValueError, "label_dtype must not"),
        ({"augment": [so.data.Mixup(1.0)]}, ValueError, "classes must say how many"),
        ({"augment": [1]}, TypeError, "augmentation"),
        ({"augment": [so.data.RandomCrop(9)]}, ValueError, "augment"),
    ],
)
def test_keywords(keywords, error, text):
    with pytest.raises(error, match=text):
        so.data.Loader((X, Y), **{"batch_size": 2, **keywords})


def test_label_keywords_need_labels():
    for keywords in ({"label_dtype": "float32"}, {"classes": 3}):
        with pytest.raises(ValueError, match="second field"):
            so.data.Loader(X, batch_size=2, **keywords)
    with pytest.raises(TypeError, match="one integer per sample"):
        so.data.Loader((X, X), batch_size=2, classes=3)
    with pytest.raises(TypeError, match="one integer per sample"):
        so.data.Loader((X, Y / 2), batch_size=2, classes=3)


def test_epochs_are_whole_numbers():
    loader = so.data.Loader(X, batch_size=2)
    for epoch in (-1, 2**63):
        with pytest.raises(ValueError, match="epoch is"):
            loader.set_epoch(epoch)
    with pytest.raises(TypeError, match="whole number"):
        loader.set_epoch(0.5)


def test_augmentations_need_images():
    with pytest.raises(ValueError, match="images have shape"):
        so.data.Loader(Y, batch_size=2, augment=[so.data.RandomHorizontalFlip()])
    with pytest.raises(TypeError, match="Ragged"):
        so.data.Loader(
            so.data.Ragged(np.zeros(4), np.array([0, 4])),
            batch_size=1,
            augment=[so.data.RandomHorizontalFlip()],
        )


def test_a_refused_loader_starts_no_thread():
    from .loading import thread_ids

    before = thread_ids()
    with pytest.raises(ValueError, match="rank"):
        so.data.Loader(X, batch_size=2, rank=5)
    assert not thread_ids() - before


def test_augment_may_be_none_or_any_iterable():
    assert next(iter(so.data.Loader(X, batch_size=2, augment=None))).dtype == np.uint8
    flips = (so.data.RandomHorizontalFlip(p=1) for _ in range(1))
    assert next(iter(so.data.Loader(X, batch_size=2, augment=flips))).shape == (2, 4, 4)


def test_images_with_channels_first_are_told_what_moves_them():
    with pytest.raises(ValueError, match=r"shape \(3, 32, 32\).*moveaxis\(images, 1, -1\)"):
        so.data.Loader(np.zeros((2, 3, 32, 32)), batch_size=2, augment=so.data.RandomCrop(8))


@pytest.mark.parametrize(
    ("dtype", "pad"),
    [
        ("uint8", -1),
        ("uint8", 256),
        ("int64", 0.5),
        ("int64", np.nan),
        ("int64", 2.0**63),
        ("?", 2),
    ],
)
def test_a_pad_that_the_batches_cannot_have(dtype, pad):
    ragged = so.data.Ragged(np.zeros(3, dtype), [0, 1, 3], pad=pad)
    with pytest.raises(ValueError, match=r"data\[1\] is a Ragged with pad .*; pad must be a whole"):
        so.data.Loader((Y[:2], ragged), batch_size=2)


def test_a_pad_is_for_the_dtype_of_the_batches():
    ragged = so.data.Ragged(np.zeros(3, np.uint8), [0, 1, 3], pad=-1)
    found = next(iter(so.data.Loader(ragged, batch_size=2, dtype="int64")))
    assert found.tolist() == [[0, -1], [0, 0]]


def test_a_pad_that_is_no_number():
    with pytest.raises(TypeError, match="Ragged: pad is 'x'; it must be a number"):
        so.data.Ragged(np.zeros(3), [0, 3], pad="x")
