"""Config: everything that is chosen about one training."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

#: Choices of the fields that are words.
CHOICES = {
    "optimizer": ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Lion"),
    "schedule": ("constant", "cosine", "step", "exponential"),
    "dtype": ("float32", "bfloat16"),
    "feed": ("naive", "loader"),
}


@dataclass(frozen=True, slots=True)
class Config:
    """What is chosen about one training; the workload says the rest.

    The defaults are SGD as people write it first: no momentum, a constant learning rate of
    0.01 (the default of Keras's SGD), float32, no regularisation.

    Parameters
    ----------
    optimizer : {"SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Lion"}
        Name in `swiftopt`; what isn't named here is at that optimizer's default.
    lr : float
        Peak learning rate.
    momentum : float
        Of SGD.
    nesterov : bool
        Of SGD.
    weight_decay : float or None
        None: the optimizer's default.
    schedule : {"constant", "cosine", "step", "exponential"}
        From the peak to 0 (cosine), by a factor of 10 at one half and at three quarters of
        the updates (step; He et al. 2016 have 1/2 and 3/4 on CIFAR), or to a hundredth of
        the peak at the end (exponential).
    warmup : float
        Share of all updates over which the rate rises from 0 in a line.
    horizon : float
        Length of the run as a share of the workload's budget of samples.
    batch_size : int or None
        None: the workload's.
    accumulate : int
        Batches for one update.
    dtype : {"float32", "bfloat16"}
        Of weights and activations; bfloat16 has float32 masters.
    batch_norm, residual, separable, augmentation : bool
        Parts of the network, or of the data, where the workload has them.
    dropout : float
        Probability, where the workload has places for it.
    depth : int or None
        Number of layers; None: the workload's.
    clip_norm : float or None
        Limit on the norm of all gradients together.
    label_smoothing : float
        Of the loss that is trained on, not of the one that is reported.
    patience : int
        Stop after so many evaluations without a better one, and go back to the best weights;
        0: never.
    feed : {"naive", "loader"}
        NumPy indexing in the training loop, or `swiftopt.data.Loader`.

    Examples
    --------
    >>> config = Config(optimizer="AdamW", lr=1e-3, schedule="cosine")
    >>> config.to_json()
    {'lr': 0.001, 'optimizer': 'AdamW', 'schedule': 'cosine'}
    >>> Config.from_json(config.to_json()) == config
    True
    """

    optimizer: str = "SGD"
    lr: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float | None = None
    schedule: str = "constant"
    warmup: float = 0.0
    horizon: float = 1.0
    batch_size: int | None = None
    accumulate: int = 1
    dtype: str = "float32"
    batch_norm: bool = False
    residual: bool = False
    separable: bool = False
    augmentation: bool = False
    dropout: float = 0.0
    depth: int | None = None
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    patience: int = 0
    feed: str = "naive"

    def __post_init__(self) -> None:
        for name, words in CHOICES.items():
            if getattr(self, name) not in words:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(words)}"
                )
        if not (self.lr > 0 and self.horizon > 0 and self.accumulate >= 1):
            raise ValueError(
                f"lr, horizon and accumulate are {self.lr}, {self.horizon}, {self.accumulate}; "
                "they must be above 0"
            )
        if not 0 <= self.warmup < 1:
            raise ValueError(f"warmup is {self.warmup}; it must be a share in [0, 1)")

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Return the fields that aren't at their defaults.

        A field that is added later doesn't change what older configurations are.
        """
        return {
            field.name: getattr(self, field.name)
            for field in sorted(dataclasses.fields(self), key=lambda field: field.name)
            if getattr(self, field.name) != field.default
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the configuration that `to_json` wrote.

        Raises
        ------
        ValueError
            If a field is unknown, or its value isn't allowed.
        """
        unknown = set(values) - {field.name for field in dataclasses.fields(cls)}
        if unknown:
            raise ValueError(f"Config has no fields {', '.join(sorted(unknown))}")
        return cls(**values)

    def for_timing(self) -> Self:
        """Return the configuration with what can't change the time of a step at its default."""
        return self.replace(lr=1e-3, warmup=0.0, schedule="constant", horizon=1.0, patience=0)


def digest(value: Any) -> str:
    """Return 16 hexadecimal digits that stand for a value of JSON's kinds.

    >>> digest({"a": 1, "b": [2.5]}) == digest({"b": [2.5], "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
