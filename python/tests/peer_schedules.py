"""What runs the schedulers of peers, and the comparison with ours."""

import importlib
import importlib.util
import sys
import warnings

import numpy as np
import pytest

PEAK = 0.3
COUNT = 130  # steps, beyond the end of every schedule that is compared


def assert_agree(schedule, theirs, *, roundings, per_step=0, unit=2.0**-53):
    n = np.arange(len(theirs))
    ours = schedule(n)
    allowed = 4 * 2.0**-52 + (roundings + per_step * n) * unit
    error = np.abs(ours - np.asarray(theirs, np.float64)) / np.abs(ours).max()
    worst = int(np.argmax(error / allowed))
    assert error[worst] <= allowed[worst], f"at {worst}: {ours[worst]!r}, not {theirs[worst]!r}"


def peer(module):
    return pytest.importorskip(module, reason=f"{module} is not installed; it is an optional peer")


def timm(module):
    """Import a module of timm that needs torch alone.

    timm's packages import all of timm, and with it torchvision, whose versions are tied to
    torch's builds. So packages without contents stand in for those, if they can't be imported.
    """
    if importlib.util.find_spec("timm") is None:
        pytest.skip("timm is not installed; it is an optional peer")
    peer("torch")
    try:
        return importlib.import_module(module)
    except ImportError:
        name = ""
        for part in module.split(".")[:-1]:
            name = f"{name}.{part}" if name else part
            if name not in sys.modules:
                sys.modules[name] = importlib.util.module_from_spec(importlib.util.find_spec(name))
        return importlib.import_module(module)


def learning_rates(make, count=COUNT, lr=PEAK, momentum=0.0):
    """Run a torch scheduler and return the learning rates of the updates."""
    torch = peer("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr, momentum=momentum)
    values = []
    with warnings.catch_warnings():
        # SequentialLR calls its own parts in the way that torch warns of.
        warnings.filterwarnings("ignore", message="The epoch parameter in `scheduler.step")
        scheduler = make(optimizer)
        for _ in range(count):
            values.append(optimizer.param_groups[0]["momentum" if momentum else "lr"])
            optimizer.step()
            scheduler.step()
    return values


def of(name, **arguments):
    """Name a scheduler of torch.optim.lr_scheduler."""
    return lambda optimizer: getattr(peer("torch").optim.lr_scheduler, name)(optimizer, **arguments)


def sequence(optimizer):
    """Return a warm-up and a cosine as torch's documentation chains them."""
    first = of("LinearLR", start_factor=0.01, total_iters=20)(optimizer)
    second = of("CosineAnnealingLR", T_max=100)(optimizer)
    return of("SequentialLR", schedulers=[first, second], milestones=[20])(optimizer)


def transformed(name, **arguments):
    return lambda optimizer: getattr(peer("transformers.optimization"), name)(
        optimizer, **arguments
    )


def timm_rates(name, count=COUNT, **arguments):
    """Return the learning rates of a timm scheduler, which is told the step."""
    torch = peer("torch")
    module = timm(f"timm.scheduler.{name.removesuffix('LRScheduler').lower()}_lr")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=PEAK)
    scheduler = getattr(module, name)(optimizer, **arguments)
    values = []
    for n in range(count):
        scheduler.step(n)
        values.append(optimizer.param_groups[0]["lr"])
    return values
