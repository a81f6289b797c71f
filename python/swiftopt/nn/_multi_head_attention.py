"""Self-attention."""

from __future__ import annotations

import math

import numpy as np

from swiftopt._dtypes import write
from swiftopt.nn import _checks
from swiftopt.nn._linear import Linear
from swiftopt.nn._module import Module, Rng
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value


class MultiHeadAttention(Module):
    """Self-attention of sequences (batch, time, embed_dim) (Vaswani et al. 2017, section 3.2).

    Queries, keys and values come from one product, softmax(q kᵀ / √head_dim) v is computed
    block by block without the matrix of all pairs (Dao et al. 2022), and a product mixes the
    heads.

    Parameters
    ----------
    embed_dim : int
        The last axis.
    num_heads : int
        A divisor of it.
    causal : bool, default False
        Whether each position only sees itself and those before it.
    bias : bool, default True
        Whether the products have biases.
    rng : int or numpy.random.Generator, optional
        For the initial parameters, those of torch: Glorot's uniform for queries, keys and
        values, biases 0.

    Attributes
    ----------
    in_proj, out_proj : Linear
        ``in_proj.weight`` is (3 · embed_dim, embed_dim): queries, keys, values.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> layer = nn.MultiHeadAttention(8, 2, causal=True, rng=0)
    >>> x = np.random.default_rng(0).standard_normal((1, 5, 8), np.float32)
    >>> first = layer(x)[0, 0].copy()
    >>> x[0, 1:] = 0  # the first position sees nothing of the later ones
    >>> bool((layer(x)[0, 0] == first).all())
    True
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        *,
        causal: bool = False,
        bias: bool = True,
        rng: Rng = None,
    ) -> None:
        super().__init__()
        width = _checks.size(self, "embed_dim", embed_dim)
        self.num_heads = _checks.size(self, "num_heads", num_heads)
        if width % self.num_heads:
            raise ValueError(
                f"MultiHeadAttention: num_heads is {num_heads}; it must divide embed_dim {width}"
            )
        self.causal = bool(causal)
        self.in_proj = Linear(width, 3 * width, bias)
        self.out_proj = Linear(width, width, bias)
        self.reset_parameters(rng)

    @property
    def embed_dim(self) -> int:
        """Return the last axis."""
        return self.out_proj.out_features

    def initialize(self, rng: np.random.Generator) -> None:
        """Set weight and biases of the products, after they did."""
        bound = math.sqrt(6 / (4 * self.embed_dim))
        shape = self.in_proj.weight.shape
        write(self.in_proj.weight, np.asarray(rng.uniform(-bound, bound, shape), np.float32))
        for layer in (self.in_proj, self.out_proj):
            if layer.bias is not None:
                layer.bias[...] = 0

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record the products and the attention between them."""
        width, heads = self.embed_dim, self.num_heads
        if len(x.shape) != 3 or x.shape[-1] != width:
            raise ValueError(
                f"MultiHeadAttention: input has shape {x.shape}; it must be (batch, time, {width})"
            )
        batch, time, _ = x.shape
        qkv = planner.child("in_proj", self.in_proj, x)
        sizes = {"batch": batch, "time": time, "heads": heads, "head_dim": width // heads}
        settings = {"causal": float(self.causal), "scale": 1 / math.sqrt(width // heads)}
        y = planner.value(*x.shape)
        saved = planner.number(batch, heads, time)
        arrays = {"qkv": qkv, "y": y, "log_sum_exp": saved}
        planner.call("attention", arrays, sizes, settings)

        def backward() -> None:
            gradient = planner.gradient(y)
            if gradient is None:
                return
            qkv_gradient = planner.value(*qkv.shape)
            planner.call(
                "attention_backward",
                {"dy": gradient, "qkv": qkv, "y": y, "log_sum_exp": saved, "dqkv": qkv_gradient},
                sizes,
                settings,
            )
            planner.add_gradient(qkv, qkv_gradient)

        planner.on_backward(backward)
        return planner.child("out_proj", self.out_proj, y)
