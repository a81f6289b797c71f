"""Embedding: rows of a table."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import number_kind, output, run, value
from swiftopt.nn.functional._indices import indices as as_indices


def embedding(indices: Any, weight: Any, *, out: Array | None = None) -> Array:
    """Return the rows of a table that indices name.

    Parameters
    ----------
    indices : array of any shape
        uint8, int32 or int64, in 0 ... num_embeddings - 1.
    weight : array of shape (num_embeddings, dim)
        float32, float64 or bfloat16.
    out : array of shape (*indices.shape, dim), optional
        Where to write the result, of the dtype of `weight`.

    Returns
    -------
    array of shape (*indices.shape, dim) and the dtype of `weight`

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If an index is out of range, a shape doesn't fit, or an array is not contiguous, or
        read-only or overlapping where it is written. Then nothing was written.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> table = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    >>> F.embedding(np.array([2, 0]), table).tolist()
    [[4.0, 5.0], [0.0, 1.0]]
    """
    name = "embedding"
    positions = as_indices(name, "indices", indices)
    table, kind = value(name, "weight", weight)
    if table.ndim != 2:
        raise ValueError(f"{name}: weight has shape {table.shape}; it must be a matrix")
    count, dim = table.shape
    result = output(name, "out", out, (*positions.shape, dim), kind)
    run(name, (table, positions, result), (positions.size, count, dim))
    return result


def embedding_backward(
    grad_output: Any,
    indices: Any,
    num_embeddings: int,
    *,
    padding_idx: int | None = None,
    out: Array | None = None,
) -> Array:
    """Return the gradient of `embedding` with respect to the table.

    Each row is the sum of the gradients of all places that took it, in their order, so that its
    bits are the same on any number of threads; rows that none took are 0.

    Parameters
    ----------
    grad_output : array of shape (*indices.shape, dim)
        float32, float64 or bfloat16.
    indices : array
        uint8, int32 or int64, in 0 ... num_embeddings - 1.
    num_embeddings : int
        Rows of the table.
    padding_idx : int, optional
        A row that gets no gradient.
    out : array of shape (num_embeddings, dim), optional
        Where to write the result: float64 for float64 gradients, else float32.

    Returns
    -------
    array of shape (num_embeddings, dim)
        All of it, not only the rows that were taken.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If an index is out of range, a shape doesn't fit, or an array is not contiguous, or
        read-only or overlapping where it is written. Then nothing was written.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.embedding_backward(np.array([[1.0], [2.0], [4.0]]), np.array([2, 0, 2]), 3).tolist()
    [[2.0], [0.0], [5.0]]
    """
    name = "embedding_backward"
    gradient, kind = value(name, "grad_output", grad_output)
    positions = as_indices(name, "indices", indices)
    if gradient.ndim == 0 or gradient.shape[:-1] != positions.shape:
        raise ValueError(
            f"{name}: grad_output has shape {gradient.shape}, indices has shape "
            f"{positions.shape}; grad_output must have one more axis"
        )
    if padding_idx is not None and not 0 <= padding_idx < num_embeddings:
        raise ValueError(
            f"{name}: padding_idx is {padding_idx}; it must be in 0 ... {num_embeddings - 1}"
        )
    dim = gradient.shape[-1]
    result = output(name, "out", out, (num_embeddings, dim), number_kind(kind))
    run(
        name,
        (gradient, positions, result),
        (positions.size, num_embeddings, dim),
        (-1 if padding_idx is None else padding_idx,),
    )
    return result
