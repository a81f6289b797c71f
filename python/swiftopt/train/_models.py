"""What is trained: a network with a loss, or a function that gives loss and gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from swiftopt._cast import cast
from swiftopt._checkpoint._optimizers import member_names
from swiftopt._dtypes import kind_of
from swiftopt.nn import Module
from swiftopt.optimizer import Optimizer
from swiftopt.train._data import as_arguments, sample_count
from swiftopt.train._metrics import Metric

#: The names of a batch's results that `fit` gives itself.
_RESERVED = ("event", "epoch", "step", "batch", "updates", "samples", "loss", "lr", "grad_norm",
             "status", "skipped", "seconds", "samples_per_second", "data_wait")  # fmt: skip


class Pass(NamedTuple):
    """What the forward and backward pass over a batch gave."""

    loss: float
    gradients: Any
    values: dict[str, float]
    samples: int


class Model(Protocol):
    """What the loop needs of a model."""

    #: What a checkpoint saves: a nest of arrays, or None.
    params: Any

    def train(self, batch: Any) -> Pass:
        """Compute loss, gradients, and other numbers of a batch."""

    def evaluate(self, batch: Any) -> dict[str, float]:
        """Compute the numbers of a batch of `validation`."""

    def training(self) -> Any:
        """Return a context in which the model is trained."""

    def evaluating(self) -> Any:
        """Return a context, inside of that one, in which it is evaluated."""


class NetworkModel:
    """A `swiftopt.nn` network with a loss."""

    def __init__(
        self, net: Module, loss: Any, optimizer: Optimizer, metrics: Mapping[str, Metric]
    ) -> None:
        if not callable(loss) or not callable(getattr(loss, "backward", None)):
            raise TypeError(
                f"loss is {loss!r}; a network needs a loss with backward(), such as "
                "nn.CrossEntropyLoss()"
            )
        self._net, self._loss, self._metrics = net, loss, metrics
        self.params = net.state_dict()
        self._names = _trained_names(net, optimizer)

    def train(self, batch: Any) -> Pass:
        net, loss = self._net, self._loss
        inputs, targets = _pair(batch)
        predictions = net(inputs)
        value = float(loss(predictions, targets))
        # Before the backward pass, which reuses memory of the forward pass.
        values = self._values(predictions, targets)
        net.backward(loss.backward())
        gradients = net.gradients()
        return Pass(
            value, {name: gradients[name] for name in self._names}, values, len(predictions)
        )

    def evaluate(self, batch: Any) -> dict[str, float]:
        inputs, targets = _pair(batch)
        predictions = self._net(inputs)
        value = float(self._loss(predictions, targets))
        return {"loss": value, **self._values(predictions, targets)}

    def _values(self, predictions: Any, targets: Any) -> dict[str, float]:
        if not self._metrics:
            return {}
        if kind_of(predictions) == "bfloat16":  # which NumPy can't compute with
            predictions = cast(predictions, "float32")
        return {
            name: _number(name, metric(predictions, targets))
            for name, metric in self._metrics.items()
        }

    @contextmanager
    def training(self) -> Iterator[None]:
        """Train the network, and leave all modes as they were.

        A part that was put into evaluation mode by itself (a frozen batch norm) stays in it.
        """
        was_training = self._net.training
        if not was_training:
            self._net.train()
        try:
            yield
        finally:
            if not was_training:
                self._net.eval()

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        modes = [(module, module.training) for module in self._net.named_modules().values()]
        self._net.eval()
        try:
            yield
        finally:
            for module, mode in modes:
                module.training = mode


class FunctionModel:
    """A function ``model(*batch)`` that returns loss, gradients, and maybe a dict of numbers."""

    def __init__(
        self, function: Callable[..., Any], evaluate: Callable[..., Any] | None, params: Any
    ) -> None:
        self._function, self._evaluate = function, evaluate
        self.params = params

    def train(self, batch: Any) -> Pass:
        result = self._function(*as_arguments(batch))
        if not isinstance(result, tuple) or len(result) not in (2, 3):
            raise TypeError(
                f"model returned a {type(result).__name__}; it must return (loss, gradients) or "
                "(loss, gradients, {name: number})"
            )
        loss, gradients, *rest = result
        values = _numbers("model", rest[0]) if rest else {}
        return Pass(_number("loss", loss), gradients, values, sample_count(batch))

    def evaluate(self, batch: Any) -> dict[str, float]:
        assert self._evaluate is not None
        result = self._evaluate(*as_arguments(batch))
        if not isinstance(result, Mapping):
            raise TypeError(
                f"evaluate returned a {type(result).__name__}; it must return a dict of numbers"
            )
        return {str(name): _number(str(name), value) for name, value in result.items()}

    @contextmanager
    def training(self) -> Iterator[None]:
        yield

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        yield


def as_model(
    model: Any,
    optimizer: Any,
    *,
    loss: Any,
    metrics: Mapping[str, Metric],
    evaluate: Any,
    scaler: Any,
    params: Any,
) -> Model:
    """Return the model, after checks of what goes with it."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer is {optimizer!r}; it must be an optimizer, such as swiftopt.AdamW(params)"
        )
    for name in metrics:
        check_name("metrics", name)
    if isinstance(model, Module):
        for name, value in (("evaluate", evaluate), ("params", params)):
            if value is not None:
                raise ValueError(f"{name} is for a model that is a function; this is a network")
        if scaler is not None:
            raise ValueError(
                "scaler is for a model that is a function and scales its loss; gradients of a "
                "network have float32's range and need none"
            )
        return NetworkModel(model, loss, optimizer, metrics)
    if not callable(model):
        raise TypeError(
            f"model is a {type(model).__name__}; it must be a network of swiftopt.nn, or a "
            "function that returns (loss, gradients)"
        )
    for name, given in (("loss", loss is not None), ("metrics", bool(metrics))):
        if given:
            raise ValueError(f"{name} is for a network; a function returns its own numbers")
    return FunctionModel(model, evaluate, params)


def trained_arrays(optimizer: Optimizer) -> list[Any]:
    """Return the arrays that an optimizer updates."""
    return [array for group in optimizer.param_groups for array in group["params"]]


def named_arrays_of(optimizer: Optimizer) -> dict[str, Any]:
    """Return the arrays that an optimizer updates, by the names that it gives them."""
    groups = zip(member_names(optimizer), optimizer.param_groups, strict=True)
    return {
        name: array
        for names, group in groups
        for name, array in zip(names, group["params"], strict=True)
    }


def _trained_names(net: Module, optimizer: Optimizer) -> list[str]:
    """Return the names of the parameters that the optimizer has, which must be the network's."""
    own = {id(array): name for name, array in net.named_parameters().items()}
    names = list(optimizer.state)
    if any(id(array) not in own for array in trained_arrays(optimizer)):
        raise ValueError(
            "the optimizer has other arrays than the network; make it with "
            "net.named_parameters(), after net.to(...)"
        )
    if not names or not set(names) <= set(own.values()):
        raise ValueError(
            f"the optimizer calls its parameters {', '.join(names[:3])}...; make it with "
            "net.named_parameters() or a part of that dict (overrides= makes groups by name)"
        )
    return names


def _pair(batch: Any) -> tuple[Any, Any]:
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1]
    found = f"{len(batch)} entries" if isinstance(batch, tuple | list) else type(batch).__name__
    raise TypeError(f"a batch has {found}; a network takes pairs (inputs, targets)")


def check_name(what: str, name: str) -> None:
    """Raise ValueError if a number's name is one of fit's own."""
    if name in _RESERVED or name.startswith("val_"):
        raise ValueError(f"{what}: a number can't be called {name!r}, which fit uses itself")


def _numbers(what: str, values: Any) -> dict[str, float]:
    if not isinstance(values, Mapping):
        raise TypeError(f"{what} returned a {type(values).__name__}; it must be a dict of numbers")
    found = {str(name): _number(str(name), value) for name, value in values.items()}
    for name in found:
        check_name(what, name)
    return found


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is {value!r}; it must be a number") from None
