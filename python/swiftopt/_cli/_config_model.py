"""[model]: the network and its loss."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from swiftopt import nn
from swiftopt._cli._document import Document
from swiftopt._cli._errors import CommandError
from swiftopt._cli._expression import ExpressionError, evaluate
from swiftopt._cli._keys import MODEL, settings

_NO_LAYERS = ("Module", "Planner", "Value", "functional")
LOSSES: dict[str, Callable[..., Any]] = {
    name: getattr(nn, name) for name in nn.__all__ if name.endswith("Loss")
}
LAYERS: dict[str, Callable[..., Any]] = {
    name: getattr(nn, name) for name in nn.__all__ if name not in (*_NO_LAYERS, *LOSSES)
}


def read(document: Document, seed: int, dtype: str) -> tuple[nn.Module, Any]:
    """Return the network, with the parameters of `seed`, and the loss."""
    document.check_keys("model", MODEL)
    given = settings(document, "model")
    if (given["layers"] is None) == (given["module"] is None):
        raise document.error("model", None, "needs one of the keys layers and module")
    if given["module"] is not None:
        net = _own(document, given["module"], given["arguments"], seed)
    elif given["arguments"]:
        raise document.error("model", "arguments", "is for `module`")
    else:
        net = _layers(document, given["layers"], seed)
    if dtype != "float32":
        net.to(dtype)
    try:
        loss = evaluate(given["loss"], LOSSES, {})
    except ExpressionError as error:
        raise document.error("model", "loss", str(error)) from error
    if not isinstance(loss, tuple(LOSSES.values())):  # type: ignore[arg-type]
        raise document.error("model", "loss", f"is {given['loss']!r}; it must be a loss")
    return net, loss


def _layers(document: Document, texts: list[str], seed: int) -> nn.Module:
    layers = []
    for index, text in enumerate(texts):
        # Without parentheses: one that needs no arguments.
        called = f"{text}()" if text.strip() in LAYERS else text
        try:
            layer = evaluate(called, LAYERS, {})
        except ExpressionError as error:
            raise document.error("model", "layers", f"layer {index}: {error}") from error
        if not isinstance(layer, nn.Module):
            raise document.error("model", "layers", f"layer {index} is {text!r}, which is no layer")
        layers.append(layer)
    return nn.Sequential(*layers).reset_parameters(seed)


def _own(document: Document, named: str, arguments: dict[str, Any], seed: int) -> nn.Module:
    file, separator, name = named.rpartition(":")
    if not separator or not file or not name.isidentifier():
        raise document.error("model", "module", f'is {named!r}; it must be "file.py:function"')
    path = document.beside(file)
    function = getattr(_imported(path), name, None)
    if not callable(function):
        raise document.error("model", "module", f"{path} has no function {name!r}")
    if "seed" in inspect.signature(function).parameters:
        arguments = {"seed": seed, **arguments}
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        raise document.error("model", "arguments", f"{name}(): {error}") from error
    try:
        net = function(**arguments)
    except Exception as error:
        raise _failed(path, error) from error
    if not isinstance(net, nn.Module):
        kind = type(net).__name__
        raise document.error("model", "module", f"{name}() returned a {kind}; it must be a Module")
    return net


def _imported(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"_swiftopt_model_{path.stem}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise CommandError(f"{path}: there is no such Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # so that its classes can be pickled
    sys.path.insert(0, str(path.parent))  # for what it imports from beside it
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _failed(path, error) from error
    finally:
        sys.path.remove(str(path.parent))
    return module


def _failed(path: Path, error: Exception) -> CommandError:
    """Return the error of a user's own code, with the line in their file that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    # Python knows the module by its absolute path.
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path.absolute()]
    if isinstance(error, SyntaxError) and error.lineno:
        lines.append(error.lineno)
    place = f"{path}, line {lines[-1]}" if lines else str(path)
    return CommandError(f"{place}: {type(error).__name__}: {error}")
