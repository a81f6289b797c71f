"""What export gives and refuses, and what else import does with tensors. Needs torch."""

import numpy as np
import pytest

import swiftopt as so
from swiftopt._dtypes import decoded
from swiftopt._torch.blocks import decode

from .cases import copied_state

torch = pytest.importorskip("torch", reason="torch is not installed; it is an optional peer")


def exported(optimizer):
    """The only group and the state of the only parameter, None if there is none."""
    state_dict = so.torch_state_dict(optimizer)
    assert list(state_dict) == ["state", "param_groups"]
    (group,) = state_dict["param_groups"]
    return group, state_dict["state"].get(0)


class TestNumbers:
    def test_of_schedules_are_those_of_the_next_step(self):
        lr, beta1 = so.linear(1.0, total=10), so.linear(0.5, 0.9, total=10)
        optimizer = so.Adam([np.ones(2)], lr=lr, betas=(beta1, 0.999))
        optimizer.step([np.ones(2)])
        with pytest.warns(UserWarning, match="betas"):
            group, _ = exported(optimizer)
        assert group["lr"] == lr(1)
        assert group["betas"] == (beta1(1), 0.999)

    def test_are_pythons(self):
        """torch.load with weights_only takes no others."""
        optimizer = so.SGD([np.ones(2)], lr=np.float32(0.5), momentum=np.array(0.9))
        optimizer.nesterov = np.True_
        group, _ = exported(optimizer)
        types = {name: type(group[name]) for name in ("lr", "momentum", "nesterov")}
        assert types == {"lr": float, "momentum": float, "nesterov": bool}

    def test_of_counts_beyond_float32(self):
        optimizer = so.Adagrad([np.ones(2)])
        for count, dtype in ((2**24, torch.float32), (2**24 + 1, torch.float64)):
            optimizer.state["0"]["step"][...] = count
            _, own = exported(optimizer)
            assert own["step"].dtype == dtype
            assert int(own["step"]) == count


class TestStates:
    def test_tensors_are_copies(self):
        optimizer = so.SGD([np.ones(3)], momentum=0.9)
        optimizer.step([np.ones(3)])
        before = copied_state(optimizer)
        so.torch_state_dict(optimizer)["state"][0]["momentum_buffer"].zero_()
        np.testing.assert_array_equal(
            optimizer.state["0"]["momentum_buffer"], before["0"]["momentum_buffer"]
        )

    @pytest.mark.parametrize("state_dtype", ["float16", "bfloat16"])
    def test_in_16_bits(self, state_dtype, bfloat16):
        optimizer = so.Adam(
            [np.ones(9, np.float32)],
            state_dtype={"exp_avg": state_dtype, "exp_avg_sq": "bfloat16"},
        )
        optimizer.step([np.linspace(-1, 1, 9)])
        _, own = exported(optimizer)
        for slot in ("exp_avg", "exp_avg_sq"):
            assert own[slot].dtype == torch.float32
            np.testing.assert_array_equal(own[slot].numpy(), decoded(optimizer.state["0"][slot]))

    def test_in_blocks(self):
        """Decoded here as test_torch_state_dict has it; and back, to the same codes."""
        optimizer = so.Adam([np.ones((30, 10), np.float32)], state_dtype="block8")
        optimizer.step([np.linspace(-1, 1, 300).reshape(30, 10)])
        slots, state_dict = optimizer.state["0"], so.torch_state_dict(optimizer)
        for slot, is_signed in (("exp_avg", True), ("exp_avg_sq", False)):
            expected = decode(slots[slot], slots[slot + "_scale"], is_signed=is_signed)
            np.testing.assert_array_equal(state_dict["state"][0][slot].numpy(), expected)
        other = so.Adam([np.ones((30, 10), np.float32)], state_dtype="block8")
        so.load_torch_state_dict(other, state_dict)
        for slot, array in slots.items():
            np.testing.assert_array_equal(other.state["0"][slot], array)

    def test_of_half_precision_parameters_are_float32(self, bfloat16):
        optimizer = so.Adam([so.cast(np.ones(3), "bfloat16")], ema_decay=0.9)
        optimizer.step([np.ones(3)])
        _, own = exported(optimizer)
        assert set(own) == {"step", "exp_avg", "exp_avg_sq"}
        assert own["exp_avg"].dtype == torch.float32

    def test_before_the_first_step(self):
        """There is one where torch makes it in the constructor, or couldn't make it so."""
        w = [np.ones(2)]
        for optimizer in (so.Adam(w), so.Rprop(w), so.SGD(w, momentum=0.9), so.RMSprop(w)):
            assert exported(optimizer)[1] is None
        for optimizer, slot, value in (
            (so.Adagrad(w), "sum", 0.0),
            (so.RMSprop(w, initial_accumulator_value=0.5), "square_avg", 0.5),
            (so.SGD(w, momentum=0.9, momentum_start="zero"), "momentum_buffer", 0.0),
        ):
            assert exported(optimizer)[1][slot].tolist() == [value] * 2

    def test_of_sgd_that_starts_at_zero_goes_on_in_torch(self):
        ours, theirs = np.ones(3), torch.nn.Parameter(torch.ones(3, dtype=torch.float64))
        optimizer = so.SGD([ours], lr=0.5, momentum=0.5, dampening=0.5, momentum_start="zero")
        peer = torch.optim.SGD([theirs])
        peer.load_state_dict(so.torch_state_dict(optimizer))
        for _ in range(3):
            optimizer.step([np.array([1.0, -2.0, 4.0])])
            theirs.grad = torch.tensor([1.0, -2.0, 4.0], dtype=torch.float64)
            peer.step()
        np.testing.assert_array_equal(ours, theirs.detach().numpy())  # powers of 2: exact

    def test_that_an_option_was_for_are_left_out(self):
        optimizer = so.Adam([np.ones(2)], amsgrad=True)
        optimizer.step([np.ones(2)])
        optimizer.amsgrad = False
        assert "max_exp_avg_sq" not in exported(optimizer)[1]


def test_changed_betas_warn():
    """1 - beta2**5 for 5 steps, of which the first 4 had another beta2."""
    optimizer = so.Adam([np.ones(2)], betas=(0.9, 0.99))
    for _ in range(4):
        optimizer.step([np.ones(2)])
    so.torch_state_dict(optimizer)
    optimizer.betas = (0.9, 0.999)
    with pytest.warns(UserWarning, match=r"betas\[1\] has changed: after 4 updates of '0'"):
        so.torch_state_dict(optimizer)


REFUSED = [
    (so.Adam, {"epsilon_hat": True}, "epsilon_hat is True; torch.optim.Adam has only False"),
    (so.AdamW, {"cautious": True}, "cautious is True; torch.optim.AdamW has only False"),
    (so.Adafactor, {"beta1": 0.9}, "beta1 is 0.9; torch.optim.Adafactor has only 0"),
    (so.Rprop, {"weight_decay": 0.1}, "weight_decay is 0.1; torch.optim.Rprop has only 0"),
    (so.Muon, {"maximize": True}, "maximize is True; torch.optim.Muon has only False"),
    (so.SGD, {"weight_decay": 0.1, "decay": "decoupled"}, "decay is 'decoupled'; torch.optim.SGD"),
    (so.Adam, {"weight_decay": 0.1, "decay": "independent"}, "only 'coupled' and 'decoupled'"),
    (so.Adafactor, {"weight_decay": 0.1, "decay": "coupled"}, "only 'decoupled'"),
    (so.Lion, {}, "torch.optim has no lion; it has SGD, Adam, AdamW"),
]


@pytest.mark.parametrize(("cls", "options", "words"), REFUSED, ids=str)
def test_what_torch_has_not(cls, options, words, refused):
    w = np.ones((2, 2))
    optimizer = cls([w], **options)
    refused(lambda: so.torch_state_dict(optimizer), ValueError, [words], optimizer, [w])


def test_options_without_effect_are_no_obstacle():
    w = np.ones((2, 2))
    for optimizer in (
        so.SGD([w], decay="decoupled"),  # of no weight decay
        so.Adam([w], clip_norm=1.0, ema_decay=0.9, l2_penalty=0.1),  # outside torch's classes
    ):
        assert exported(optimizer)[1] is None


def test_optimizers_that_are_not_ready():
    with pytest.raises(TypeError, match="optimizer is a list; it must be an Optimizer"):
        so.torch_state_dict([])
    with pytest.raises(ValueError, match="without params"):
        so.torch_state_dict(so.Adam())
    optimizer = so.Adam([np.ones(2)], accumulate=2)
    optimizer.step([np.ones(2)])
    with pytest.raises(ValueError, match="1 of 2 micro-batches are accumulated"):
        so.torch_state_dict(optimizer)
    with pytest.raises(ValueError, match=r"parameter '0' has the shape .* matrices only"):
        so.torch_state_dict(so.Muon([np.ones(2)]))


def test_what_torch_leaves_in_groups_is_ignored():
    w = torch.nn.Parameter(torch.ones(3))
    peer = torch.optim.SGD([("w", w)], lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.OneCycleLR(peer, 0.5, total_steps=10)
    w.grad = torch.ones(3)
    peer.step()
    schedule.step()
    optimizer = so.SGD({"w": np.ones(3)})
    so.load_torch_state_dict(optimizer, peer.state_dict())
    assert optimizer.lr == peer.param_groups[0]["lr"]
    assert optimizer.momentum == peer.param_groups[0]["momentum"]


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.ones(3, dtype=torch.int64), ["int64", "floating dtype"]),
        (torch.ones(3).to_sparse(), ["layout torch.sparse_coo"]),
        (torch.ones(3, device="meta"), ["device meta"]),
        (torch.tensor([1.0, float("nan"), 0.0]), ["aren't finite"]),
    ],
    ids=["int64", "sparse", "meta", "nan"],
)
def test_tensors_that_are_refused(tensor, words, refused):
    w = np.ones(3)
    optimizer = so.SGD([w], momentum=0.9)
    state_dict = so.torch_state_dict(optimizer)
    state_dict["state"][0] = {"momentum_buffer": tensor}
    words = ["state[0]['momentum_buffer']", *words]
    refused(
        lambda: so.load_torch_state_dict(optimizer, state_dict),
        (TypeError, ValueError), words, optimizer, [w],
    )  # fmt: skip
