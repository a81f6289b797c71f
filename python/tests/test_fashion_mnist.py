"""Fashion-MNIST is found where it may be, and files that don't fit are refused."""

import gzip

import numpy as np
import pytest

import swiftopt as so

from .data_files import assert_same_bits, gzipped, idx_bytes, written


def write_fashion_mnist(folder, train=20, test=7, *, compress=gzipped, suffix=".gz"):
    rng = np.random.default_rng(4)
    arrays = {}
    for part, count in (("train", train), ("t10k", test)):
        arrays[part] = (
            rng.integers(0, 256, (count, 28, 28), np.uint8), rng.integers(0, 10, count, np.uint8)
        )  # fmt: skip
        for kind, array in zip(("images-idx3", "labels-idx1"), arrays[part], strict=True):
            written(folder, compress(idx_bytes(array)), f"{part}-{kind}-ubyte{suffix}")
    return arrays


@pytest.mark.parametrize(("compress", "suffix"), [(gzipped, ".gz"), (bytes, "")])
def test_fashion_mnist_is_found_by_argument_or_variable(tmp_path, monkeypatch, compress, suffix):
    arrays = write_fashion_mnist(tmp_path, compress=compress, suffix=suffix)
    given_folder = so.data.fashion_mnist(tmp_path)
    monkeypatch.setenv("SWIFTOPT_DATA", str(tmp_path))
    for train, test in (given_folder, so.data.fashion_mnist()):
        for (images, labels), part in ((train, "train"), (test, "t10k")):
            assert images.shape == (len(labels), 28, 28, 1)
            assert_same_bits(images[..., 0], arrays[part][0])
            assert_same_bits(labels, arrays[part][1])
    assert len(given_folder.classes) == 10
    assert given_folder.train[0].shape[0] == 20


def test_fashion_mnist_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SWIFTOPT_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"no train-images.*apt-get.*SWIFTOPT_DATA"):
        so.data.fashion_mnist()
    write_fashion_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"no t10k-labels-idx1-ubyte\.gz in"):
        so.data.fashion_mnist()


def test_fashion_mnist_refuses_files_that_dont_fit(tmp_path):
    write_fashion_mnist(tmp_path)
    labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    for wrong in (np.zeros(8, np.uint8), np.full(7, 10, np.uint8), np.zeros(7, np.int32)):
        labels.write_bytes(gzipped(idx_bytes(wrong)))
        with pytest.raises(so.data.DataError, match="Fashion-MNIST: images of"):
            so.data.fashion_mnist(tmp_path)
    labels.write_bytes(gzip.compress(b""))
    with pytest.raises(so.data.DataError, match=r"t10k-labels-idx1-ubyte\.gz: ends at byte 0"):
        so.data.fashion_mnist(tmp_path)
