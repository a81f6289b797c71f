"""The cells of LSTM and GRU."""

import numpy as np

from . import Case, LayerRow, Out, extended

SIZES = [(0, 3), (1, 1), (3, 15), (2, 16), (5, 17), (67, 130)]

# In roundings: the activations are within two ULP.
ACTIVATION = 4


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _split(array, count, size):
    return [array[:, index * size : (index + 1) * size] for index in range(count)]


def _lstm_cases(rng):
    return [
        Case(
            {
                "gates": 3 * rng.standard_normal((batch, 4 * size)),
                "cell": rng.standard_normal((batch, size)),
                "new_hidden": Out((batch, size)),
                "new_cell": Out((batch, size)),
                **({"activations": Out((batch, 4 * size))} if position % 3 else {}),
            },
            (batch, size),
        )
        for position, (batch, size) in enumerate(SIZES)
    ]


def _lstm(case, inputs):
    inputs = extended(inputs)
    i, f, g, o = _split(inputs["gates"], 4, case.sizes[1])
    i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
    cell = f * inputs["cell"] + i * g
    return {
        "new_hidden": o * np.tanh(cell),
        "new_cell": cell,
        "activations": np.concatenate([i, f, g, o], axis=1),
    }


def _lstm_tolerance(case, inputs, expected, eps):
    activations = expected["activations"]
    i, f, g, o = _split(activations, 4, case.sizes[1])
    of_cell = eps * (
        (ACTIVATION + 2) * np.abs(f * inputs["cell"]) + (2 * ACTIVATION + 2) * np.abs(i * g)
    )
    slope = 1 - np.tanh(expected["new_cell"]) ** 2
    return {
        "new_cell": 1.01 * of_cell,
        "new_hidden": 1.01
        * (eps * (2 * ACTIVATION + 1) * np.abs(expected["new_hidden"]) + o * slope * of_cell),
        "activations": ACTIVATION * eps * np.abs(activations),
    }


def _lstm_backward_cases(rng):
    cases = []
    for position, (batch, size) in enumerate(SIZES):
        cell = rng.standard_normal((batch, size))
        forward = _lstm(
            Case({}, (batch, size)),
            {"gates": 2 * rng.standard_normal((batch, 4 * size)), "cell": cell},
        )
        arrays = {
            "new_hidden_gradient": rng.standard_normal((batch, size)),
            "activations": forward["activations"],
            "cell": cell,
            "new_cell": forward["new_cell"],
            "gates_gradient": Out((batch, 4 * size)),
            "cell_gradient": Out((batch, size)),
        }
        if position % 3 != 1:
            arrays["recurrent_gradient"] = rng.standard_normal((batch, size))
        if position % 3 != 2:
            arrays["new_cell_gradient"] = rng.standard_normal((batch, size))
        cases.append(Case(arrays, (batch, size)))
    return cases


def _lstm_gradients(case, inputs):
    dh = inputs["new_hidden_gradient"] + inputs.get("recurrent_gradient", 0)
    i, f, g, o = _split(inputs["activations"], 4, case.sizes[1])
    t = np.tanh(inputs["new_cell"])
    dc = dh * o * (1 - t) * (1 + t) + inputs.get("new_cell_gradient", 0)
    return dh, i, f, g, o, t, dc


def _lstm_backward(case, inputs):
    inputs = extended(inputs)
    dh, i, f, g, o, t, dc = _lstm_gradients(case, inputs)
    gates = [
        dc * g * i * (1 - i),
        dc * inputs["cell"] * f * (1 - f),
        dc * i * (1 - g) * (1 + g),
        dh * t * o * (1 - o),
    ]
    return {"gates_gradient": np.concatenate(gates, axis=1), "cell_gradient": dc * f}


def _lstm_backward_tolerance(case, inputs, expected, eps):
    dh, i, f, g, o, t, dc = _lstm_gradients(case, inputs)
    # The slope of tanh from a tanh that is off by ACTIVATION roundings.
    of_slope = eps * (2 * ACTIVATION * np.abs(t) + 4)
    of_cell = np.abs(dh * o) * (of_slope + 4 * eps) + eps * np.abs(dc)
    factors = [g * i * (1 - i), inputs["cell"] * f * (1 - f), i * (1 - g) * (1 + g)]
    gates = [of_cell * np.abs(factor) + 7 * eps * np.abs(dc * factor) for factor in factors]
    gates.append((ACTIVATION + 6) * eps * np.abs(dh * t * o * (1 - o)))
    return {
        "gates_gradient": 1.01 * np.concatenate(gates, axis=1),
        "cell_gradient": 1.01 * (of_cell * np.abs(f) + eps * np.abs(dc * f)),
    }


def _gru_cases(rng):
    return [
        Case(
            {
                "input_gates": 2 * rng.standard_normal((batch, 3 * size)),
                "hidden_gates": 2 * rng.standard_normal((batch, 3 * size)),
                "hidden": rng.standard_normal((batch, size)),
                "new_hidden": Out((batch, size)),
                **({"activations": Out((batch, 4 * size))} if position % 3 else {}),
            },
            (batch, size),
        )
        for position, (batch, size) in enumerate(SIZES)
    ]


def _gru(case, inputs):
    inputs = extended(inputs)
    a = _split(inputs["input_gates"], 3, case.sizes[1])
    b = _split(inputs["hidden_gates"], 3, case.sizes[1])
    r, z = _sigmoid(a[0] + b[0]), _sigmoid(a[1] + b[1])
    n = np.tanh(a[2] + r * b[2])
    return {
        "new_hidden": (1 - z) * n + z * inputs["hidden"],
        "activations": np.concatenate([r, z, n, b[2]], axis=1),
    }


def _gru_tolerance(case, inputs, expected, eps):
    a = _split(inputs["input_gates"], 3, case.sizes[1])
    b = _split(inputs["hidden_gates"], 3, case.sizes[1])
    r, z, n, _ = _split(expected["activations"], 4, case.sizes[1])
    of_r, of_z = (
        eps * gate * (ACTIVATION + (1 - gate) * np.abs(a[index] + b[index]))
        for index, gate in enumerate((r, z))
    )
    before = np.abs(a[2] + r * b[2])
    of_before = of_r * np.abs(b[2]) + eps * (np.abs(r * b[2]) + before)
    of_n = eps * ACTIVATION * np.abs(n) + (1 - n) * (1 + n) * of_before
    h = np.abs(inputs["hidden"])
    of_hidden = of_z * (np.abs(n) + h) + of_n + 3 * eps * ((1 - z) * np.abs(n) + z * h)
    return {
        "new_hidden": 1.01 * of_hidden,
        "activations": 1.01 * np.concatenate([of_r, of_z, of_n, 0 * of_n], axis=1),
    }


def _gru_backward_cases(rng):
    cases = []
    for position, (batch, size) in enumerate(SIZES):
        hidden = rng.standard_normal((batch, size))
        forward = _gru(
            Case({}, (batch, size)),
            {
                "input_gates": rng.standard_normal((batch, 3 * size)),
                "hidden_gates": rng.standard_normal((batch, 3 * size)),
                "hidden": hidden,
            },
        )
        arrays = {
            "new_hidden_gradient": rng.standard_normal((batch, size)),
            "activations": forward["activations"],
            "hidden": hidden,
            "input_gates_gradient": Out((batch, 3 * size)),
            "hidden_gates_gradient": Out((batch, 3 * size)),
            "hidden_gradient": Out((batch, size)),
        }
        if position % 2:
            arrays["recurrent_gradient"] = rng.standard_normal((batch, size))
        cases.append(Case(arrays, (batch, size)))
    return cases


def _gru_backward(case, inputs):
    inputs = extended(inputs)
    dh = inputs["new_hidden_gradient"] + inputs.get("recurrent_gradient", 0)
    r, z, n, from_hidden = _split(inputs["activations"], 4, case.sizes[1])
    dn = dh * (1 - z) * (1 - n) * (1 + n)
    dz = dh * (inputs["hidden"] - n) * z * (1 - z)
    dr = dn * from_hidden * r * (1 - r)
    return {
        "input_gates_gradient": np.concatenate([dr, dz, dn], axis=1),
        "hidden_gates_gradient": np.concatenate([dr, dz, dn * r], axis=1),
        "hidden_gradient": dh * z,
    }


def _gru_backward_tolerance(case, inputs, expected, eps):
    # Products of at most twelve factors and differences, each rounded once.
    return {name: 12 * eps * np.abs(array) for name, array in expected.items()}


ROWS = [
    LayerRow("lstm_cell", _lstm_cases, _lstm, _lstm_tolerance),
    LayerRow("lstm_cell_backward", _lstm_backward_cases, _lstm_backward, _lstm_backward_tolerance),
    LayerRow("gru_cell", _gru_cases, _gru, _gru_tolerance),
    LayerRow("gru_cell_backward", _gru_backward_cases, _gru_backward, _gru_backward_tolerance),
]
