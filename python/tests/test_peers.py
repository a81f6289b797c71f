"""Agreement with torch.optim in float64, where torch has the rule and the option."""

import inspect

import numpy as np
import pytest

from .cases import RULES, class_of, make_gradients, make_params

torch = pytest.importorskip("torch", reason="torch is not installed; it is an optional peer")

STEPS = 100
SIZES = [50, 333]

PEERS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "lion": getattr(torch.optim, "Lion", None),
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "adamax": torch.optim.Adamax,
    "adadelta": torch.optim.Adadelta,
    "rprop": torch.optim.Rprop,
    "adabelief": None,
    "ademamix": None,
    "adan": None,
    "lamb": None,
    "lars": None,
    "schedulefreesgd": None,
    "schedulefreeadamw": None,
    "adafactor": torch.optim.Adafactor,
    "muon": None,
}
OPTIONS = {
    "sgd": [
        {"lr": 0.1, "momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "nesterov": True},
    ],
    "adam": [{"betas": (0.5, 0.9)}, {"amsgrad": True}, {"eps": 1e-3}],
    "adamw": [{"betas": (0.5, 0.9)}, {"amsgrad": True}, {"weight_decay": 0.0}],
    "rmsprop": [
        {"alpha": 0.9},
        {"momentum": 0.9},
        {"centered": True},
        {"momentum": 0.5, "centered": True},
    ],
    "adagrad": [{"lr_decay": 0.1}, {"initial_accumulator_value": 0.5}, {"eps": 1e-3}],
    "lion": [{"betas": (0.5, 0.9)}],
    "nadam": [
        {"betas": (0.5, 0.9)},
        {"momentum_decay": 0.1},
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "radam": [{"betas": (0.5, 0.9)}, {"weight_decay": 0.1, "decoupled_weight_decay": True}],
    "adamax": [{"betas": (0.5, 0.9)}, {"eps": 1e-3}],
    "adadelta": [{"rho": 0.5}, {"lr": 0.1, "eps": 1e-3}],
    "rprop": [{"lr": 0.1}, {"etas": (0.3, 1.5)}, {"step_sizes": (1e-3, 2e-2)}],
    "adabelief": [],
    "ademamix": [],
    "adan": [],
    "lamb": [],
    "lars": [],
    "schedulefreesgd": [],
    "schedulefreeadamw": [],
    "adafactor": [{"lr": 0.1}, {"eps": (1e-3, 0.5)}, {"d": 2.0, "beta2_decay": -0.5}],
    "muon": [],
}
CASES = [
    (name, options)
    for name in RULES
    for options in [{}, {"weight_decay": 0.1}, {"maximize": True}, *OPTIONS.get(name, [])]
]


def skip_without_peer(name, options):
    if PEERS.get(name) is None:
        pytest.skip(f"this torch has no peer of {name!r}")
    missing = options.keys() - inspect.signature(PEERS[name]).parameters.keys()
    if missing:
        pytest.skip(f"torch's {name} has no {missing}")


@pytest.fixture
def float64_scalars():
    """NAdam keeps a product of the state in torch's default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def bound(params):
    """Of the difference: 100 steps with about 10 roundings each, on numbers up to 5.

    torch multiplies by 1 - lr * weight_decay, so that each step rounds p twice; every
    average carries up to one rounding a step (see test_conformance).
    """
    largest = max(float(np.abs(array).max()) for array in params.values())
    return 10 * STEPS * np.finfo(float).eps / 2 * max(largest, 1.0)


def test_every_rule_has_a_row():
    assert set(PEERS) == set(OPTIONS) == set(RULES)


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: str(value))
@pytest.mark.usefixtures("float64_scalars")
def test_a_hundred_steps(name, options):
    skip_without_peer(name, options)
    params = make_params(SIZES)
    peers = {key: torch.nn.Parameter(torch.tensor(array)) for key, array in params.items()}
    optimizer = class_of(name)(params, **options)
    peer = PEERS[name](list(peers.values()), **options)
    for grads in make_gradients(SIZES, STEPS):
        optimizer.step(grads)
        for key, gradient in grads.items():
            peers[key].grad = torch.from_numpy(gradient)
        peer.step()
    for key, array in params.items():
        difference = np.abs(array - peers[key].detach().numpy())
        assert difference.max() <= bound(params)


@pytest.mark.parametrize("limit", [0.5, 1e9])
def test_clip_norm_is_clip_grad_norm(limit):
    params = make_params(SIZES)
    peers = {key: torch.nn.Parameter(torch.tensor(array)) for key, array in params.items()}
    optimizer = class_of("sgd")(params, lr=1.0, clip_norm=limit)
    peer = torch.optim.SGD(list(peers.values()), lr=1.0)
    (grads,) = make_gradients(SIZES, 1)
    report = optimizer.step(grads)
    for key, gradient in grads.items():
        peers[key].grad = torch.from_numpy(gradient.copy())
    norm = torch.nn.utils.clip_grad_norm_(list(peers.values()), limit)
    peer.step()
    assert report.grad_norm == pytest.approx(float(norm), rel=1e-13)
    for key, array in params.items():
        # torch adds 1e-6 to the norm that it divides by.
        expected = peers[key].detach().numpy()
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-6 / float(norm))


def test_tensors_as_gradients():
    """Any object that shares its memory by DLPack can be a gradient."""
    w = np.zeros(3, np.float32)
    class_of("sgd")([w], lr=1.0).step([torch.arange(3, dtype=torch.float32)])
    assert w.tolist() == [0.0, -1.0, -2.0]
