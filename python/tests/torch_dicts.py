"""State_dicts of torch.optim as NumPy arrays, recorded with torch 2.13.0+cpu in float64.

Parameters [1, 2] and [[3, -1]], three steps with GRADIENTS: PARAMS are the parameters then and
`recorded` the state, both as `tensor.tolist()` gave them. EXPECTED are the parameters after the
other four steps. Only what torch keeps about speed alone (foreach, capturable, ...) is left out.
"""

import copy

import numpy as np

GRADIENTS = [
    {"a": np.array([0.5, -1.0]) * k, "b": np.array([[-0.25, 3.0]]) / k} for k in range(1, 8)
]

_MOMENTS = [
    {
        "step": 3.0,
        "exp_avg": [0.2804999999999999, -0.5609999999999998],
        "exp_avg_sq": [0.003498500250000003, 0.013994001000000013],
    },
    {
        "step": 3.0,
        "exp_avg": [[-0.039833333333333325, 0.4779999999999999]],
        "exp_avg_sq": [[8.492888194444452e-05, 0.01222975900000001]],
    },
]
_ADAM = {"lr": 0.1, "betas": (0.9, 0.999), "eps": 1e-08, "weight_decay": 0, "maximize": False}

_STATES = {
    "Adam": [{**own, "max_exp_avg_sq": own["exp_avg_sq"]} for own in _MOMENTS],
    "NAdam": [{**own, "mu_product": 0.0912142874159059} for own in _MOMENTS],
    "RMSprop": [
        {
            "step": 3.0,
            "square_avg": [0.03485025000000003, 0.1394010000000001],
            "momentum_buffer": [24.411297999092056, -24.41129940540948],
            "grad_avg": [0.02980050000000003, -0.05960100000000006],
        },
        {
            "step": 3.0,
            "square_avg": [[0.0008366944444444451, 0.1204840000000001]],
            "momentum_buffer": [[-15.135384931838095, 15.135390222586048]],
            "grad_avg": [[-0.004521083333333337, 0.054253000000000044]],
        },
    ],
    "SGD": [
        {"momentum_buffer": [3.04826, -5.02768]},
        {"momentum_buffer": [[0.41152166666666673, 4.41409]]},
    ],
}
_GROUPS = {
    "Adam": {**_ADAM, "amsgrad": True, "decoupled_weight_decay": False},
    "NAdam": {**_ADAM, "momentum_decay": 0.004, "decoupled_weight_decay": False},
    "RMSprop": {
        "lr": 0.1, "momentum": 0.9, "alpha": 0.99, "eps": 1e-08, "centered": True,
        "weight_decay": 0, "maximize": False,
    },
    "SGD": {
        "lr": 0.1, "momentum": 0.9, "dampening": 0, "weight_decay": 0.1, "nesterov": False,
        "maximize": False,
    },
}  # fmt: skip
PARAMS = {
    "Adam": ([0.7076816791153657, 2.292318322938319], [[3.2805338028110014, -1.2805338155564414]]),
    "NAdam": ([0.7018802008537801, 2.298119801256701], [[3.19909657818036, -1.1990965867201588]]),
    "RMSprop": (
        [-4.254153866792967, 7.2541542401551755],
        [[6.876197032303382, -4.876198415626337]],
    ),
    "SGD": ([0.4717739999999999, 2.833968], [[2.9318978333333336, -2.129509]]),
}
EXPECTED = {
    "Adam": ([0.3185722782524975, 2.6814277249142897], [[3.5829195985550406, -1.582919632489376]]),
    "NAdam": (
        [0.28514744067453235, 2.7148525626219184],
        [[3.3386276590835227, -1.338627677421999]],
    ),
    "RMSprop": (
        [-18.089705780968437, 21.08970668189864],
        [[13.15805761065908, -11.158061134148333]],
    ),
    "SGD": ([-2.74399616696066, 8.60669500311088], [[2.5923187500338734, -3.8191766449978335]]),
}


def recorded(name):
    """A new state_dict, of NumPy arrays."""
    state = {
        number: {slot: np.array(value) for slot, value in own.items()}
        for number, own in enumerate(_STATES[name])
    }
    return {"state": state, "param_groups": [{**copy.deepcopy(_GROUPS[name]), "params": [0, 1]}]}


def params_of(table, name, dtype=np.float64):
    """The recorded parameters."""
    return {key: np.array(value, dtype) for key, value in zip("ab", table[name], strict=True)}
