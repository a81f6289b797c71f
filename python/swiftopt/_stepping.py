"""From a call of an optimizer to a native step."""

from __future__ import annotations

from operator import is_
from typing import Any

from swiftopt import _core
from swiftopt._base import is_list_of_groups
from swiftopt._binding import Binding
from swiftopt._groups import as_positive
from swiftopt._loss_scaler import LossScaler
from swiftopt._rules import DECAYS, option_names
from swiftopt._stateful import Stateful
from swiftopt._varying import Varying


class Stepping(Stateful):
    """What all ways to make a step have in common."""

    def _run(self, binding: Binding, grads: Any, count: int) -> _core.Report:
        """Make the plain step: nothing scaled, nothing accumulated."""
        if binding.revision != self._revision.number or self._is_scheduled:
            self._configure(binding, count)
        return binding.plan.step(grads, count + 1, self._lr, self._used)

    def _advance(
        self,
        binding: Binding,
        grads: Any,
        count: int,
        samples: Any,
        loss_scale: Any,
        scaler: LossScaler | None,
    ) -> _core.Report:
        """Make any step, or add to the next one."""
        self._check_open()
        scale = _scale_of(loss_scale, scaler)
        weight = 1.0 if samples is None else as_positive("samples", samples)
        if binding.revision != self._revision.number or self._is_scheduled:
            self._configure(binding, count)
        if binding.window is not None:
            return self._accumulate_step(binding, grads, count, weight, scale, scaler)
        numbers = (None, None) if scaler is None else scaler._native
        report = binding.plan.step(grads, count + 1, self._lr, self._used, 1 / scale, *numbers)
        binding.received.clear()
        if not self._is_plain:
            self._is_plain = True
        return report

    def _accumulate_step(
        self,
        binding: Binding,
        grads: Any,
        count: int,
        samples: float,
        loss_scale: float,
        scaler: LossScaler | None,
    ) -> _core.Report:
        window = binding.window
        assert window is not None
        if window.samples + samples < 1e-300:  # its reciprocal is the step's scale
            raise ValueError(f"samples is {samples!r}; together they must be at least 1e-300")
        # An interrupt may come right after a native call: by then the window must be as
        # that call leaves it. What refuses a call comes before it and changes nothing.
        before = window.save()
        window.add(samples)
        try:
            # Here and not at the end, since each micro-batch may have its own scale.
            binding.plan.accumulate(grads, samples / loss_scale)
        except (TypeError, ValueError, RuntimeError):
            window.load(before)
            raise
        window.accumulated = binding.plan.accumulated
        if window.micro_batches < self._accumulate:
            scale_now = None if scaler is None else loss_scale
            return _core.Report(
                ("accumulating", count, self._lr, self._used, None, 1.0, None, None, scale_now)
            )
        scale = 1 / window.samples
        window.clear()
        numbers = (None, None) if scaler is None else scaler._native
        return binding.plan.step_accumulated(count + 1, self._lr, self._used, scale, *numbers)

    def _configure(self, binding: Binding, count: int) -> None:
        """Give the binding's plan the settings for the update after `count` others."""
        settings = [group.settings for group in self._groups]
        if binding.revision != self._revision.number and binding.follow(settings):
            self._state = None
        values = [group.at(count) for group in settings]
        clip_norm = self._clip_norm
        options = (
            clip_norm(count) if isinstance(clip_norm, Varying) else clip_norm,
            self._skip_nonfinite,
            self._report_norm,
            self._report_update_norm,
        )
        try:
            binding.configure(self._revision.number, values, options)
        except ValueError as error:  # constants were checked when they were set
            self._check_open()
            message = option_names(str(error))
            raise ValueError(f"at step {count} of a schedule, {message}") from None
        # Past __setattr__, which would look at their names at each step.
        put = object.__setattr__
        put(self, "_lr", values[self._leading_group][0])
        put(self, "_used", tuple(self._as_used(row) for row in values))
        is_scheduled = isinstance(clip_norm, Varying) or any(group.schedules for group in settings)
        put(self, "_is_scheduled", is_scheduled)

    def _as_used(self, values: list[float]) -> dict[str, Any]:
        used: dict[str, Any] = dict(zip(self._rule.value_names, values, strict=True))
        used["decay"] = DECAYS[int(used["decay"])]
        return used

    # ----------------------------------------------------------- the arrays

    def _bound(self) -> Binding:
        self._check_open()
        if self._binding is None:
            raise ValueError(
                "this optimizer was made without params; use update(), or init() and apply()"
            )
        return self._binding

    def _bound_to(self, params: Any) -> Binding:
        """Return the binding, or a new one if `params` are other arrays."""
        binding = self._bound()
        leaves = self._leaves(params)
        return binding if all(map(is_, leaves, binding.params)) else binding.rebound(leaves)

    def _commit(self, binding: Binding) -> None:
        """Replace the binding by one to other arrays."""
        self._adopt(self._structure, self._placement, binding)

    def _leaves(self, params: Any) -> list[Any]:
        nest = [group["params"] for group in params] if is_list_of_groups(params) else params
        return self._structure.leaves(nest, "params")


def _scale_of(loss_scale: Any, scaler: LossScaler | None) -> float:
    """Return what a step divides its gradients by."""
    if scaler is None:
        return 1.0 if loss_scale is None else as_positive("loss_scale", loss_scale)
    if not isinstance(scaler, LossScaler):
        raise TypeError(f"scaler is {scaler!r}; it must be a LossScaler")
    if loss_scale is not None:
        raise TypeError("give loss_scale or scaler, not both: a scaler has the loss scale")
    return scaler.loss_scale
