"""The format: files of old versions, other versions, and a reader that shares no code."""

import json

import ml_dtypes
import numpy as np
import pytest
import xxhash

import swiftopt as so
from swiftopt import _core

from . import plain_checkpoint
from .cases import bits
from .checkpoint_examples import DATA, EXTRA, Training, lazy
from .test_checkpoint_values import assert_same

VERSION1 = DATA / "version1.safetensors"


def test_version_1_is_loaded():
    """Expected is a run of the same steps, which the optimizers' own tests judge."""
    expected = Training().steps(0, 7)
    loaded = Training()
    result = so.load(VERSION1, **loaded.objects())
    assert (result.format, result.writer) == (1, "swiftopt 0.1.0")
    assert_same(EXTRA, result.extra)
    assert bits(loaded.optimizer, flat(loaded)) == bits(expected.optimizer, flat(expected))
    assert loaded.scaler.state == expected.scaler.state
    assert loaded.plateau.state == expected.plateau.state
    assert_same(expected.stopping.state, loaded.stopping.state)
    assert loaded.optimizer.step_count == 3
    loaded.steps(7, 12)
    expected.steps(7, 12)
    assert bits(loaded.optimizer, flat(loaded)) == bits(expected.optimizer, flat(expected))


def flat(training):
    layer = training.params["layer"]
    return {"w": layer["w"], "b": layer["b"], "h": training.params["h"]}


def test_a_python_without_memfd_create_loads_too(monkeypatch):
    expected = so.load(DATA / "version1_lazy.safetensors").params
    monkeypatch.delattr("os.memfd_create")
    params = so.load(DATA / "version1_lazy.safetensors").params
    assert {name: array.tobytes() for name, array in params.items()} == {
        name: array.tobytes() for name, array in expected.items()
    }


def test_version_1_without_params_is_loaded():
    expected, params = lazy()
    optimizer = so.SGD(lr=9.0, momentum=0.1)
    other = {key: np.ones_like(array) for key, array in params.items()}
    so.load(DATA / "version1_lazy.safetensors", params=other, optimizer=optimizer)
    for key in ("b", "w"):
        expected.update(key, params[key], np.ones_like(params[key]))
        optimizer.update(key, other[key], np.ones_like(params[key]))
        assert params[key].tobytes() == other[key].tobytes()
    assert optimizer.step_count == 4


def test_what_version_1_has_is_still_written(tmp_path):
    """Nothing was forgotten or renamed without a new version."""
    header, content, data = plain_checkpoint.parse(VERSION1.read_bytes())
    so.save(tmp_path / "run", **Training().steps(0, 7).objects(), extra=EXTRA)
    now, other, other_data = plain_checkpoint.parse((tmp_path / "run").read_bytes())
    assert content.keys() <= other.keys()
    for name in header:
        then = plain_checkpoint.tensor(header, data, name)
        assert plain_checkpoint.tensor(now, other_data, name) == then


@pytest.mark.parametrize("version", [0, 2, 1000, "1", None])
def test_other_versions_are_refused(tmp_path, version):
    header, content, data = plain_checkpoint.parse(VERSION1.read_bytes())
    content["format"], content["writer"] = version, "swiftopt 99.1"
    path = tmp_path / "run"
    path.write_bytes(plain_checkpoint.build(header, content, data))
    training = Training()
    before = bits(training.optimizer, flat(training))
    message = f"has version {version!r} of the format, written by 'swiftopt 99.1'; .* reads 1"
    with pytest.raises(so.CheckpointError, match=message):
        so.load(path, **training.objects())
    assert bits(training.optimizer, flat(training)) == before


def test_unknown_entries_of_a_later_writer_are_no_problem(tmp_path):
    header, content, data = plain_checkpoint.parse(VERSION1.read_bytes())
    content["comment"] = {"added": "later"}
    path = tmp_path / "run"
    path.write_bytes(plain_checkpoint.build(header, content, data))
    so.load(path, **Training().objects())


def test_a_reader_that_shares_no_code(tmp_path):
    params = {
        "large": np.random.default_rng(0).standard_normal(300_001),
        "half": np.arange(7).astype(ml_dtypes.bfloat16),
        "empty": np.zeros((0, 3), np.int8),
        "number": np.array(2.5, np.float16),
    }
    optimizer = so.AdamW({"large": params["large"]})
    optimizer.step({"large": np.ones(300_001)})
    path = tmp_path / "run"
    so.save(path, params=params, optimizer=optimizer, extra=[1.5])
    header, content, data = plain_checkpoint.parse(path.read_bytes())
    assert content["tensors"] == plain_checkpoint.checksums(header, data)
    assert content["forms"] == plain_checkpoint.forms_checksum(header)
    assert content["extra"] == [1.5]
    assert [name for name, _ in content["params"]] == list(params)
    for name, tensor in content["params"]:
        assert plain_checkpoint.tensor(header, data, tensor) == params[name].tobytes()
        assert header[tensor]["shape"] == list(params[name].shape)
    (name, slots), = content["optimizer"]["state"]  # fmt: skip
    for slot, tensor in slots.items():
        expected = optimizer.state[name][slot].tobytes()
        assert plain_checkpoint.tensor(header, data, tensor) == expected


def test_the_safetensors_package_reads_it():
    from safetensors import safe_open

    with safe_open(VERSION1, framework="np") as file:
        assert set(file.metadata()) == {"swiftopt"}
        assert file.get_tensor("params/layer.b").shape == (300,)


def test_the_same_content_gives_the_same_bytes(tmp_path):
    for name in "ab":
        so.save(tmp_path / name, **Training().steps(0, 3).objects(), extra=EXTRA)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_of_another_writer(tmp_path):
    """As docs/checkpoint-format.md says it can be made, without swiftopt."""
    shape, values = [2, 2], np.array([[1.0, 2.0], [3.0, 4.0]], "<f4")
    header = {"x": {"dtype": "F32", "shape": shape, "data_offsets": [0, 16]}}
    content = {
        "format": 1,
        "writer": "someone",
        "params": [["w", "x"]],
        "forms": plain_checkpoint.forms_checksum(header),
        "tensors": plain_checkpoint.checksums(header, values.tobytes()),
    }
    path = tmp_path / "run"
    path.write_bytes(plain_checkpoint.build(header, content, values.tobytes()))
    result = so.load(path)
    assert (result.writer, result.contents) == ("someone", ("params",))
    assert (result.params["w"] == values).all()


# ----------------------------------------------------------------- checksums


@pytest.mark.parametrize(
    ("data", "seed", "expected"),
    [
        # Published with xxHash (its self-test) and by python-xxhash's documentation.
        (b"", 0, 0xEF46DB3751D8E999),
        (b"", 2654435761, 0xAC75FDA2929B17EF),
        (b"a", 0, 0xD24EC4F1A98C6E5B),
        (b"abc", 0, 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0, 0xFBCEA83C8A378BF1),
    ],
)
def test_published_checksums(data, seed, expected):
    assert _core.checksum(data, seed) == expected


def test_checksums_against_the_xxhash_package():
    random = np.random.default_rng(0)
    data = random.bytes(2000)
    for size in [*range(200), 1023, 2000]:
        for begin in range(3):
            part = data[begin : begin + size]
            for seed in (0, 1, 2**64 - 1):
                assert _core.checksum(part, seed) == xxhash.xxh64_intdigest(part, seed)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 100_000, 123_456])
def test_checksums_of_blocks(threads, size):
    so.set_num_threads(threads)
    data = np.random.default_rng(size).bytes(size)
    expected = tuple(xxhash.xxh64_intdigest(data[n : n + 1000]) for n in range(0, size, 1000))
    assert _core.checksum_blocks(data, 1000) == expected


@pytest.mark.parametrize("size", [0, -1])
def test_blocks_of_no_size(size):
    with pytest.raises(ValueError, match=f"block_size is {size}; it must be >= 1"):
        _core.checksum_blocks(b"abc", size)


def test_checksum_arguments():
    with pytest.raises(TypeError):
        _core.checksum("text", 0)
    with pytest.raises((TypeError, ValueError), match="seed"):
        _core.checksum(b"", -1)
    with pytest.raises((BufferError, ValueError)):
        _core.checksum(np.zeros((4, 4))[:, 1], 0)


def test_the_metadata_is_ascii(tmp_path):
    """So that no reader has to know how Python writes half a surrogate pair."""
    from safetensors import safe_open

    path = tmp_path / "run"
    so.save(path, params={"größe": np.zeros(1)}, extra="\ud800 \x00")
    with safe_open(path, framework="np") as file:
        assert file.metadata()["swiftopt"].isascii()
        assert list(file.keys()) == ["params/größe"]
    assert so.load(path).extra == "\ud800 \x00"


def test_the_example_in_the_documentation(tmp_path):
    text = (DATA.parents[2] / "docs" / "checkpoint-format.md").read_text()
    example = json.loads(text.split("```json\n")[1].split("```")[0])
    params = {"w": np.arange(3, dtype=np.float32)}
    so.save(tmp_path / "run", params=params, extra={"epoch": 1})
    _, content, _ = plain_checkpoint.parse((tmp_path / "run").read_bytes())
    assert {**content, "writer": ""} == {**example, "writer": ""}
