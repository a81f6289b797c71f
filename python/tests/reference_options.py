"""Float64 references of what all rules have in common: limits, penalties, decay, caution.

The order is that of `so_optimizer_step` in swiftopt.h. Formulas are those of `Optimizer`'s
documentation and the papers named there.
"""

import numpy as np

from .reference_support import norm

DEFAULTS = {
    "adaptive_clip": None,
    "clip_tensor_norm": None,
    "clip_norm": None,
    "clip_value": None,
    "maximize": False,
    "l1_penalty": 0.0,
    "l2_penalty": 0.0,
    "decay": None,
    "decoupled_weight_decay": False,
    "cautious": False,
    "ema_decay": None,
}
"""The options that a rule's function doesn't see."""


def limited(arrays, limit):
    """The factor that brings the norm down to `limit`, 1 if it is not above."""
    total = norm(arrays)
    return limit / total if total > limit else 1.0


def limited_units(g, p, ratio):
    """Brock et al. 2021, equation 3: each unit's norm is at most `ratio` of its parameter's.

    Units lie along the first axis if there is another, and a parameter's norm counts as
    1e-3 at least, as in the paper's section 4.1.
    """
    if g.ndim < 2:
        return limited([g], ratio * max(norm([p]), 1e-3)) * g
    factors = [limited([a], ratio * max(norm([b]), 1e-3)) for a, b in zip(g, p, strict=True)]
    return g * np.reshape(factors, (-1,) + (1,) * (g.ndim - 1))


def penalty(p, l1, l2, coupled):
    """What is added to the gradient; all its terms have the parameter's sign."""
    return l1 * np.sign(p) + (l2 + coupled) * p


def cautious_factor(step, g):
    """Liang et al. 2024, algorithm 1: an element's step counts where it agrees with g in sign.

    The rest is scaled by count / (agreeing elements), which are taken for a thousandth of
    them at least.
    """
    agrees = np.sign(step) * np.sign(g) > 0
    if step.size == 0:
        return agrees * 1.0
    return agrees * step.size / max(np.count_nonzero(agrees), step.size / 1000)


def decayed(kind, lr, weight_decay, p):
    """What weight decay subtracts beside the rule's step.

    Loshchilov & Hutter 2019, algorithm 2, line 12: from the old p. Independent: without lr.
    """
    return {"decoupled": lr, "independent": 1.0}.get(kind, 0.0) * weight_decay * p
