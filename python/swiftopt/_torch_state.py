"""State from and to torch.optim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swiftopt.optimizer import Optimizer


def torch_state_dict(optimizer: Optimizer) -> dict[str, Any]:
    """Return what ``load_state_dict`` of the same class in torch.optim takes.

    A run goes on in torch where it is here. Parameters are numbered as torch does: by group,
    and in each in the order of ``optimizer.param_groups[...]["params"]``; groups without
    parameters are left out. docs/torch-state.md has the table of what becomes what.

    Parameters
    ----------
    optimizer : Optimizer
        One that torch has too, with its parameters: SGD, Adam, AdamW, NAdam, RAdam, Adamax,
        Adagrad, Adadelta, RMSprop, Rprop, Adafactor, or Muon with matrices only.

    Returns
    -------
    dict
        "state" and "param_groups". Tensors are copies on the CPU: float64 for float64
        parameters, else float32, whatever ``state_dtype`` is; torch converts them to the
        parameter's dtype. Of a schedule there is the number that the next step would use.
        Not in it: parameters, master copies, the averages of `ema_decay`, and clipping,
        penalties and what else torch does outside its optimizers.

    Raises
    ------
    ImportError
        Without torch.
    TypeError
        If `optimizer` is none.
    ValueError
        If torch has no such optimizer, or it can't do what this one does (`epsilon_hat`,
        `cautious`, another kind of `decay`, ...), or in the middle of an accumulation.
    RuntimeError
        Inside `evaluation`.

    Warns
    -----
    UserWarning
        If betas have changed so that torch's bias correction, which takes powers of the
        present ones, differs from the one here by more than a millionth.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> optimizer = so.Adam({"w": np.zeros(2)})
    >>> import torch  # doctest: +SKIP
    >>> torch_optimizer.load_state_dict(so.torch_state_dict(optimizer))  # doctest: +SKIP
    """
    from swiftopt._torch.exporting import exported

    return exported(optimizer)


def load_torch_state_dict(
    optimizer: Optimizer, state_dict: Mapping[str, Any], *, step: int | None = None
) -> None:
    """Go on from where an optimizer of torch.optim is.

    Moments, step counts and hyper-parameters become those of the dict. Schedules stay, and
    go on from its step count; so do options that torch's class doesn't have. What starts as
    a copy of the parameter does so now, from the parameters as they are: master copies and
    the averages of `ema_decay`. So load the parameters first.

    Parameters
    ----------
    optimizer : Optimizer
        Of the same class, with its parameters in the same order and as many groups;
        groups without parameters don't count.
    state_dict : dict
        What ``state_dict()`` of torch's optimizer gives. Its arrays may be tensors, or NumPy
        arrays where it was read by other means, of any floating dtype; they are rounded to
        the dtypes of the state here. torch need not be installed. No file is opened: for
        ``torch.load`` files that you don't trust, use ``weights_only=True``.
    step : int, optional
        How many steps there were, for SGD and Muon, which don't count them in torch. It only
        matters to schedules, and is required if there are any.

    Raises
    ------
    TypeError, ValueError
        If the dict is of another class, if groups, parameters, names, shapes or counts
        differ, if a number isn't finite or not allowed; the message says which one, and
        nothing was changed then. Also in the middle of an accumulation.
    RuntimeError
        Inside `evaluation`.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> w = np.array([1.0, 2.0])
    >>> optimizer = so.SGD([w], lr=0.5)
    >>> group = {"lr": 0.1, "momentum": 0.9, "dampening": 0, "weight_decay": 0,
    ...          "nesterov": False, "params": [0]}
    >>> state = {0: {"momentum_buffer": np.array([1.0, -1.0])}}
    >>> so.load_torch_state_dict(optimizer, {"state": state, "param_groups": [group]})
    >>> report = optimizer.step([np.zeros(2)])
    >>> w
    array([0.91, 2.09])
    """
    from swiftopt._torch.importing import load

    load(optimizer, state_dict, step)
