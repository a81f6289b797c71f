"""A run that was stopped, saved and loaded gives the bits of one that never stopped.

The expected values are the uninterrupted run's, in the same test.
"""

import subprocess
import sys
import textwrap
import warnings
import zlib

import numpy as np
import pytest

import swiftopt as so
from swiftopt._dtypes import zeros

from .cases import RULES, bits, class_of, make_gradients, make_params
from .mixed import ALL, MIXES, Run

SHAPES = ((3, 100), (257,), (1,), (0,), (2, 3, 5))
TOTAL = 9


def stops_at(*things):
    """A step to stop at that depends on the test alone."""
    return 1 + zlib.crc32(repr(things).encode()) % (TOTAL - 1)


def spoil(optimizer, arrays):
    """Change everything that a checkpoint must bring back."""
    optimizer.lr = 123.0
    optimizer.clip_norm = None
    optimizer.report_norm = not optimizer.report_norm
    for array in arrays:
        array.view(np.uint8 if array.ndim else array.dtype)[...] = 1
    for slots in optimizer.state.values():
        for array in slots.values():
            array[...] = 1


@pytest.mark.parametrize(("name", "mix"), ALL, ids=str)
def test_every_rule_with_every_option_at_once(name, mix, tmp_path):
    """Stochastic rounding, masters, Kahan, 8-bit and bfloat16 state, means, copies."""
    whole = Run(name, mix, SHAPES).steps(0, TOTAL, TOTAL)
    stop = stops_at(name, mix)
    first = Run(name, mix, SHAPES).steps(0, stop, TOTAL)
    path = tmp_path / "run.safetensors"
    so.save(path, params=first.params, optimizer=first.optimizer)
    second = Run(name, mix, SHAPES)
    spoil(second.optimizer, second.params.values())
    so.load(path, params=second.params, optimizer=second.optimizer)
    assert second.bits()[2] == first.bits()[2]  # the published copies are up to date at once
    second.steps(stop, TOTAL, TOTAL)
    whole.log = whole.log[stop:]
    assert second.bits() == whole.bits()


@pytest.mark.parametrize("mix", MIXES, ids=str)
@pytest.mark.parametrize("name", ["adamw", "schedulefreeadamw", "adafactor", "muon"])
def test_half_way_through_an_accumulation(name, mix, tmp_path):
    whole = Run(name, mix, SHAPES, accumulate=4).steps(0, TOTAL, TOTAL)
    for stop in range(1, TOTAL):
        first = Run(name, mix, SHAPES, accumulate=4).steps(0, stop, TOTAL)
        path = tmp_path / "run.safetensors"
        so.save(path, params=first.params, optimizer=first.optimizer)
        second = Run(name, mix, SHAPES, accumulate=4).steps(0, 2, TOTAL)
        so.load(path, params=second.params, optimizer=second.optimizer)
        second.log.clear()
        second.steps(stop, TOTAL, TOTAL)
        assert second.bits()[0][1:] == whole.log[stop + 1 :]
        assert second.bits()[1:] == whole.bits()[1:]


def test_schedules_of_every_kind_of_hyperparameter(tmp_path):
    """They come from the file, whatever the optimizer was made with."""
    options = {
        "lr": so.warmup_cosine(0.1, warmup=3, total=20),
        "betas": (so.linear(0.5, 0.9, total=10), 0.99),
        "weight_decay": so.exponential(0.1, gamma=0.9),
        "clip_norm": so.linear(2.0, 0.1, total=9),
        "ema_decay": so.swa(2) * so.ema_warmup(0.9),
    }
    grads = make_gradients(SHAPES, TOTAL)
    params = make_params(SHAPES)
    optimizer = so.AdamW(params, **options)
    for step in range(4):
        optimizer.step(grads[step])
    path = tmp_path / "run.safetensors"
    so.save(path, params=params, optimizer=optimizer)
    other = make_params(SHAPES, seed=9)
    second = so.AdamW(other, lr=1.0, ema_decay=0.5)
    so.load(path, params=other, optimizer=second)
    assert second.param_groups[0]["betas"] == options["betas"]
    assert second.clip_norm == options["clip_norm"]
    for step in range(4, TOTAL):
        assert optimizer.step(grads[step]) == second.step(grads[step])
    assert bits(optimizer, params) == bits(second, other)


def test_parameters_that_often_get_no_gradient(tmp_path):
    """Their own counts stay behind the optimizer's, which its schedules follow."""

    def run(optimizer, begin, end):
        for step in range(begin, end):
            grads = make_gradients(SHAPES, 1, seed=step)[0]
            names = list(grads)
            skipped = names[: len(names) // 2] if step % 2 else names[len(names) // 2 :]
            last = optimizer.step({**grads, **dict.fromkeys(skipped)})
        return last

    params, other = make_params(SHAPES, np.float32), make_params(SHAPES, np.float32, seed=5)
    make = dict(lr=so.linear(0.1, total=20), state_dtype="bfloat16")  # noqa: C408
    optimizer, second = so.Adam(params, **make), so.Adam(other, **make)
    run(optimizer, 0, 5)
    assert max(float(slots["step"]) for slots in optimizer.state.values()) < 5
    path = tmp_path / "run.safetensors"
    so.save(path, params=params, optimizer=optimizer)
    so.load(path, params=other, optimizer=second)
    assert second.step_count == 5
    assert run(optimizer, 5, 9) == run(second, 5, 9)
    assert bits(optimizer, params) == bits(second, other)


@pytest.mark.parametrize("name", ["sgd", "adamw", "rprop"])
def test_an_optimizer_without_parameters(name, tmp_path):
    """State of keys that don't come at once waits for them, through further checkpoints."""

    def update(optimizer, params, begin, end, keys):
        for step in range(begin, end):
            grads = make_gradients(SHAPES, 1, np.float32, seed=step)[0]
            for key in keys:
                optimizer.update(key, params[key], grads[key])

    cls = class_of(name)
    options = {"lr": so.linear(0.1, total=20), "ema_decay": 0.9}
    params, keys = make_params(SHAPES, np.float32), [*make_params(SHAPES)]
    optimizer = cls(**options)
    update(optimizer, params, 0, 4, keys)
    optimizer.update(keys[0], params[keys[0]], None)  # counts for the optimizer alone
    path = tmp_path / "run.safetensors"
    so.save(path, params=params, optimizer=optimizer)
    second, other = cls(**options), make_params(SHAPES, np.float32, seed=3)
    so.load(path, params=other, optimizer=second)
    update(second, other, 4, 6, keys[:2])
    so.save(path, params=other, optimizer=second)  # keys[2:] haven't come yet
    third, last = cls(**options), make_params(SHAPES, np.float32, seed=4)
    so.load(path, params=last, optimizer=third)
    update(third, last, 4, 6, keys[2:])
    update(third, last, 6, 8, keys)
    update(optimizer, params, 4, 8, keys)
    by_name = dict(bits_by_key(third, last))
    assert by_name == dict(bits_by_key(optimizer, params))


def bits_by_key(optimizer, params):
    for key, array in params.items():
        slots = optimizer.state[key]
        yield key, (array.tobytes(), *((slot, slots[slot].tobytes()) for slot in sorted(slots)))


def test_state_that_options_brought_or_took_since(tmp_path):
    """What the file has is there afterwards, and what it doesn't have isn't."""
    params = make_params(SHAPES, np.float32)
    grads = make_gradients(SHAPES, TOTAL, np.float32)
    optimizer = so.SGD(params, lr=0.1)
    optimizer.step(grads[0])
    plain, busy = tmp_path / "plain.safetensors", tmp_path / "busy.safetensors"
    so.save(plain, params=params, optimizer=optimizer)
    optimizer.momentum, optimizer.ema_decay = 0.9, 0.5
    optimizer.step(grads[1])
    so.save(busy, params=params, optimizer=optimizer)

    other = make_params(SHAPES, np.float32, seed=8)
    second = so.SGD(other, lr=1.0)
    so.load(busy, params=other, optimizer=second)
    assert {"momentum_buffer", "ema"} <= set(second.state["p257"])
    optimizer.step(grads[2])
    second.step(grads[2])
    assert bits(second, other) == bits(optimizer, params)

    so.load(plain, params=other, optimizer=second)
    assert set(second.state["p257"]) == {"step"}
    assert second.momentum == 0
    second.momentum, second.ema_decay = 0.9, 0.5  # starts as it did then
    second.step(grads[1])
    second.step(grads[2])
    assert bits(second, other) == bits(optimizer, params)


def test_a_mean_that_was_switched_off_before_loading(tmp_path):
    """The file's goes on; it isn't one that begins anew."""
    grads = make_gradients(SHAPES, 4)
    params, other = make_params(SHAPES), make_params(SHAPES, seed=8)
    optimizer, second = so.SGD(params, ema_decay=0.9), so.SGD(other, ema_decay=0.9)
    for step in range(2):
        optimizer.step(grads[step])
    so.save(tmp_path / "run", params=params, optimizer=optimizer)
    second.ema_decay = None
    second.step(grads[3])
    so.load(tmp_path / "run", params=other, optimizer=second)
    for step in range(2, 4):
        optimizer.step(grads[step])
        second.step(grads[step])
    assert bits(second, other) == bits(optimizer, params)


def test_groups_and_overrides(tmp_path):
    grads = make_gradients(SHAPES, 4)

    def make(seed, lr):
        params = make_params(SHAPES, seed=seed)
        overrides = {
            "p257": {"lr": lr, "weight_decay": 0.5},
            ("p3*", "p2x*"): {"betas": (0.5, 0.5)},
        }
        return params, so.AdamW(params, lr=lr, overrides=overrides)

    params, optimizer = make(1, 0.1)
    optimizer.step(grads[0])
    so.save(tmp_path / "run", params=params, optimizer=optimizer)
    other, second = make(2, 7.0)
    so.load(tmp_path / "run", params=other, optimizer=second)
    for ours, theirs in zip(second.param_groups, optimizer.param_groups, strict=True):
        assert {**ours, "params": 0} == {**theirs, "params": 0}
    for step in range(1, 4):
        assert second.step(grads[step]) == optimizer.step(grads[step])
    assert bits(second, other) == bits(optimizer, params)


def test_a_list_of_groups_names_as_the_optimizer_does(tmp_path):
    def make(seed):
        generator = np.random.default_rng(seed)
        return [
            {"params": [generator.standard_normal(3), generator.standard_normal(2)], "lr": 0.5},
            {"params": [generator.standard_normal(4)]},
        ]

    groups, others = make(0), make(1)
    optimizer, second = so.SGD(groups, lr=0.1, momentum=0.9), so.SGD(others, lr=1.0, momentum=0.9)
    so.save(tmp_path / "run", params=groups, optimizer=optimizer)
    result = so.load(tmp_path / "run", params=others, optimizer=second)
    assert list(result.params) == ["0", "1", "2"]
    for group, other in zip(groups, others, strict=True):
        for array, copy in zip(group["params"], other["params"], strict=True):
            assert array.tobytes() == copy.tobytes()


METRICS = [3.0, 2.0, 2.5, 2.5, float("nan"), 2.5, 1.0, 1.5, 1.5]


class ControlledRun:
    """A plateau inside expressions, float16 gradients that overflow, best weights."""

    def __init__(self, seed):
        self.params = make_params(SHAPES, np.float32, seed=seed)
        self.plateau = so.ReduceOnPlateau(patience=0, cooldown=1, factor=0.5)
        self.optimizer = so.AdamW(
            self.params,
            lr=so.warmup(0.1, warmup=2).then(0.1 * self.plateau, at=2),
            weight_decay=0.1 * self.plateau,
            betas=(0.9 * self.plateau, 0.99),
            clip_norm=so.constant(2.0) * self.plateau,
            accumulate=2,
        )
        self.scaler = so.LossScaler(2.0**17, growth_interval=1)
        self.stopping = so.EarlyStopping(patience=3, params=self.params)

    def parts(self):
        return {
            "params": self.params,
            "optimizer": self.optimizer,
            "scaler": self.scaler,
            "early_stopping": self.stopping,
            "schedule": 0.1 * self.plateau,
        }

    def batches(self, begin, end):
        """Two batches per update; a metric after each update."""
        log = []
        for batch in range(begin, end):
            grads = make_gradients(SHAPES, 1, seed=batch)[0]
            with np.errstate(over="ignore"):
                grads = {
                    key: (array * self.scaler.loss_scale).astype(np.float16)
                    for key, array in grads.items()
                }
            log.append(repr(self.optimizer.step(grads, scaler=self.scaler)))
            if batch % 2:
                with warnings.catch_warnings(action="ignore"):  # of the NaN among the metrics
                    self.plateau.observe(METRICS[batch // 2])
                    log.append(self.stopping.observe(METRICS[batch // 2]))
        return log

    def outcome(self):
        state = self.stopping.state
        best = {name: array.tobytes() for name, array in state.pop("best_params").items()}
        states = repr((self.plateau.state, self.scaler.state, state))
        return bits(self.optimizer, self.params), states, best


def test_controlled_values_scaler_and_early_stopping(tmp_path):
    whole = ControlledRun(1)
    log = whole.batches(0, 2 * TOTAL)
    assert sum("skipped" in str(entry) for entry in log) > 0
    assert whole.plateau.state["reductions"] > 1
    path = tmp_path / "run.safetensors"
    for stop in range(1, 2 * TOTAL):
        first, second = ControlledRun(1), ControlledRun(2)
        head = first.batches(0, stop)
        so.save(path, **first.parts())
        second.batches(0, 5)
        so.load(path, **second.parts())
        assert second.outcome() == first.outcome()
        assert head + second.batches(stop, 2 * TOTAL) == log
        assert second.outcome() == whole.outcome()


@pytest.mark.parametrize("name", ["adamw", "adafactor"])
def test_bfloat16_with_and_without_its_package(name, bfloat16, tmp_path):
    """A file that was written with ml_dtypes is read without it, and the reverse."""
    params = {"w": zeros((300,), "bfloat16")}
    options = {"state_dtype": "bfloat16", "low_precision": "stochastic", "lr": 0.1}
    optimizer = class_of(name)(params, **options)
    grads = [{"w": g.astype(np.float32)} for g in np.random.default_rng(0).normal(size=(6, 300))]
    for step in range(3):
        optimizer.step(grads[step])
    path = tmp_path / "run.safetensors"
    so.save(path, params=params, optimizer=optimizer)
    declared = {"w": so.bfloat16_view(np.zeros(300, np.uint16))}
    second = class_of(name)(declared, **options)
    so.load(path, params=declared, optimizer=second)
    fresh = so.load(path).params["w"]
    assert fresh.tobytes() == params["w"].tobytes()
    assert (bfloat16 is None) == isinstance(fresh, so.BFloat16View)
    for step in range(3, 6):
        optimizer.step(grads[step])
        second.step(grads[step])
    assert bits(optimizer, params) == bits(second, declared)


def test_every_rule_is_covered():
    assert {name for name, _ in ALL} == set(RULES)


def test_in_another_process(tmp_path):
    """With NumPy's random state in `extra`: the data position of a simple script."""
    script = textwrap.dedent("""
        import sys, numpy as np, swiftopt as so
        path, begin, end = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        rng = np.random.default_rng(7)
        params = {"w": np.zeros(100, np.float32)}
        optimizer = so.AdamW(params, lr=so.cosine(0.1, total=30), state_dtype="block8")
        if begin:
            checkpoint = so.load(path, params=params, optimizer=optimizer)
            rng.bit_generator.state = checkpoint.extra["rng"]
        for _ in range(begin, end):
            optimizer.step({"w": params["w"] - rng.standard_normal(100, np.float32)})
        so.save(path, params=params, optimizer=optimizer,
                extra={"rng": rng.bit_generator.state})
        print(params["w"].tobytes().hex())
    """)

    def run(path, begin, end):
        command = [sys.executable, "-c", script, str(path), str(begin), str(end)]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    run(tmp_path / "a", 0, 11)
    assert run(tmp_path / "a", 11, 30) == run(tmp_path / "b", 0, 30)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
