"""Networks against torch: the same weights give the same outputs, gradients and losses."""

import numpy as np
import pytest

import swiftopt as so
from swiftopt import nn
from swiftopt._dtypes import decoded

torch = pytest.importorskip("torch")
# torch's part of a network for each of ours; images are (batch, channels, height, width) there.
T = torch.nn

# float32 sums of a few hundred products, each rounded: 2^-24 times the square root of that,
# through a few layers.
TOLERANCE = {"rtol": 2e-4, "atol": 2e-5}


def torch_layer(layer):
    match layer:
        case nn.Sequential():
            return T.Sequential(*map(torch_layer, layer))
        case nn.Residual():
            return Residual(layer)
        case nn.Linear():
            return T.Linear(layer.in_features, layer.out_features, layer.bias is not None)
        case nn.Conv2d():
            window = layer.window
            return T.Conv2d(
                layer.in_channels,
                layer.out_channels,
                window.kernel,
                window.stride,
                window.padding,
                window.dilation,
                groups=layer.groups,
                bias=layer.bias is not None,
            )
        case nn.DepthwiseConv2d():
            window = layer.window
            return T.Conv2d(
                layer.channels,
                layer.channels,
                window.kernel,
                window.stride,
                window.padding,
                window.dilation,
                groups=layer.channels,
                bias=layer.bias is not None,
            )
        case nn.SeparableConv2d():
            return T.Sequential(torch_layer(layer.depthwise), torch_layer(layer.pointwise))
        case nn.BatchNorm():
            return T.BatchNorm2d(layer.num_features, layer.eps, layer.momentum)
        case nn.LayerNorm():
            return T.LayerNorm(layer.num_features, layer.eps)
        case nn.RMSNorm():
            return T.RMSNorm(layer.num_features, layer.eps)
        case nn.GELU():
            return T.GELU(layer.approximate)
        case nn.ReLU() | nn.SiLU() | nn.Tanh() | nn.Sigmoid():
            return getattr(T, type(layer).__name__)()
        case nn.MaxPool2d():
            return T.MaxPool2d(layer.window.kernel, layer.window.stride, layer.window.padding)
        case nn.AvgPool2d():
            window = layer.window
            include = layer.count_include_pad
            return T.AvgPool2d(
                window.kernel, window.stride, window.padding, count_include_pad=include
            )
        case nn.GlobalAvgPool2d():
            return T.Sequential(T.AdaptiveAvgPool2d(1), T.Flatten())
        case nn.Embedding():
            return T.Embedding(*layer.weight.shape)
        case nn.MultiHeadAttention():
            return Attention(layer)
        case nn.LSTM() | nn.GRU():
            return Recurrent(layer)
    raise AssertionError(layer)


class Residual(T.Module):
    def __init__(self, layer):
        super().__init__()
        self.branch = torch_layer(layer.branch)
        self.shortcut = torch_layer(layer.shortcut) if layer.shortcut else T.Identity()

    def forward(self, x):
        return self.branch(x) + self.shortcut(x)


class Attention(T.Module):
    def __init__(self, layer):
        super().__init__()
        self.heads, self.causal = layer.num_heads, layer.causal
        self.in_proj, self.out_proj = torch_layer(layer.in_proj), torch_layer(layer.out_proj)

    def forward(self, x):
        batch, time, width = x.shape
        shape = (batch, time, 3, self.heads, width // self.heads)
        q, k, v = self.in_proj(x).view(shape).permute(2, 0, 3, 1, 4)
        y = T.functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out_proj(y.transpose(1, 2).reshape(batch, time, width))


class Recurrent(T.Module):
    def __init__(self, layer):
        super().__init__()
        make = getattr(T, type(layer).__name__)
        self.cell = make(layer.input_size, layer.hidden_size, batch_first=True)
        self.returns_all = layer.return_sequences

    def forward(self, x):
        y, _ = self.cell(x)
        return y if self.returns_all else y[:, -1]


def torch_arrays(module, layer):
    """Pairs of torch's tensors and our array's name with a function of its layout."""
    same = lambda array: array  # noqa: E731
    match layer:
        case nn.Conv2d():
            yield module.weight, "weight", lambda array: array.transpose(0, 3, 1, 2)
        case nn.DepthwiseConv2d():
            yield module.weight, "weight", lambda array: array.transpose(2, 0, 1)[:, None]
        case nn.LSTM():
            yield module.cell.weight_ih_l0, "weight_ih", same
            yield module.cell.weight_hh_l0, "weight_hh", same
            yield module.cell.bias_ih_l0, "bias", same
            module.cell.bias_hh_l0.data.zero_()
            return
        case nn.GRU():
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                yield getattr(module.cell, f"{name}_l0"), name, same
            return
        case _ if hasattr(layer, "weight"):
            yield module.weight, "weight", same
    if getattr(layer, "bias", None) is not None:
        yield module.bias, "bias", same


def pairs(net, module):
    """Each of our layers that has arrays itself, with torch's."""
    children, modules = net.children(), dict(module.named_children())
    if not children:
        yield net, module
    elif isinstance(net, nn.SeparableConv2d):
        yield net.depthwise, module[0]
        yield net.pointwise, module[1]
    else:
        for name, child in children.items():
            yield from pairs(child, modules[name])


NETWORKS = {
    "perceptron": (
        lambda: nn.Sequential(
            nn.Linear(30, 40), nn.ReLU(), nn.Linear(40, 50), nn.GELU(), nn.Linear(50, 40),
            nn.SiLU(), nn.Linear(40, 40), nn.Tanh(), nn.GELU("tanh"), nn.Linear(40, 7)),
        (33, 30)),
    "separable residual": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm(8), nn.ReLU(),
            nn.SeparableConv2d(8, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm(16),
            nn.ReLU(),
            nn.Residual(nn.Sequential(
                nn.SeparableConv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm(16), nn.ReLU(),
                nn.SeparableConv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm(16))),
            nn.ReLU(), nn.GlobalAvgPool2d(), nn.Linear(16, 7)),
        (9, 14, 14, 1)),
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(8, 12, 3, padding=2, dilation=2, groups=4),
            nn.Sigmoid(), nn.MaxPool2d(3, 2, 1),
            nn.DepthwiseConv2d(12, (3, 2), padding=1, dilation=(1, 2)), nn.ReLU(),
            nn.AvgPool2d(2, padding=1),
            nn.GlobalAvgPool2d(), nn.Linear(12, 7)),
        (4, 21, 17, 3)),
    "transformer": (
        lambda: nn.Sequential(
            nn.Embedding(7, 24),
            nn.Residual(nn.Sequential(
                nn.LayerNorm(24), nn.MultiHeadAttention(24, 3, causal=True))),
            nn.Residual(nn.Sequential(
                nn.RMSNorm(24), nn.Linear(24, 60), nn.GELU(), nn.Linear(60, 24))),
            nn.LayerNorm(24), nn.Linear(24, 7)),
        (3, 19)),
    "lstm": (lambda: nn.Sequential(
        nn.LSTM(6, 9), nn.LSTM(9, 8, return_sequences=False), nn.Linear(8, 7)), (5, 11, 6)),
    "gru": (lambda: nn.Sequential(
        nn.GRU(6, 9), nn.GRU(9, 8, return_sequences=False), nn.Linear(8, 7)), (5, 11, 6)),
}  # fmt: skip


def prepared(name):
    """Our network, torch's with its weights, inputs for both, and labels."""
    build, shape = NETWORKS[name]
    net = build().reset_parameters(1)
    module = torch_layer(net)
    for layer, peer in pairs(net, module):
        for tensor, array, layout in torch_arrays(peer, layer):
            values = np.ascontiguousarray(layout(getattr(layer, array)))
            tensor.data.copy_(torch.from_numpy(values))
    rng = np.random.default_rng(2)
    if net.input_kind() == "int64":
        x = rng.integers(0, 7, shape)
        return net, module, x, torch.from_numpy(x), rng.integers(0, 7, shape)
    x = rng.standard_normal(shape).astype(np.float32)
    peer = torch.from_numpy(x)
    return (
        net,
        module,
        x,
        peer.permute(0, 3, 1, 2) if x.ndim == 4 else peer,
        rng.integers(0, 7, shape[0]),
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_gradients_and_losses_are_torchs(name):
    net, module, x, peer_x, labels = prepared(name)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    peer_loss = T.CrossEntropyLoss(label_smoothing=0.1)
    peer_output = module(peer_x)
    flat = peer_output.reshape(-1, 7)
    peer_value = peer_loss(flat, torch.from_numpy(labels.reshape(-1)))
    peer_value.backward()
    output = net(x)
    value = loss(output, labels)
    np.testing.assert_allclose(output, peer_output.detach().numpy(), **TOLERANCE)
    assert value == pytest.approx(float(peer_value.detach()), rel=1e-5)
    net.backward(loss.backward())
    compared = 0
    for layer, peer in pairs(net, module):
        for tensor, array, layout in torch_arrays(peer, layer):
            found = layout(layer.gradient_of(array))
            scale = max(float(tensor.grad.abs().max()), 1e-3)
            np.testing.assert_allclose(
                found / scale, tensor.grad.numpy() / scale, err_msg=f"{layer} {array}", **TOLERANCE
            )
            compared += 1
        if isinstance(layer, nn.BatchNorm):
            np.testing.assert_allclose(layer.running_mean, peer.running_mean, **TOLERANCE)
            np.testing.assert_allclose(layer.running_var, peer.running_var, **TOLERANCE)
    assert compared == len(net.named_parameters())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_of_mixed_labels_are_torchs(smoothing):
    rng = np.random.default_rng(8)
    logits = 3 * rng.standard_normal((33, 10)).astype(np.float32)
    share = rng.random((33, 1), np.float32)
    first, second = np.eye(10, dtype=np.float32)[rng.integers(0, 10, (2, 33))]
    targets = share * first + (1 - share) * second
    loss = nn.CrossEntropyLoss(label_smoothing=smoothing)
    tensor = torch.tensor(logits, requires_grad=True)
    peer = T.CrossEntropyLoss(label_smoothing=smoothing)(tensor, torch.from_numpy(targets))
    peer.backward()
    assert loss(logits, targets) == pytest.approx(float(peer.detach()), rel=1e-6)
    np.testing.assert_allclose(loss.backward(), tensor.grad.numpy(), rtol=0, atol=1e-8)


@pytest.mark.parametrize("name", NETWORKS)
def test_evaluation_is_torchs(name):
    net, module, x, peer_x, _ = prepared(name)
    net(x)
    module(peer_x)
    net.eval()
    module.eval()
    with torch.no_grad():
        np.testing.assert_allclose(net(x), module(peer_x).numpy(), **TOLERANCE)


@pytest.mark.parametrize("name", NETWORKS)
def test_bfloat16_is_near_float32(name):
    # Weights, activations and gradients have 8 bits: an error of 2^-9 each, which adds up over
    # up to 10 layers like a random walk, and is amplified by norms.
    net, _, x, _, labels = prepared(name)
    rounded = prepared(name)[0].to("bfloat16")
    loss = nn.CrossEntropyLoss()
    value = loss(net(x), labels)
    net.backward(loss.backward())
    assert loss(rounded(x), labels) == pytest.approx(value, rel=0.02)
    rounded.backward(loss.backward())
    exact, found = net.gradients(), rounded.gradients()
    distance = sum(float(((exact[key] - found[key]) ** 2).sum()) for key in exact)
    length = sum(float((array**2).sum()) for array in exact.values())
    assert distance < 0.06**2 * length


def test_training_is_torchs():
    net, module, x, peer_x, labels = prepared("separable residual")
    optimizer = so.SGD(net.named_parameters(), lr=0.05, momentum=0.9)
    peer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
    loss, peer_loss = nn.CrossEntropyLoss(), T.CrossEntropyLoss()
    for _ in range(15):
        value = loss(net(x), labels)
        net.backward(loss.backward())
        optimizer.step(net.gradients())
        peer.zero_grad()
        peer_value = peer_loss(module(peer_x), torch.from_numpy(labels))
        peer_value.backward()
        peer.step()
        assert value == pytest.approx(float(peer_value.detach()), rel=2e-3, abs=2e-4)
    assert decoded(net[0].weight).dtype == np.float32
