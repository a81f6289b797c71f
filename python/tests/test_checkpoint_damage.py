"""Damaged, hostile and foreign files: the library's own error, and nothing has changed."""

import json
import resource
import struct
import subprocess
import sys

import ml_dtypes
import numpy as np
import pytest

import swiftopt as so

from . import damage, plain_checkpoint
from .cases import make_gradients

SEEDS = range(8)
MUTANTS_PER_SEED = 1500


class Loader:
    """Any object with a state."""

    def __init__(self, position):
        self.state = {"position": position, "order": np.arange(3) + position}

    def load_state(self, state):
        if state.keys() != self.state.keys() or not isinstance(state["position"], int):
            raise KeyError("position")
        self.state = dict(state)


class Scene:
    """Everything that can be in a checkpoint, small."""

    def __init__(self, seed, steps):
        generator = np.random.default_rng(seed)
        self.params = {
            "w": generator.standard_normal((3, 5)).astype(np.float32),
            "layer": {"b": generator.standard_normal(4), "h": np.zeros(6, ml_dtypes.bfloat16)},
            "n": np.array(seed),
        }
        trained = {"w": self.params["w"], "layer": self.params["layer"]}
        self.plateau = so.ReduceOnPlateau(patience=0)
        self.optimizer = so.AdamW(
            trained,
            lr=so.linear(0.1, total=20) * self.plateau,
            weight_decay=so.cosine(0.1, total=20),
            accumulate=2,
            ema_decay=0.5,
            overrides={"layer.b": {"state_dtype": "block8", "lr": 0.5 + seed}},
        )
        self.scaler = so.LossScaler(8.0, growth_interval=2)
        self.stopping = so.EarlyStopping(params=trained)
        self.loader = Loader(seed)
        self.extra = {"rng": generator.bit_generator.state, "x": [np.arange(seed), 1.5, (2, None)]}
        for step in range(steps):
            grads = make_gradients(((3, 5), (4,), (6,)), 1, seed=step)[0]
            w, b, h = grads.values()
            self.optimizer.step({"w": w, "layer": {"b": b, "h": h}}, scaler=self.scaler)
            self.plateau.observe(float(step))
            self.stopping.observe(float(step))
        self.start = self.content()
        self.arrays = [*self._arrays()]
        self.saved = [array.copy() for array in self.arrays]

    def objects(self):
        return {"params": self.params, "optimizer": self.optimizer, "scaler": self.scaler,
                "early_stopping": self.stopping, "loader": self.loader}  # fmt: skip

    def _arrays(self):
        yield self.params["w"]
        yield from self.params["layer"].values()
        yield self.params["n"]
        for slots in self.optimizer.state.values():
            yield from slots.values()

    def content(self):
        """All bits that a load may change."""
        groups = [
            {key: repr(value) for key, value in group.items() if key != "params"}
            for group in self.optimizer.param_groups
        ]
        stopping = self.stopping.state
        best = [(name, array.tobytes()) for name, array in stopping.pop("best_params").items()]
        return (
            [array.tobytes() for array in self._arrays()],
            groups,
            self.optimizer.step_count,
            self.optimizer.clip_norm,
            repr((self.plateau.state, self.scaler.state, stopping, self.loader.state)),
            best,
        )


def outcome(path, scene, *, strict):
    """What load returns, and the message of the error that it raises."""
    try:
        return so.load(path, **(scene.objects() if scene else {}), strict=strict), None
    except so.CheckpointError as error:
        return None, str(error)


@pytest.mark.parametrize("seed", SEEDS)
def test_mutants(tmp_path, seed):
    """12 000 of them: each is refused without a trace, or is as good as the original."""
    good = Scene(1, 5)
    path = tmp_path / "run.safetensors"
    so.save(path, **good.objects(), extra=good.extra)
    file = path.read_bytes()
    scene = Scene(2, 2)
    refused = accepted = 0
    for number, (kind, mutant) in enumerate(damage.mutants(file, MUTANTS_PER_SEED, seed)):
        path.write_bytes(mutant)
        target = scene if number % 3 else None
        result, message = outcome(path, target, strict=number % 2 == 0)
        if result is None:
            refused += 1
            assert str(path) in message or kind == "authored"
            assert len(message) < 20_000
            assert scene.content() == scene.start
            continue
        accepted += 1
        if kind == "damaged":
            assert repr(result.extra) == repr(good.extra)
        if target is not None:
            assert kind == "authored" or scene.content() == good.start
            scene = Scene(2, 2)
    assert refused > 0.8 * MUTANTS_PER_SEED
    assert refused + accepted == MUTANTS_PER_SEED


@pytest.mark.parametrize("place", ["shape", "data_offsets", "length"])
def test_a_claim_of_2_to_the_60_bytes_allocates_nothing(tmp_path, place):
    """In a process whose memory is limited to little more than it has."""
    path = tmp_path / "run.safetensors"
    so.save(path, params={"w": np.zeros(4)})
    header, content, data = plain_checkpoint.parse(path.read_bytes())
    if place == "shape":
        header["params/w"]["shape"] = [2**57]
    elif place == "data_offsets":
        header["params/w"].update(shape=[2**57], data_offsets=[0, 2**60])
    file = plain_checkpoint.build(header, content, data)
    path.write_bytes(struct.pack("<Q", 2**60) + file[8:] if place == "length" else file)
    code = (
        "import resource, sys, numpy, swiftopt as so, safetensors\n"
        "so.save(sys.argv[2], params=numpy.zeros(1)); so.load(sys.argv[2])\n"
        "pages = int(open('/proc/self/statm').read().split()[0])\n"
        "limit = pages * resource.getpagesize() + (1 << 24)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "try: so.load(sys.argv[1])\n"
        "except so.CheckpointError: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    command = [sys.executable, "-c", code, str(path), str(tmp_path / "good")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stderr == ""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert 0 < int(result.stdout) < own + (1 << 16)  # KiB


def test_one_tensor_that_is_asked_for_a_thousand_times(tmp_path):
    path = tmp_path / "run.safetensors"
    so.save(path, extra=np.zeros(1000))
    header, content, data = plain_checkpoint.parse(path.read_bytes())
    content["extra"] = [content["extra"]] * 1000
    path.write_bytes(plain_checkpoint.build(header, content, data))
    with pytest.raises(so.CheckpointError, match="uses tensor 'extra' twice"):
        so.load(path)


@pytest.mark.parametrize("given", [True, False])
def test_hyperparameters_with_arrays(tmp_path, given):
    """None of them can have one, so that they can't ask for one a thousand times."""
    path = tmp_path / "run.safetensors"
    optimizer = so.Adam({"w": np.zeros(1000)})
    so.save(path, optimizer=optimizer)
    header, content, data = plain_checkpoint.parse(path.read_bytes())
    values = content["optimizer"]["groups"][0]["hyperparameters"]
    values["betas"] = {"$tuple": [{"$array": "optimizer/exp_avg/w"}] * 1000}
    path.write_bytes(plain_checkpoint.build(header, content, data))
    with pytest.raises(so.CheckpointError, match="an array where there can't be any"):
        so.load(path, **({"optimizer": optimizer} if given else {}))


@pytest.mark.parametrize("entry", [{"low_precision": "kahan"}, {"params": []}, {"speed": 1}])
def test_hyperparameters_that_no_group_can_set(tmp_path, frozen, entry):
    params = {"w": np.ones(3, np.float32)}
    optimizer = so.SGD(params, lr=0.5)
    path = tmp_path / "run"
    so.save(path, optimizer=so.SGD(params, lr=0.1))
    header, content, data = plain_checkpoint.parse(path.read_bytes())
    content["optimizer"]["groups"][0]["hyperparameters"].update(entry)
    path.write_bytes(plain_checkpoint.build(header, content, data))
    with frozen(optimizer=optimizer), pytest.raises(so.CheckpointError, match="unknown hyper-par"):
        so.load(path, optimizer=optimizer)
    assert optimizer.lr == 0.5


def test_files_that_are_something_else(tmp_path):
    path = tmp_path / "run"
    for content in (b"", b"\x80\x04K\x00.", b"PK\x03\x04" + bytes(100), b"{}" * 50, bytes(1000)):
        path.write_bytes(content)
        with pytest.raises(so.CheckpointError, match="is not a safetensors file, or is damaged"):
            so.load(path)


def test_a_safetensors_file_of_someone_else(tmp_path):
    from safetensors.numpy import save_file

    for metadata in (None, {"format": "pt"}):
        save_file({"w": np.zeros(3)}, tmp_path / "model.safetensors", metadata)
        with pytest.raises(so.CheckpointError, match=r"no checkpoint of swiftopt: .*load_file"):
            so.load(tmp_path / "model.safetensors", params={"w": np.zeros(3)})


def test_a_file_that_changes_while_it_is_read(tmp_path, monkeypatch):
    """Someone writes to it instead of replacing it: at least it is said."""
    from swiftopt._checkpoint._reader import Reader

    path = tmp_path / "run"
    so.save(path, params={"w": np.zeros(3000)})
    original = Reader.copy_to

    def copy_to(self, name, array):
        with path.open("r+b") as file:
            file.truncate(1000)
        original(self, name, array)

    monkeypatch.setattr(Reader, "copy_to", copy_to)
    with pytest.raises(so.CheckpointError, match="was written to while it was read"):
        so.load(path, params={"w": np.ones(3000)})


@pytest.mark.parametrize("nest", [damage.nested(10**5), damage.nested(10**5, '{"a":', "}"),
                                  damage.nested(500), '{"a":' * 10**5, "9" * 10**5])  # fmt: skip
def test_metadata_that_is_nested_without_end(tmp_path, nest):
    path = tmp_path / "run"
    so.save(path, extra=17)
    header, content, data = plain_checkpoint.parse(path.read_bytes())
    text = json.dumps(content).replace("17", nest)
    metadata = {"swiftopt": plain_checkpoint.text_checksum(text) + text}
    header = json.dumps({"__metadata__": metadata, **header}).encode()
    path.write_bytes(plain_checkpoint.build_text(header, data))
    with pytest.raises(so.CheckpointError):
        so.load(path)
