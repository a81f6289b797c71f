"""Runs that go on in the other library, in float64, with torch as the reference.

Both libraries get the same gradients. The error model is that of test_peers: about 10
roundings a step on numbers up to 5, over all steps of the run.
"""

import inspect

import numpy as np
import pytest

import swiftopt as so
from swiftopt._torch.table import COUNTERPARTS, IGNORED

from .cases import RULES, class_of, make_gradients, make_params

torch = pytest.importorskip("torch", reason="torch is not installed; it is an optional peer")

BEFORE, AFTER = 7, 20
SHAPES = [(50,), (7, 33), (3, 4, 11)]

# Both libraries spell them alike.
OPTIONS = {
    "sgd": [
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "nesterov": True},
    ],
    "adam": [{"betas": (0.5, 0.9)}, {"amsgrad": True}, {"eps": 1e-3}],
    "adamw": [{"amsgrad": True}, {"weight_decay": 0.0}],
    "rmsprop": [{"momentum": 0.9}, {"centered": True}, {"momentum": 0.5, "centered": True}],
    "adagrad": [{"lr_decay": 0.1, "initial_accumulator_value": 0.5}],
    "nadam": [
        {"momentum_decay": 0.1},
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
    ],
    "radam": [{"weight_decay": 0.1, "decoupled_weight_decay": True}, {"betas": (0.5, 0.9)}],
    "adamax": [{"betas": (0.5, 0.9)}],
    "adadelta": [{"rho": 0.5}],
    "rprop": [{"etas": (0.3, 1.5)}, {"step_sizes": (1e-3, 2e-2)}],
    "adafactor": [{"eps": (1e-3, 0.5)}, {"d": 2.0, "beta2_decay": -0.5}],
    "muon": [{"nesterov": False, "momentum": 0.5}],
}
CASES = [
    (name, options)
    for name, counterpart in COUNTERPARTS.items()
    if counterpart is not None
    for options in [{}, {"weight_decay": 0.1}, {"maximize": True}, *OPTIONS[name]]
    if options.keys() <= inspect.signature(getattr(torch.optim, counterpart.name)).parameters.keys()
]
PLAIN = [name for name, counterpart in COUNTERPARTS.items() if counterpart is not None]
all_cases = pytest.mark.parametrize(("name", "options"), CASES, ids=str)


@pytest.fixture(autouse=True)
def float64_scalars():
    """NAdam keeps a product of the state in torch's default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Peer:
    """torch's optimizer of a rule, for parameters by name."""

    def __init__(self, name, params, options):
        self.params = {key: torch.nn.Parameter(torch.tensor(a)) for key, a in params.items()}
        self.optimizer = torch_class(name)(list(self.params.values()), **options)

    def run(self, gradients):
        for grads in gradients:
            for key, gradient in grads.items():
                self.params[key].grad = torch.tensor(gradient)
            self.optimizer.step()

    @property
    def arrays(self):
        return {key: param.detach().numpy() for key, param in self.params.items()}


def torch_class(name):
    return getattr(torch.optim, COUNTERPARTS[name].name)


def start(name, dtype=np.float64):
    """Parameters and gradients. torch's Muon takes matrices only."""
    shapes = SHAPES if name != "muon" else [(7, 33), (9, 4)]
    gradients = make_gradients(shapes, BEFORE + AFTER, dtype)
    return make_params(shapes, dtype), gradients[:BEFORE], gradients[BEFORE:]


def check_params(name, params, expected):
    """The orthogonal steps of torch's Muon are in bfloat16: those say nothing about states."""
    if name == "muon":
        return
    largest = max(float(np.abs(array).max()) for array in expected.values())
    for key, array in expected.items():
        bound = 10 * (BEFORE + AFTER) * np.finfo(array.dtype).eps / 2 * max(largest, 1.0)
        assert np.abs(params[key] - array).max() <= bound


def check_state(name, optimizer, peer):
    """Every array that torch keeps is here, to the same error model, and the counts are."""
    for key, param in peer.params.items():
        expected, slots = dict(peer.optimizer.state[param]), optimizer.state[key]
        param_dtype = peer.arrays[key].dtype
        if COUNTERPARTS[name].counts_steps:
            assert float(slots["step"]) == float(expected.pop("step"))
        assert expected.keys() == slots.keys() & expected.keys()
        for slot, tensor in expected.items():
            value = tensor.detach().numpy()
            bound = 10 * (BEFORE + AFTER) * np.finfo(param_dtype).eps / 2 * np.abs(value).max()
            np.testing.assert_allclose(slots[slot].reshape(value.shape), value, rtol=0, atol=bound)


class TestGoingOn:
    @all_cases
    def test_from_torch(self, name, options):
        params, before, after = start(name)
        peer = Peer(name, params, options)
        peer.run(before)
        params = {key: array.copy() for key, array in peer.arrays.items()}
        # Other hyper-parameters than torch's, which the dict brings.
        optimizer = class_of(name)(params, lr=0.123, weight_decay=0.0)
        optimizer.step(before[0])
        for key, array in peer.arrays.items():
            params[key][...] = array
        so.load_torch_state_dict(optimizer, peer.optimizer.state_dict())
        check_state(name, optimizer, peer)
        peer.run(after)
        for grads in after:
            report = optimizer.step(grads)
        check_params(name, params, peer.arrays)
        check_state(name, optimizer, peer)
        if COUNTERPARTS[name].counts_steps:
            assert report.step == BEFORE + AFTER

    @all_cases
    def test_to_torch(self, name, options):
        params, before, after = start(name)
        optimizer = class_of(name)(params, **options)
        for grads in before:
            optimizer.step(grads)
        peer = Peer(name, params, {"lr": 0.123})
        peer.optimizer.load_state_dict(so.torch_state_dict(optimizer))
        check_state(name, optimizer, peer)
        peer.run(after)
        for grads in after:
            optimizer.step(grads)
        check_params(name, params, peer.arrays)
        check_state(name, optimizer, peer)

    @pytest.mark.parametrize("name", PLAIN)
    def test_both_ways_in_float32(self, name):
        params, before, after = start(name, np.float32)
        peer = Peer(name, params, {})
        peer.run(before)
        params = {key: array.copy() for key, array in peer.arrays.items()}
        optimizer, last = class_of(name)(params), Peer(name, params, {})
        so.load_torch_state_dict(optimizer, peer.optimizer.state_dict())
        check_state(name, optimizer, peer)
        last.optimizer.load_state_dict(so.torch_state_dict(optimizer))
        check_state(name, optimizer, last)
        for other in (peer, last):
            other.run(after)
        for grads in after:
            optimizer.step(grads)
        for other in (peer, last):
            check_params(name, params, other.arrays)

    @all_cases
    def test_there_and_back_is_the_same_to_the_bit(self, name, options):
        params, before, after = start(name)
        optimizer = class_of(name)(params, **options)
        for grads in before:
            optimizer.step(grads)
        copies = {key: array.copy() for key, array in params.items()}
        other = class_of(name)(copies)
        step = None if COUNTERPARTS[name].counts_steps else BEFORE
        so.load_torch_state_dict(other, so.torch_state_dict(optimizer), step=step)
        for grads in after:
            optimizer.step(grads)
            other.step(grads)
        for key, array in params.items():
            assert copies[key].tobytes() == array.tobytes()

    @pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
    def test_tensors_of_other_dtypes(self, dtype):
        """The numbers of a smaller dtype are exact in the states here."""
        w = torch.nn.Parameter(torch.linspace(-1, 1, 9, dtype=getattr(torch, dtype)))
        peer = torch.optim.Adam([w], foreach=False)
        for _ in range(3):
            w.grad = torch.full_like(w, 0.37)
            peer.step()
        optimizer = so.Adam([np.zeros(9, np.float32)])
        so.load_torch_state_dict(optimizer, peer.state_dict())
        for slot in ("exp_avg", "exp_avg_sq"):
            expected = peer.state[w][slot].to(torch.float32).numpy()
            np.testing.assert_array_equal(optimizer.state["0"][slot], expected)

    def test_parameters_without_gradients_have_no_state(self):
        params = {"a": np.ones(3), "b": np.ones(3)}
        optimizer = so.Adam(params, lr=0.1)
        optimizer.step({"a": np.ones(3), "b": None})
        state_dict = so.torch_state_dict(optimizer)
        assert list(state_dict["state"]) == [0]
        peer = Peer("adam", params, {})
        peer.optimizer.load_state_dict(state_dict)
        gradients = [{"a": np.ones(3), "b": np.full(3, 2.0)}] * 3
        peer.run(gradients)
        for grads in gradients:
            optimizer.step(grads)
        check_params("adam", params, peer.arrays)
        other = so.Adam({"a": np.ones(3), "b": np.ones(3)})
        other.step(gradients[0])
        so.load_torch_state_dict(other, state_dict)
        assert other.state["b"]["step"] == 0
        assert (other.state["b"]["exp_avg"] == 0).all()

    def test_a_decoupled_adam(self):
        params, before, after = start("adam")
        peer = Peer("adam", params, {"weight_decay": 0.1, "decoupled_weight_decay": True})
        peer.run(before)
        params = {key: array.copy() for key, array in peer.arrays.items()}
        optimizer = so.Adam(params)
        so.load_torch_state_dict(optimizer, peer.optimizer.state_dict())
        assert optimizer.decay == "decoupled"
        assert so.torch_state_dict(optimizer)["param_groups"][0]["decoupled_weight_decay"] is True
        peer.run(after)
        for grads in after:
            optimizer.step(grads)
        check_params("adam", params, peer.arrays)

    def test_groups_in_another_order_than_the_names(self):
        """torch numbers the parameters group by group."""
        params = {"body.w": np.ones(2), "bias": np.ones(3), "head.w": np.ones(4)}
        options = {"momentum": 0.9, "overrides": {"*.w": {"weight_decay": 0.1}}}
        optimizer = so.SGD(params, lr=0.1, **options)
        gradients = make_gradients([(2,), (3,), (4,)], 9)
        gradients = [dict(zip(params, grads.values(), strict=True)) for grads in gradients]
        for grads in gradients[:4]:
            optimizer.step(grads)
        peer = Peer("sgd", params, {"lr": 0.5})
        order = ["bias", "body.w", "head.w"]
        peer.optimizer = torch.optim.SGD(
            [{"params": [peer.params["bias"]]}, {"params": [peer.params[k] for k in order[1:]]}]
        )
        state_dict = so.torch_state_dict(optimizer)
        assert [group["params"] for group in state_dict["param_groups"]] == [[0], [1, 2]]
        other_params = {key: array.copy() for key, array in params.items()}
        other = so.SGD(other_params, **options)
        so.load_torch_state_dict(other, state_dict)
        peer.optimizer.load_state_dict(state_dict)  # which goes on in these very tensors
        peer.run(gradients[4:])
        for grads in gradients[4:]:
            optimizer.step(grads)
            other.step(grads)
        check_params("sgd", params, peer.arrays)
        check_params("sgd", other_params, peer.arrays)


class TestTable:
    def test_no_rule_is_forgotten(self):
        """A rule whose class torch has too must have a counterpart; any other must say so."""
        assert set(COUNTERPARTS) == set(RULES)
        in_torch = {name.lower() for name in dir(torch.optim) if name[0].isupper()}
        for name, counterpart in COUNTERPARTS.items():
            assert (counterpart is not None) == (name in in_torch), name

    @pytest.mark.parametrize("name", PLAIN)
    def test_groups_and_states_have_what_torch_has(self, name):
        params, before, _ = start(name)
        busy = {"sgd": {"momentum": 0.9}, "rmsprop": {"momentum": 0.9, "centered": True},
                "adam": {"amsgrad": True}, "adamw": {"amsgrad": True}}  # fmt: skip
        peer = Peer(name, params, busy.get(name, {}))
        peer.run(before)
        optimizer = class_of(name)(params, **busy.get(name, {}))
        for grads in before:
            optimizer.step(grads)
        expected, ours = peer.optimizer.state_dict(), so.torch_state_dict(optimizer)
        (group,) = expected["param_groups"]
        assert ours["param_groups"] == [group]
        assert not group.keys() & IGNORED
        for number, entries in expected["state"].items():
            assert ours["state"][number].keys() == entries.keys()
            for slot, tensor in entries.items():
                assert ours["state"][number][slot].shape == tensor.shape, slot
