"""What is read from a state_dict of torch, without torch. Expected values: see torch_dicts."""

import copy
import sys

import numpy as np
import pytest

import swiftopt as so
from swiftopt._dtypes import decoded
from swiftopt._torch.blocks import decode, encode
from swiftopt._torch.table import COUNTERPARTS
from swiftopt._torch.values import running_product

from .cases import RULES, copied_state
from .torch_dicts import EXPECTED, GRADIENTS, PARAMS, params_of, recorded

NAMES = list(PARAMS)


class TestRecordedRuns:
    @pytest.mark.parametrize("name", NAMES)
    def test_go_on_as_in_torch(self, name):
        """Seven steps with about 10 roundings each, of numbers up to 25 (RMSprop's buffers)."""
        params = params_of(PARAMS, name)
        optimizer = getattr(so, name)(params)
        so.load_torch_state_dict(optimizer, recorded(name))
        for grads in GRADIENTS[3:]:
            optimizer.step(grads)
        for key, expected in params_of(EXPECTED, name).items():
            bound = 10 * len(GRADIENTS) * np.finfo(float).eps / 2 * 25
            np.testing.assert_allclose(params[key], expected, rtol=0, atol=bound)

    @pytest.mark.parametrize("name", NAMES)
    def test_the_dict_stays_as_it_is(self, name, frozen):
        state_dict = recorded(name)
        with frozen(state_dict["state"]):
            optimizer = getattr(so, name)(params_of(PARAMS, name))
            so.load_torch_state_dict(optimizer, state_dict)
            optimizer.step(GRADIENTS[3])
        assert state_dict["param_groups"] == recorded(name)["param_groups"]

    @pytest.mark.parametrize("name", NAMES)
    def test_what_was_there_before_is_gone(self, name):
        """As into a new optimizer, the arrays of the state in their places."""
        new, used = (getattr(so, name)(params_of(PARAMS, name)) for _ in range(2))
        for grads in GRADIENTS:
            used.step(grads)
        before = dict(used.state["a"])
        for optimizer in (new, used):
            so.load_torch_state_dict(optimizer, recorded(name))
        assert all(used.state["a"][slot].base is before[slot].base for slot in before)
        for key, slots in copied_state(new).items():
            for slot, expected in slots.items():
                np.testing.assert_array_equal(used.state[key][slot], expected)

    def test_keys_may_be_words(self):
        """As formats have them that know no other keys."""
        state_dict = recorded("Adam")
        state_dict["param_groups"][0]["params"] = ["0", "1"]
        state_dict["state"] = {str(key): own for key, own in state_dict["state"].items()}
        optimizer = so.Adam(params_of(PARAMS, "Adam"))
        so.load_torch_state_dict(optimizer, state_dict)
        assert optimizer.step_count == 3

    @pytest.mark.parametrize("dtype", ["<f4", ">f4", ">f8", "f2"])
    def test_floating_dtypes(self, dtype):
        state_dict = recorded("Adam")
        values = np.array([0.5, -0.25], dtype)
        state_dict["state"][0]["exp_avg"] = values
        optimizer = so.Adam(params_of(PARAMS, "Adam"))
        so.load_torch_state_dict(optimizer, state_dict)
        np.testing.assert_array_equal(optimizer.state["a"]["exp_avg"], [0.5, -0.25])


class TestHyperparameters:
    def test_they_are_torchs(self):
        optimizer = so.Adam(params_of(PARAMS, "Adam"), lr=0.5, betas=(0.1, 0.2), weight_decay=0.3)
        so.load_torch_state_dict(optimizer, recorded("Adam"))
        group = optimizer.param_groups[0]
        entries = {key: group[key] for key in ("lr", "betas", "eps", "weight_decay", "amsgrad")}
        expected = recorded("Adam")["param_groups"][0]
        assert entries == {key: expected[key] for key in entries}
        assert optimizer.state["a"]["max_exp_avg_sq"].tolist() == [
            0.003498500250000003, 0.013994001000000013,
        ]  # fmt: skip

    def test_schedules_stay_and_go_on_at_the_step_count(self):
        lr, beta1 = so.linear(1.0, total=10), so.linear(0.5, 0.6, total=10)
        optimizer = so.Adam(params_of(PARAMS, "Adam"), lr=lr, betas=(beta1, 0.5))
        so.load_torch_state_dict(optimizer, recorded("Adam"))
        assert optimizer.lr is lr
        assert optimizer.betas == (beta1, 0.999)
        report = optimizer.step(GRADIENTS[3])
        assert report.step == 4
        assert report.lr == lr(3)

    def test_options_that_torch_lacks_stay(self):
        optimizer = so.Adam(params_of(PARAMS, "Adam"), cautious=True, clip_norm=2.0)
        so.load_torch_state_dict(optimizer, recorded("Adam"))
        assert (optimizer.cautious, optimizer.clip_norm) == (True, 2.0)

    def test_decoupled_decay(self):
        state_dict = recorded("Adam")
        group = state_dict["param_groups"][0]
        adam, adamw = so.Adam(params_of(PARAMS, "Adam")), so.AdamW(params_of(PARAMS, "Adam"))
        for decoupled, decays in ((False, (None, "coupled")), (True, ("decoupled", None))):
            group["decoupled_weight_decay"] = decoupled
            for optimizer in (adam, adamw):
                so.load_torch_state_dict(optimizer, state_dict)
            assert (adam.decay, adamw.decay) == decays
        del group["decoupled_weight_decay"]  # older than torch 2.7
        for optimizer in (adam, adamw):
            so.load_torch_state_dict(optimizer, state_dict)
        assert (adam.decay, adamw.decay) == ("decoupled", None)

    def test_bound_gradients_stay_bound(self):
        params = params_of(PARAMS, "Adam")
        optimizer = so.Adam(params)
        optimizer.bind(GRADIENTS[3])
        so.load_torch_state_dict(optimizer, recorded("Adam"))
        assert optimizer.step().step == 4


class TestStepCounts:
    def test_sgd_needs_one_where_there_are_schedules(self):
        params = params_of(PARAMS, "SGD")
        optimizer = so.SGD(params, lr=so.linear(1.0, total=10), momentum=0.9)
        so.load_torch_state_dict(optimizer, recorded("SGD"), step=3)
        assert optimizer.step(GRADIENTS[3]).lr == so.linear(1.0, total=10)(3)

    def test_sgd_without_momentum_has_no_state(self):
        state_dict = recorded("SGD")
        state_dict["param_groups"][0]["momentum"] = 0
        state_dict["state"] = {}
        optimizer = so.SGD(params_of(PARAMS, "SGD"), momentum=0.5)
        so.load_torch_state_dict(optimizer, state_dict, step=7)
        assert optimizer.step_count == 7
        so.load_torch_state_dict(optimizer, state_dict)
        assert optimizer.step_count == 0

    def test_a_buffer_of_none_is_none(self):
        state_dict = recorded("SGD")
        state_dict["state"][1]["momentum_buffer"] = None
        optimizer = so.SGD(params_of(PARAMS, "SGD"), dampening=0.5)
        so.load_torch_state_dict(optimizer, state_dict, step=3)
        assert [float(optimizer.state[key]["step"]) for key in "ab"] == [3, 0]

    @pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999, 1 - 1e-9])
    @pytest.mark.parametrize("count", [0, 1, 2, 100, 5000])
    def test_products_are_those_of_native_steps(self, beta, count):
        optimizer = so.Adam([np.ones(1)], betas=(beta, 0.5))
        for _ in range(count):
            optimizer.step([np.ones(1)])
        assert optimizer.state["0"]["beta1_product"] == running_product(beta, count)

    def test_products_of_very_many_steps(self):
        """Against the logarithm: 2**40 factors in float64, each rounded once."""
        beta, count = 1 - 2.0**-40, 2**40
        assert running_product(beta, count) == pytest.approx(np.exp(-1.0), rel=2.0**-12)
        assert running_product(0.9, 2**53) < 1e-300


class TestDtypes:
    def test_state_dtypes_are_rounded_to_the_nearest(self, bfloat16):
        params = params_of(PARAMS, "Adam", np.float32)
        optimizer = so.Adam(params, state_dtype={"exp_avg": "float16", "exp_avg_sq": "bfloat16"})
        state_dict = recorded("Adam")
        so.load_torch_state_dict(optimizer, state_dict)
        own, slots = state_dict["state"][0], optimizer.state["a"]
        np.testing.assert_array_equal(slots["exp_avg"], own["exp_avg"].astype(np.float16))
        expected = decoded(so.cast(own["exp_avg_sq"], "bfloat16"))
        np.testing.assert_array_equal(decoded(slots["exp_avg_sq"]), expected)

    def test_blocks(self):
        optimizer = so.Adam(params_of(PARAMS, "Adam", np.float32), state_dtype="block8")
        state_dict = recorded("Adam")
        so.load_torch_state_dict(optimizer, state_dict)
        own, slots = state_dict["state"][0], optimizer.state["a"]
        for slot, is_signed in (("exp_avg", True), ("exp_avg_sq", False)):
            numbers = decode(slots[slot], slots[slot + "_scale"], is_signed=is_signed)
            # Half of the distance of two codes with 3 and 4 bits of mantissa.
            unit = 2.0**-4 if is_signed else 2.0**-5
            np.testing.assert_allclose(numbers, own[slot], rtol=unit)

    def test_masters_and_averages_start_as_the_parameters(self, bfloat16):
        params = {key: so.cast(a, "bfloat16") for key, a in params_of(PARAMS, "Adam").items()}
        optimizer = so.Adam(params, ema_decay=0.9)
        for grads in GRADIENTS:
            optimizer.step(grads)
        for key, array in params_of(PARAMS, "Adam", np.float32).items():
            so.cast(array, out=params[key])
        so.load_torch_state_dict(optimizer, recorded("Adam"))
        for key, array in params.items():
            for slot in ("master", "ema"):
                np.testing.assert_array_equal(optimizer.state[key][slot], decoded(array))


class TestBlocks:
    """Against a table of all floats with so few bits of mantissa that are at most 1."""

    @staticmethod
    def table(is_signed):
        bits = 3 if is_signed else 4
        numbers = [
            (1 + m / 2**bits) * 2.0**e for e in range(-40, 0) for m in range(2**bits)
        ] + [1.0]  # fmt: skip
        return np.array([0.0, *numbers[-(127 if is_signed else 255) :]])

    @pytest.mark.parametrize("is_signed", [True, False])
    def test_every_code(self, is_signed):
        codes = np.arange(256, dtype=np.uint8)
        numbers = decode(codes, np.array([2.0], np.float32), is_signed=is_signed)
        table = 2 * self.table(is_signed)
        expected = np.concatenate([table, -table]) if is_signed else table
        np.testing.assert_array_equal(numbers, expected)
        again, scales = encode(numbers, is_signed=is_signed)
        assert scales.tolist() == [2.0]
        np.testing.assert_array_equal(again, codes)

    @pytest.mark.parametrize("is_signed", [True, False])
    @pytest.mark.parametrize("scale", [1e-42, 1e-3, 3.0, 1e38])
    def test_the_nearest(self, is_signed, scale):
        generator = np.random.default_rng(4)
        shares = 2.0 ** generator.uniform(-14, 0, 600)
        values = (shares * scale * np.where(generator.random(600) < 0.5, -1, 1)).astype(np.float32)
        values = values if is_signed else np.abs(values)
        codes, scales = encode(values.reshape(20, 30), is_signed=is_signed)
        assert codes.shape == (20, 30)
        np.testing.assert_array_equal(
            scales, [np.abs(part).max() for part in np.split(values, [256, 512])]
        )
        table = self.table(is_signed)
        true = np.abs(values) / np.repeat(scales.astype(float), 256)[:600]
        errors = np.abs(true[:, None] - table)
        chosen = codes.reshape(-1) & (127 if is_signed else 255)
        best = errors.min(axis=1)
        # A share is rounded to float32, so a tie may go either way.
        assert (errors[np.arange(600), chosen] <= best + true * 2.0**-23).all()
        if is_signed:
            np.testing.assert_array_equal(codes.reshape(-1) > 127, np.signbit(values))

    def test_zeros(self):
        for is_signed in (True, False):
            codes, scales = encode(np.zeros((2, 0)), is_signed=is_signed)
            assert (codes.shape, scales.shape) == ((2, 0), (0,))
            codes, scales = encode(np.zeros(300), is_signed=is_signed)
            assert not codes.any()
            assert scales.tolist() == [0.0, 0.0]
        codes, _ = encode(np.array([1.0, 1e-30]), is_signed=False)
        assert codes.tolist() == [255, 1]


def test_every_rule_says_what_torch_has():
    """With torch, test_torch_state checks that it is true."""
    assert set(COUNTERPARTS) == set(RULES)


def test_numbers_may_be_arrays_of_one_element():
    """torch takes such an lr."""
    state_dict = recorded("Adam")
    state_dict["param_groups"][0].update(lr=np.array([0.25]), betas=[np.array(0.5), 0.75])
    state_dict["state"][0]["step"] = np.array([3.0], np.float32)
    optimizer = so.Adam(params_of(PARAMS, "Adam"))
    so.load_torch_state_dict(optimizer, state_dict)
    assert (optimizer.lr, optimizer.betas, optimizer.step_count) == (0.25, (0.5, 0.75), 3)


def test_export_without_torch_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    optimizer = so.Adam([np.ones(2)])
    with pytest.raises(ImportError, match=r"needs torch \(pip install torch\)"):
        so.torch_state_dict(optimizer)


def test_import_needs_no_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    optimizer = so.Adam(params_of(PARAMS, "Adam"))
    so.load_torch_state_dict(optimizer, recorded("Adam"))
    assert copy.deepcopy(optimizer).step_count == 3
