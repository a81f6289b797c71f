"""Single layers with torch, images as (batch, channels, height, width) and channels last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..check import Check
from ..kernels import DROPPED, EPS, KernelContender, KernelProblem, check_dropout
from ..loading import load
from ..rules import Array
from .torch_optim import as_tensor
from .torch_training import tune_allocator


class TorchKernel(KernelContender):
    """The functions of torch.nn.functional; the gradients by autograd, the graph kept."""

    name = "torch"
    is_channels_last = False

    def __init__(self, problem: KernelProblem) -> None:
        super().__init__(problem)
        self.torch = load("torch")
        tune_allocator()
        self.tensors = {name: self._own(array) for name, array in problem.arrays.items()}
        self.found: dict[str, Any] = {}
        kind, _, direction = problem.name.rpartition("-")
        if not kind or problem.name == "cross-entropy":
            kind, direction = problem.name, "both"
        self.forward: Callable[[], Any] = getattr(self, "_" + kind.replace("-", "_"))
        self.direction = direction
        self.inputs: list[str] = []
        if direction == "backward":
            self.inputs = [
                name.removeprefix("d") for name in problem.outputs if name.startswith("d")
            ]
            for name in self.inputs:
                self.tensors[name].requires_grad_()
            self.y = self.forward()

    def _own(self, array: Array) -> Any:
        tensor = as_tensor(self.torch, array)
        if tensor.ndim == 4:
            tensor = tensor.permute(0, 3, 1, 2)
            return tensor if self.is_channels_last else tensor.contiguous()
        if array.ndim == 3:  # a depthwise weight
            return tensor.permute(2, 0, 1).unsqueeze(1).contiguous()
        return tensor

    def begin(self) -> None:
        self.torch.set_num_threads(self.problem.threads)

    def run(self, repeats: int) -> None:
        if self.direction == "backward":
            inputs = [self.tensors[name] for name in self.inputs]
            for _ in range(repeats):
                self.gradients = self.torch.autograd.grad(
                    self.y, inputs, self.tensors["dy"], retain_graph=True
                )
        elif self.direction == "forward":
            with self.torch.no_grad():
                for _ in range(repeats):
                    self.y = self.forward()
        else:
            for _ in range(repeats):
                self.forward()

    def results(self) -> dict[str, Array]:
        found = dict(self.found)
        if self.direction == "forward":
            found["y"] = self.y
        elif self.direction == "backward":
            found |= {f"d{n}": g for n, g in zip(self.inputs, self.gradients, strict=True)}
        return {name: self._as_array(tensor) for name, tensor in found.items()}

    def _as_array(self, tensor: Any) -> Array:
        tensor = tensor.detach().to(self.torch.float32)
        if tensor.ndim == 4 and tensor.shape[1] == 1:
            return tensor.squeeze(1).permute(1, 2, 0).numpy()  # type: ignore[no-any-return]
        if tensor.ndim == 4:
            tensor = tensor.permute(0, 2, 3, 1)
        return tensor.contiguous().numpy()  # type: ignore[no-any-return]

    def check(self) -> Check:
        return check_dropout(self) if "dropout" in self.problem.name else super().check()

    # ------------------------------------------------------------------- layers

    def _normalized(self) -> Any:
        t = self.tensors
        return self.torch.nn.functional.batch_norm(
            t["x"], t["running_mean"], t["running_var"], t["weight"], t["bias"],
            training=True, eps=EPS,
        )  # fmt: skip

    def _batch_norm_relu(self) -> Any:
        return self.torch.relu_(self._normalized())

    def _batch_norm_residual_relu(self) -> Any:
        return self.torch.relu_(self._normalized().add_(self.tensors["residual"]))

    def _depthwise(self) -> Any:
        x, weight = self.tensors["x"], self.tensors["weight"]
        return self.torch.nn.functional.conv2d(x, weight, padding=1, groups=x.shape[1])

    def _dropout(self) -> Any:
        return self.torch.nn.functional.dropout(self.tensors["x"], DROPPED)

    def _layer_norm(self) -> Any:
        t = self.tensors
        normalize = self.torch.nn.functional.layer_norm
        # torch wants weights of the input's dtype or, for bfloat16, float32 ones.
        return normalize(t["x"], t["x"].shape[1:], t["weight"], t["bias"], EPS)

    def _cross_entropy(self) -> None:
        logits = self.tensors["logits"].detach().requires_grad_()
        loss = self.torch.nn.functional.cross_entropy(logits, self.tensors["labels"])
        loss.backward()
        self.found = {"loss": loss.reshape(1), "dlogits": logits.grad}


class TorchKernelChannelsLast(TorchKernel):
    """The same over the very memory of the arrays."""

    name = "torch, channels last"
    is_channels_last = True
