"""Runs with every dtype and every option at once, whose bits can be compared."""

import functools
from dataclasses import dataclass, field

import numpy as np

import swiftopt as so
from swiftopt._dtypes import decoded, kind_of, write, zeros

from .cases import BUSY_OPTIONS, RULES, allows, bits, class_of, make_gradients, make_params


@dataclass(frozen=True)
class Mix:
    """Dtypes of parameters and gradients, and the options that go with them."""

    parameter: str
    gradient: str
    options: dict = field(default_factory=dict)

    def __str__(self):
        return "-".join([self.parameter, self.gradient, *map(str, self.options.values())])


MIXES = [
    Mix("bfloat16", "bfloat16", {"low_precision": "stochastic", "state_dtype": "bfloat16"}),
    Mix("bfloat16", "float16", {"low_precision": "kahan", "state_dtype": "block8"}),
    Mix("float16", "float32", {"low_precision": "master", "state_dtype": "block8"}),
    Mix("float16", "float64", {"low_precision": "stochastic", "state_dtype": "float64"}),
    Mix("float32", "bfloat16", {"state_dtype": "block8"}),
    Mix("float64", "float16", {"state_dtype": "bfloat16"}),
]

EXTRAS = {
    "clip_norm": 3.0,
    "adaptive_clip": 0.3,
    "clip_tensor_norm": 2.5,
    "clip_value": 0.5,
    "l1_penalty": 0.01,
    "l2_penalty": 0.01,
    "cautious": True,
    "ema_decay": 0.9,
    "zero_gradient": True,
    "report_norm": True,
    "report_update_norm": True,
}
"""Everything that a step can do besides; each limit is one that acts."""


def options_of(name, mix, **more):
    """All options of a run of this rule."""
    extras = {option: value for option, value in EXTRAS.items() if allows(name, {option: value})}
    return {**BUSY_OPTIONS[name], **extras, **mix.options, **more}


def as_it_is(array):
    """The array itself."""
    return array


def as_kind(array, kind, place=as_it_is):
    """A copy in this dtype, rounded to the nearest; `place` chooses where it lies."""
    target = place(zeros(array.shape, kind))
    write(target, array)
    return target


def shifted(array):
    """A copy that starts one element after an allocation does."""
    plain = np.asarray(array)
    block = np.empty(plain.size + 1, plain.dtype)
    copy = block[1:].reshape(plain.shape)
    copy[...] = plain
    is_view = isinstance(array, so.BFloat16View) and kind_of(array) == "bfloat16"
    return so.bfloat16_view(copy) if is_view else copy


@functools.cache
def gradients(shapes, steps):
    return make_gradients(shapes, steps, np.float32)


class Run:
    """An optimizer in training, with its parameters and what it publishes."""

    def __init__(self, name, mix, shapes, place=as_it_is, **more):
        self.mix, self.place, self.shapes = mix, place, shapes
        self.params = {
            key: as_kind(array, mix.parameter, place) for key, array in make_params(shapes).items()
        }
        self.copies = {key: zeros(p.shape, "bfloat16") for key, p in self.params.items()}
        options = options_of(name, mix, **more)
        self.optimizer = class_of(name)(self.params, **options, publish=self.copies)
        self.log = []

    def grads(self, step, steps):
        return {
            key: as_kind(array, self.mix.gradient, self.place)
            for key, array in gradients(self.shapes, steps)[step].items()
        }

    def steps(self, start, stop, total, *, receives=False):
        """Make the steps start ..< stop of a run of `total` ones."""
        for step in range(start, stop):
            grads = self.grads(step, total)
            if receives:
                for key, grad in grads.items():
                    self.optimizer.receive(key, grad)
            report = self.optimizer.step(None if receives else grads)
            self.log.append(
                (report.status, report.step, report.grad_norm, report.clip_coefficient,
                 report.update_norm)
            )  # fmt: skip
            assert not any(decoded(grad).any() for grad in grads.values())
        return self

    def bits(self):
        """All bits of the outcome; of the norms' too, since equal floats have equal ones."""
        copies = [(key, array.tobytes()) for key, array in self.copies.items()]
        return self.log, bits(self.optimizer, self.params), copies


ALL = [(name, mix) for name in RULES for mix in MIXES]
"""Every rule with every mix."""
