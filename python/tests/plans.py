"""What the native Plan takes, with the usual values filled in."""

import numpy as np

from swiftopt import _core

INF = float("inf")


def tensor(
    parameter,
    slots=(None,),
    group=0,
    *,
    master=None,
    compensation=None,
    average=None,
    copy=None,
    accumulator=None,
    rounds_stochastically=False,
    geometry=(0, 0, 1),
    key=0,
):
    """One entry of the plan's `tensors`; slots as SGD has them."""
    extras = (master, compensation, average, copy, accumulator)
    return (parameter, slots, group, *extras, rounds_stochastically, geometry, key)


# The common values of set_group, in its order.
COMMON = {
    "lr": 0.5,
    "weight_decay": 0.0,
    "clip_value": INF,
    "clip_tensor_norm": INF,
    "clip_unit_ratio": INF,
    "l1_penalty": 0.0,
    "l2_penalty": 0.0,
    "average_decay": 1.0,
    "decay": 0,
    "maximize": False,
    "cautious": False,
    "zero_gradient": False,
}
SGD = {"momentum": 0.0, "dampening": 0.0, "nesterov": False, "momentum_start_zero": False}
NAMES = (*COMMON, *SGD)


def group(**changes):
    """The values of a group of SGD; lr is 0.5, so that small integers stay exact."""
    values = {**COMMON, **SGD, **changes}
    assert values.keys() == set(NAMES)
    return tuple(values.values())


def sgd_plan(*tensors, names=None, scalars=None, seed=0, **changes):
    """An SGD plan with one group; parameters may stand for their tensors."""
    tensors = [item if isinstance(item, tuple) else tensor(item) for item in tensors]
    names = names or tuple(f"p{index}" for index in range(len(tensors)))
    # Some NumPy versions leak a dtype in each np.zeros.
    scalars = np.full((len(tensors), 1), 0.0) if scalars is None else scalars
    plan = _core.Plan("sgd", names, tensors, scalars, 1, seed)
    plan.set_group(0, group(**changes))
    return plan


def step(plan, grads, number=1, groups=(), scale=1.0):
    return plan.step(grads, number, 0.5, groups, scale)
