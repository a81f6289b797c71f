"""Float64 references, continued: rules that see a tensor's matrices. See reference.py."""

import math

import numpy as np

from .reference_averaged import average, correction
from .reference_support import ratio

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def muon(
    state, g, lr=1e-3, momentum=0.95, nesterov=True, eps=1e-7, ns_steps=5, adjust_lr_fn=None,
    adamw_betas=(0.9, 0.999), adamw_eps=1e-8,
):  # fmt: skip
    """Jordan et al. 2024; the momentum is an average as in torch.optim.Muon.

    AdamW's step (Loshchilov & Hutter 2019) for what is no matrix. A matrix's rows are the
    first axis.
    """
    corrections = (
        correction(state, "beta1", adamw_betas[0]),
        correction(state, "beta2", adamw_betas[1]),
    )
    if g.ndim < 2 or g.size == 0:
        m = average(state, "exp_avg", adamw_betas[0], g) / corrections[0]
        v = average(state, "exp_avg_sq", adamw_betas[1], g**2) / corrections[1]
        return lr * ratio(m, np.sqrt(v) + adamw_eps)
    b = average(state, "momentum_buffer", momentum, g)
    direction = (1 - momentum) * g + momentum * b if nesterov else b
    matrix = direction.reshape(g.shape[0], -1)
    rows, columns = matrix.shape
    if adjust_lr_fn == "match_rms_adamw":  # Liu et al. 2025, equation 4
        adjust = 0.2 * math.sqrt(max(rows, columns))
    else:
        adjust = math.sqrt(max(1, rows / columns))
    return lr * adjust * newton_schulz(matrix, ns_steps, eps).reshape(g.shape)


def newton_schulz(matrix, steps, eps):
    """The quintic iteration of Jordan et al. 2024, on the transpose of a tall matrix."""
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / max(np.linalg.norm(x) + eps, np.finfo(float).tiny)
    a, b, c = NEWTON_SCHULZ
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


def adafactor(
    state, g, p, machine_epsilon,
    lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, beta1=0.0,
):  # fmt: skip
    """Shazeer & Stern 2018, algorithms 4 and 5; eps and lr as in torch.optim.Adafactor."""
    t = state["step"]
    eps1 = machine_epsilon if eps[0] is None else eps[0]
    beta2 = 1 - t**beta2_decay
    if g.ndim < 2 or g.size == 0:
        v = average(state, "variance", beta2, g**2)
    else:
        row = average(state, "row_var", beta2, np.mean(g**2, axis=-1))
        column = average(state, "col_var", beta2, np.mean(g**2, axis=-2))
        mean = np.maximum(np.mean(row, axis=-1), eps1)[..., None, None]
        v = row[..., :, None] * column[..., None, :] / mean
    u = g / np.maximum(np.sqrt(v), eps1)
    alpha = max(eps[1], rms(p)) * min(lr, 1 / math.sqrt(t))
    step = alpha * u / max(1.0, rms(u) / d)
    return average(state, "exp_avg", beta1, step) if beta1 else step


def rms(x):
    """The root of the mean square; 0 for no elements."""
    return math.sqrt(float(np.mean(x**2))) if x.size else 0.0
