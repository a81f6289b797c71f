"""Agreement with torch on when a plateau reduces and how a loss scale moves."""

import numpy as np
import pytest

import swiftopt as so

torch = pytest.importorskip("torch", reason="torch is not installed; it is an optional peer")


def a_torch_optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)


def random_settings(rng):
    return {
        "factor": float(rng.choice([0.1, 0.5, 0.9])),
        "mode": str(rng.choice(["min", "max"])),
        "patience": int(rng.integers(0, 4)),
        "threshold": float(rng.choice([0.0, 1e-4, 0.05, 0.3])),
        "threshold_mode": str(rng.choice(["rel", "abs"])),
        "cooldown": int(rng.integers(0, 4)),
    }


@pytest.mark.parametrize("seed", range(300))
def test_plateaus_reduce_when_torch_does(seed):
    """Random walks with ties, all >= 0: below 0 torch's relative threshold is another one."""
    rng = np.random.default_rng(seed)
    settings = random_settings(rng)
    minimum = float(rng.choice([0.0, 0.2]))
    optimizer = a_torch_optimizer()
    # eps is the least change of torch's rate that counts; the plateau has none.
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, **settings, min_lr=minimum, eps=0
    )
    plateau = so.ReduceOnPlateau(**settings, minimum=minimum)
    walk = np.abs(np.cumsum(rng.choice([-0.1, 0.0, 0.1, rng.normal()], 120)) + 3)
    metrics = np.where(rng.random(120) < 0.05, np.nan, walk)
    reductions = 0
    for metric in metrics:
        before = optimizer.param_groups[0]["lr"]
        reference.step(metric)
        after = optimizer.param_groups[0]["lr"]
        if np.isnan(metric):
            with pytest.warns(RuntimeWarning, match="is nan"):
                reduced = plateau.observe(metric)
        else:
            reduced = plateau.observe(metric)
        assert reduced == (after < before)
        assert plateau.value == after
        reductions += reduced
    assert plateau.state["reductions"] == reductions


@pytest.mark.parametrize("seed", range(50))
def test_scales_move_as_torch_s_do(seed):
    rng = np.random.default_rng(seed)
    settings = {
        "growth_factor": float(rng.choice([2.0, 1.7, 3.0])),
        "backoff_factor": float(rng.choice([0.5, 0.3, 0.99])),
        "growth_interval": int(rng.integers(1, 5)),
    }
    initial = float(rng.choice([65536.0, 1000.1, 3.0]))
    reference = torch.amp.GradScaler("cpu", init_scale=initial, **settings)
    reference.scale(torch.ones(1))  # makes the scale
    optimizer, scaler = a_torch_optimizer(), so.LossScaler(initial, **settings)
    w = np.zeros(1)
    ours = so.SGD([w], lr=0.0)
    for is_bad in rng.random(100) < 0.3:
        gradient = np.inf if is_bad else 1.0
        optimizer.param_groups[0]["params"][0].grad = torch.full((1,), gradient)
        reference.step(optimizer)
        reference.update()
        report = ours.step([np.array([gradient])], scaler=scaler)
        assert report.status == ("skipped" if is_bad else "updated")
        assert report.loss_scale == reference.get_scale()
    assert scaler.good_steps == reference._get_growth_tracker()


def test_torch_tensors_keep_their_graph():
    w = torch.ones(1, requires_grad=True)
    so.LossScaler(8.0).scale((3 * w).sum()).backward()
    assert w.grad.tolist() == [24.0]
