"""Hand-written loops in PyTorch: eager modules, an optimizer of torch.optim."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from multinet_benchmarks import native, workloads
from multinet_benchmarks.workloads import Array, Weights, Workload

Tensor = torch.Tensor


def put(parameter: Tensor, value: Array) -> None:
    """Copy an array into a parameter."""
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))


def linear_of(weights: list[Array]) -> nn.Linear:
    """Return a Linear module of a kernel (n, m) and a bias (m,)."""
    kernel, bias = weights
    module = nn.Linear(*kernel.shape)
    put(module.weight, kernel.T)
    put(module.bias, bias)
    return module


def conv_of(weights: list[Array], stride: int = 1, padding: int = 0) -> nn.Conv2d:
    """Return a Conv2d module of a kernel (h, w, i, o) and maybe a bias (o,)."""
    kernel = weights[0].transpose(3, 2, 0, 1)  # o i h w
    out, inputs, size, _ = kernel.shape
    bias = len(weights) > 1
    module = nn.Conv2d(inputs, out, size, stride, padding, bias=bias)
    put(module.weight, kernel)
    if module.bias is not None:
        put(module.bias, weights[1])
    return module


def mlp(w: Weights, rate: float) -> nn.Module:
    return nn.Sequential(
        linear_of(w["hidden1"]),
        nn.ReLU(),
        linear_of(w["hidden2"]),
        nn.ReLU(),
        linear_of(w["output"]),
    )


def cnn(w: Weights, rate: float) -> nn.Module:
    kernel, bias = w["hidden"]
    # The dense layer sees channels first here, channels last in the shared weights.
    kernel = kernel.reshape(5, 5, 64, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
    return nn.Sequential(
        conv_of(w["conv1"]),
        nn.ReLU(),
        nn.MaxPool2d(2),
        conv_of(w["conv2"]),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        linear_of([kernel, bias]),
        nn.ReLU(),
        nn.Dropout(rate),
        linear_of(w["output"]),
    )


class Decoder(nn.Module):
    """One pre-norm block of the Transformer."""

    def __init__(self, w: Weights, i: int) -> None:
        super().__init__()
        width = workloads.WIDTH
        q, qb, k, kb, v, vb, o, ob = w[f"attention{i}"]
        kernels = [m.reshape(width, width) for m in (q, k, v)]
        biases = [m.reshape(width) for m in (qb, kb, vb)]
        self.qkv = linear_of([np.concatenate(kernels, 1), np.concatenate(biases)])
        self.project = linear_of([o.reshape(width, width), ob])
        self.norm1 = nn.LayerNorm(width, eps=workloads.NORM_EPSILON)
        self.norm2 = nn.LayerNorm(width, eps=workloads.NORM_EPSILON)
        self.inner, self.outer = linear_of(w[f"inner{i}"]), linear_of(w[f"outer{i}"])

    def forward(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        q, k, v = (
            part.view(b, t, workloads.HEADS, -1).transpose(1, 2)
            for part in self.qkv(self.norm1(x)).chunk(3, -1)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(mixed.transpose(1, 2).reshape(b, t, d))
        return x + self.outer(F.gelu(self.inner(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self, w: Weights, rate: float) -> None:
        super().__init__()
        width = workloads.WIDTH
        self.tokens = nn.Embedding(workloads.VOCABULARY, width)
        put(self.tokens.weight, w["tokens"][0])
        self.positions = nn.Parameter(torch.from_numpy(w["positions"][0].copy()))
        self.blocks = nn.ModuleList(Decoder(w, i) for i in range(workloads.BLOCKS))
        self.norm = nn.LayerNorm(width, eps=workloads.NORM_EPSILON)
        self.output = linear_of(w["output"])

    def forward(self, x: Tensor) -> Tensor:
        x = self.tokens(x) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.output(self.norm(x))


class LSTM(nn.Module):
    def __init__(self, w: Weights, rate: float) -> None:
        super().__init__()
        kernel, recurrent, bias = w["lstm"]
        self.lstm: Any = nn.LSTM(workloads.FEATURES, workloads.UNITS, batch_first=True)
        put(self.lstm.weight_ih_l0, kernel.T)
        put(self.lstm.weight_hh_l0, recurrent.T)
        put(self.lstm.bias_ih_l0, bias)
        # The module has two biases where the others have one: the second stays zero.
        put(self.lstm.bias_hh_l0, np.zeros_like(bias))
        self.lstm.bias_hh_l0.requires_grad_(False)
        self.output = linear_of(w["output"])

    def forward(self, x: Tensor) -> Tensor:
        sequence, _ = self.lstm(x)
        return self.output(sequence[:, -1])


def norm_of(filters: int) -> nn.BatchNorm2d:
    momentum = 1 - workloads.BATCH_MOMENTUM
    return nn.BatchNorm2d(filters, eps=workloads.NORM_EPSILON, momentum=momentum)


class Residual(nn.Module):
    def __init__(self, w: Weights, block: workloads.Block) -> None:
        super().__init__()
        name, stride = block.name, block.stride
        self.stride = stride
        padding = 1 if stride == 1 else 0
        self.conv1 = conv_of(w[f"{name}_conv1"], stride, padding)
        self.conv2 = conv_of(w[f"{name}_conv2"], 1, 1)
        self.norm1, self.norm2 = norm_of(block.filters), norm_of(block.filters)
        self.conv3: nn.Module | None = None
        if block.projects:
            self.conv3 = conv_of(w[f"{name}_conv3"], stride)
            self.norm3 = norm_of(block.filters)

    def forward(self, x: Tensor) -> Tensor:
        # "same" with stride 2 pads after the image only, in Keras as in TensorFlow.
        h = x if self.stride == 1 else F.pad(x, (0, 1, 0, 1))
        h = F.relu(self.norm1(self.conv1(h)))
        h = self.norm2(self.conv2(h))
        if self.conv3 is not None:
            x = self.norm3(self.conv3(x))
        return F.relu(x + h)


def resnet(w: Weights, rate: float) -> nn.Module:
    return nn.Sequential(
        conv_of(w["stem"], 1, 1),
        norm_of(16),
        nn.ReLU(),
        *(Residual(w, block) for block in workloads.residual_blocks()),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        linear_of(w["output"]),
    )


MODELS: dict[str, Any] = {
    "linear": lambda w, rate: linear_of(w["output"]),
    "mlp": mlp,
    "cnn": cnn,
    "transformer": Transformer,
    "lstm": LSTM,
    "resnet": resnet,
}


def optimizer_of(workload: Workload, module: nn.Module, fused: bool) -> Any:
    """Return the optimizer, with the fused kernel or as torch chooses by default."""
    o = workload.options
    parameters = [p for p in module.parameters() if p.requires_grad]
    kernel: dict[str, Any] = {"fused": True} if fused else {}
    if workload.optimizer in ("sgd", "momentum"):
        momentum = o.get("momentum", 0.0)
        return torch.optim.SGD(parameters, o["rate"], momentum=momentum, **kernel)
    betas = (o["beta_1"], o["beta_2"])
    if workload.optimizer == "adamw":
        kernel["weight_decay"] = o["decay"]
        return torch.optim.AdamW(parameters, o["rate"], betas, o["epsilon"], **kernel)
    return torch.optim.Adam(parameters, o["rate"], betas, o["epsilon"], **kernel)


class TorchNative(native.Native):
    """The usual loop: zero_grad, forward, loss, backward, step."""

    fused = True

    def setup(self, weights: Weights) -> None:
        """Make the module and its optimizer."""
        kind = self.workload.kind
        self.module = MODELS[kind](weights, self.workload.dropout)
        self.optimizer = optimizer_of(self.workload, self.module, self.fused)

    def prepare(self, x: Array, y: Array) -> Any:
        """Return tensors, images as channels first, labels as int64."""
        y_tensor = torch.from_numpy(y)
        return self._inputs(x), y_tensor.long() if y.dtype == np.int32 else y_tensor

    def _inputs(self, x: Array) -> Tensor:
        if x.ndim == 4:
            return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()
        return torch.from_numpy(x)

    def _loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        if self.workload.kind == "linear":
            return F.mse_loss(outputs, y)
        if outputs.ndim == 3:
            return F.cross_entropy(outputs.flatten(0, 1), y.flatten())
        return F.cross_entropy(outputs, y)

    def fit_epoch(self, data: Any, order: Array) -> float:
        """Train on all samples in `order`; return the mean loss."""
        (x, y), module, optimizer = data, self.module, self.optimizer
        module.train()
        batches = torch.from_numpy(order).split(self.workload.batch)
        total = torch.zeros(())
        for rows in batches:
            optimizer.zero_grad()
            loss = self._loss(module(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return float(total) / len(batches)

    def predict(self, x: Array) -> Array:
        """Return the outputs as a NumPy array."""
        self.module.eval()
        with torch.inference_mode():
            return self.module(self._inputs(x)).numpy()


class PlainTorchNative(TorchNative):
    """With the optimizer's default implementation: what NumPy is compared with."""

    fused = False


def build(workload: Workload, weights: Weights) -> TorchNative:
    """Return the contender with fused optimizer kernels."""
    return TorchNative(workload, weights)


def build_plain(workload: Workload, weights: Weights) -> TorchNative:
    """Return the contender with the default optimizer implementation."""
    return PlainTorchNative(workload, weights)
