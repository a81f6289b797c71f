"""The shapes of the parameters of two well-known models, in the order of their modules."""

from __future__ import annotations

Shape = tuple[int, ...]


def gpt2_small() -> list[Shape]:
    """GPT-2 small (Radford et al. 2019): 148 tensors, 124 439 808 elements."""
    width, context, vocabulary, layers = 768, 1024, 50_257, 12
    shapes: list[Shape] = [(vocabulary, width), (context, width)]
    for _ in range(layers):
        shapes += [(width,), (width,)]  # ln_1
        for rows, columns in (
            (width, 3 * width),  # attn.c_attn
            (width, width),  # attn.c_proj
        ):
            shapes += [(rows, columns), (columns,)]
        shapes += [(width,), (width,)]  # ln_2
        for rows, columns in (
            (width, 4 * width),  # mlp.c_fc
            (4 * width, width),  # mlp.c_proj
        ):
            shapes += [(rows, columns), (columns,)]
    return [*shapes, (width,), (width,)]  # ln_f


def resnet50() -> list[Shape]:
    """ResNet-50 (He et al. 2016, table 1): 161 tensors, 25 557 032 elements."""
    shapes: list[Shape] = []

    def convolution(outputs: int, inputs: int, size: int) -> None:
        # Without a bias, and a batch norm after it.
        shapes.extend([(outputs, inputs, size, size), (outputs,), (outputs,)])

    convolution(64, 3, 7)
    inputs = 64
    for width, blocks in ((64, 3), (128, 4), (256, 6), (512, 3)):
        for block in range(blocks):
            convolution(width, inputs, 1)
            convolution(width, width, 3)
            convolution(4 * width, width, 1)
            if block == 0:  # the projection of the shortcut
                convolution(4 * width, inputs, 1)
            inputs = 4 * width
    return [*shapes, (1000, inputs), (1000,)]
