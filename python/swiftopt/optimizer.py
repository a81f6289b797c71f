"""What all optimizers do."""

from __future__ import annotations

from typing import Any

import numpy as np

from swiftopt import _core
from swiftopt._base import Number, Options
from swiftopt._evaluation import Evaluation
from swiftopt._lazy import Lazy
from swiftopt._loss_scaler import LossScaler
from swiftopt._parameters import Parameters

__all__ = ["Number", "Optimizer", "Options"]


class Optimizer(Lazy, Evaluation, Parameters):
    """Updates arrays in place from their gradients. The base of all optimizers.

    Parameters
    ----------
    params : array, list, tuple, dict, nested dict or list, list of groups, or None
        Arrays in float32, float64, float16 or bfloat16 (of ml_dtypes, or declared by
        `bfloat16_view`), C-contiguous and writable, updated in place. A list is a list of
        groups if every element is a dict with the key "params"; other keys of a group
        override the hyper-parameters of the optimizer and the options below. With None the
        optimizer is used through `update`, `init` and `apply`.
    hyperparameters : dict
        The hyper-parameters of the class, which names them in its signature.
    options : dict
        What every class takes by keyword.

    Options that a group may override
    ---------------------------------
    Their order in a step: ``adaptive_clip``, ``clip_tensor_norm``, ``clip_norm``,
    ``clip_value``, ``maximize``, the penalties, coupled weight decay, the rule, ``cautious``.
    Each number may be a `Schedule`, or a `Controlled` value that follows a metric.

    maximize : bool, default False
        Go up the gradient instead of down.
    clip_value : float, Schedule or None, default None
        Limit of the magnitude of each gradient element.
    clip_tensor_norm : float, Schedule or None, default None
        Limit of the norm of each parameter's gradient.
    adaptive_clip : float, Schedule or None, default None
        Limit of the norm of a unit's gradient, as a share of the norm of the unit's
        parameter. The units of an array of two or more axes lie along its first one; any
        other array is one unit. Brock et al. 2021, "High-performance large-scale image
        recognition without normalization", equation 3.
    l1_penalty, l2_penalty : float or Schedule, default 0
        Added to the gradient: ``l1_penalty * sign(parameter) + l2_penalty * parameter``.
    decay : {"coupled", "decoupled", "independent"} or None, default None
        What ``weight_decay`` does: add ``weight_decay * parameter`` to the gradient;
        subtract ``lr * weight_decay * parameter`` from the parameter (Loshchilov & Hutter
        2019, "Decoupled weight decay regularization"); subtract ``weight_decay *
        parameter``, whatever lr is. None is the rule's own default. A rule whose own
        equations have the decay takes None only.
    cautious : bool, default False
        Move only where step and gradient agree in sign. Liang et al. 2024, "Cautious
        optimizers", algorithm 1.
    ema_decay : float, Schedule or None, default None
        Keep a running mean of the parameter, "ema" in the state: ``ema = ema_decay * ema +
        (1 - ema_decay) * parameter`` after each update; in [0, 1]. It starts as the
        parameter. `evaluation` shows it. `ema_warmup` and `swa` are schedules for it.
    zero_gradient : bool, default False
        Set the gradients to 0 in the step, which needs writable ones.
    low_precision : {"master", "stochastic", "kahan", "nearest"}, default "master"
        How float16 and bfloat16 parameters keep what their dtype can't hold; others don't
        care. "master": train a float32 copy, "master" in the state; "stochastic": round by
        chance, right on average; "kahan": keep the rounding errors, "compensation" in the
        state; "nearest": lose it. It can't change later.
    state_dtype : dtype or dict, default None
        What the state is stored in: "float32", "float64", "float16", "bfloat16", "block8"
        (8-bit codes in blocks of 256 with a float32 scale), such a dtype, or a dict {slot:
        one of these}. None: float64 if the parameter is, else float32, which is also what
        everything is computed in. Below float32, states are rounded stochastically.
        "float16" is too small for squares of gradients. It can't change later.

    Options of the optimizer
    ------------------------
    clip_norm : float, Schedule or None, default None
        Limit of the norm over the gradients of all parameters.
    skip_nonfinite : bool, default False
        A gradient with inf or nan turns the step into a no-op that the report shows. A
        limit on a norm implies it, since the norm of such a gradient means nothing.
    report_norm, report_update_norm : bool, default False
        Have the gradients' norm (even if nothing needs it) and the update's in the report.
    accumulate : int, default 1
        So many calls of `step` make one update, with the mean of their gradients. A step
        that is skipped discards its whole window.
    publish : nest or dict {name: array}, default None
        float32, float16 or bfloat16 arrays that get a copy of the parameter of that name:
        now, and in each step.
    overrides : dict, default None
        Options for parameters by name: ``{"*bias": {"weight_decay": 0.0}, ("*norm*",
        "*bn*"): {...}}``. Keys are patterns (or tuples of them) as in
        `fnmatch.fnmatchcase` over names as in `state`; the first one that matches counts
        and makes a group. A pattern that matches nothing raises.
    seed : int, default 0
        Of the stochastic rounding, whose bits depend on it, the parameter's name and the
        step count alone.

    Hyper-parameters can be changed between steps: ``optimizer.lr = 0.01`` for every group,
    ``optimizer.param_groups[1]["lr"] = 0.01`` for one.

    Raises
    ------
    TypeError, ValueError
        If an argument doesn't fit; the message names it.
    """

    # ------------------------------------------------------------------ steps

    def step(
        self,
        grads: Any = None,
        *,
        params: Any = None,
        samples: Any = None,
        loss_scale: Any = None,
        scaler: LossScaler | None = None,
    ) -> _core.Report:
        """Update all parameters once.

        Parameters
        ----------
        grads : nest of arrays, or None
            Gradients in the structure of the parameters; dicts are matched by key. Any of
            the dtypes of parameters, whatever the parameter's is, C-contiguous. None in
            place of an array leaves that parameter and its state, step count included,
            untouched. Without `grads` the received gradients are used (see `receive`), else
            the bound ones (see `bind`).
        params : nest of arrays, optional
            The caller's parameters now. Arrays that were replaced since the last step are
            followed: the new ones are updated, with the state of the old ones.
        samples : float, default 1
            With ``accumulate``: the gradients' weight in the mean, for batches of unequal
            size.
        loss_scale : float, optional
            What the loss was multiplied with; the gradients are divided by it.
        scaler : LossScaler, optional
            In place of `loss_scale`: what scaled the loss. The gradients are divided by its
            scale, a gradient with inf or nan turns the step into a no-op, and the scaler
            moves.

        Returns
        -------
        Report
            ``status`` ("updated", "skipped", or "accumulating"), ``step``, ``lr``,
            ``groups``, ``grad_norm``, ``clip_coefficient``, ``first_bad``, ``update_norm``,
            ``loss_scale`` (the next loss's; None without a scaler).
            ``groups`` has the numbers that each group's rule used, by their native names
            (``beta1``, not ``betas``).

        Raises
        ------
        TypeError, ValueError
            If an argument doesn't fit; nothing was changed then.
        RuntimeError
            Inside `evaluation`, or in use by another thread.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> w = np.array([1.0, 2.0])
        >>> optimizer = so.SGD([w], lr=0.5)
        >>> optimizer.step([np.array([1.0, -1.0])]).status
        'updated'
        >>> w
        array([0.5, 2.5])
        """
        with self._lock:
            binding = self._binding
            if binding is None or params is not None:
                binding = self._bound_to(params)
            # A plain list goes to the native code as it is, which counts and checks it.
            if grads is not None and not (
                self._is_flat and (type(grads) is list or type(grads) is tuple)
            ):
                grads = self._structure.leaves(grads, "grads")
            count = binding.plan.step_count
            if self._is_plain and samples is None and loss_scale is None and scaler is None:
                report = self._run(binding, grads, count)
            else:
                report = self._advance(binding, grads, count, samples, loss_scale, scaler)
            if binding is not self._binding:
                self._commit(binding)
            return report

    def bind(self, grads: Any) -> None:
        """Fix the gradients' arrays, so that `step` needs no argument.

        The caller writes new values into the same arrays before each step. This saves the
        checks of the gradients at each step, which matters for many small tensors. None
        gives the arrays back.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> w, gradient = np.ones(2), np.zeros(2)
        >>> optimizer = so.SGD([w], lr=0.5)
        >>> optimizer.bind([gradient])
        >>> gradient[:] = 1
        >>> optimizer.step().step
        1
        >>> w
        array([0.5, 0.5])
        """
        with self._lock:
            binding = self._bound()
            leaves = None if grads is None else self._structure.leaves(grads, "grads")
            for name, leaf in zip(binding.names, leaves or [], strict=False):
                _check_array(name, leaf)
            binding.bind(leaves)

    def receive(self, name: str, grad: Any) -> None:
        """Hand over the gradient of one parameter, for the next `step`.

        For a backward pass that calls this with each gradient as soon as it has it: what
        the step must know of the gradient (its norm, whether it is finite) is found out
        while it is still in the processor's cache. The array must not change until the
        step. Parameters that got none stay as they are; a second gradient for one replaces
        the first. Gradients given to `step` itself count instead of the received ones.

        Parameters
        ----------
        name : str
            As in `state`.
        grad : array
            Of the parameter's shape.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> params = {"w": np.ones(2), "b": np.ones(1)}
        >>> optimizer = so.SGD(params, lr=0.5, clip_norm=100.0)
        >>> optimizer.receive("b", np.array([1.0]))
        >>> optimizer.receive("w", np.array([1.0, 2.0]))
        >>> optimizer.step().step
        1
        >>> params
        {'w': array([0.5, 0. ]), 'b': array([0.5])}
        """
        with self._lock:
            binding = self._bound()
            index = binding.index.get(name)
            if index is None:
                raise ValueError(f"there is no parameter {name!r}")
            if binding.window is not None:
                raise ValueError("receive() doesn't go with accumulate; give step() the gradients")
            _check_array(name, grad)
            binding.plan.receive(index, grad)
            binding.received[index] = grad
            self._is_plain = False


def _check_array(name: str, grad: Any) -> None:
    if isinstance(grad, float | int | np.generic):
        raise TypeError(
            f"gradient {name!r} is a {type(grad).__name__}, which can't change; bind an array"
        )
