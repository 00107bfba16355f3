"""The cells of NASNet-A: figure 4 of arXiv:1707.07012.

A cell takes `x`, what the cell before it gave, and `before`, what came before that,
which is larger if the cell before it was a reduction; it returns its own feature maps,
and `x`.
"""

from __future__ import annotations

from multinet.applications.images import halving_pad
from multinet.applications.network import chain, channels
from multinet.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Cropping2D,
    MaxPooling2D,
    SeparableConv2D,
    ZeroPadding2D,
)
from multinet.symbolic.tensor import KerasTensor

Pair = tuple[KerasTensor, KerasTensor]


class Cells:
    """Cells with the names of their layers, where the channels come last."""

    def normal(
        self,
        x: KerasTensor,
        before: KerasTensor | None,
        filters: int,
        name: str,
        larger: bool = False,
    ) -> Pair:
        """Return feature maps of the same size, from five sums of two branches."""
        p = self.fitted(before, x, filters, name, larger)
        h = self.projected(x, filters, f"normal_conv_1_{name}", f"normal_bn_1_{name}")

        def separable(t: KerasTensor, size: int, side: str) -> KerasTensor:
            return self.separable(t, filters, size, f"normal_{side}_{name}")

        def mean(t: KerasTensor, side: str) -> KerasTensor:
            return self.mean(t, f"normal_{side}_{name}")

        def add(i: int, *pair: KerasTensor) -> KerasTensor:
            return Add(name=f"normal_add_{i}_{name}")(list(pair))

        x1 = add(1, separable(h, 5, "left1"), separable(p, 3, "right1"))
        x2 = add(2, separable(p, 5, "left2"), separable(p, 3, "right2"))
        x3 = add(3, mean(h, "left3"), p)
        x4 = add(4, mean(p, "left4"), mean(p, "right4"))
        x5 = add(5, separable(h, 3, "left5"), h)
        joined = Concatenate(name=f"normal_concat_{name}")([p, x1, x2, x3, x4, x5])
        return joined, x

    def reduction(
        self,
        x: KerasTensor,
        before: KerasTensor | None,
        filters: int,
        name: str,
        larger: bool = False,
    ) -> Pair:
        """Return feature maps of half the size, from five sums of two branches."""
        p = self.fitted(before, x, filters, name, larger)
        h = self.projected(
            x, filters, f"reduction_conv_1_{name}", f"reduction_bn_1_{name}"
        )
        padded = ZeroPadding2D(halving_pad(h, 3), name=f"reduction_pad_1_{name}")(h)

        def halved(t: KerasTensor, size: int, side: str) -> KerasTensor:
            return self.separable(t, filters, size, f"reduction_{side}_{name}", 2)

        def pool(kind: type, side: str) -> KerasTensor:
            return kind(3, strides=2, name=f"reduction_{side}_{name}")(padded)

        def add(end: str, *pair: KerasTensor) -> KerasTensor:
            return Add(name=f"reduction_{end}_{name}")(list(pair))

        x1 = add("add_1", halved(h, 5, "left1"), halved(p, 7, "right1"))
        x2 = add("add_2", pool(MaxPooling2D, "left2"), halved(p, 7, "right2"))
        x3 = add("add3", pool(AveragePooling2D, "left3"), halved(p, 5, "right3"))
        x4 = Add()([x2, self.mean(x1, f"reduction_left4_{name}")])
        again = self.separable(x1, filters, 3, f"reduction_left4_{name}")
        x5 = add("add4", again, pool(MaxPooling2D, "right5"))
        return Concatenate(name=f"reduction_concat_{name}")([x2, x3, x4, x5]), x

    def fitted(
        self,
        before: KerasTensor | None,
        x: KerasTensor,
        filters: int,
        name: str,
        larger: bool,
    ) -> KerasTensor:
        """Return what came before `x`, in its size and with so many channels."""
        if before is None:
            return x
        if larger:
            return self.shrunk(before, filters, name)
        if channels(before) == filters:
            return before
        conv, norm = f"adjust_conv_projection_{name}", f"adjust_bn_{name}"
        return self.projected(before, filters, conv, norm)

    def shrunk(self, before: KerasTensor, filters: int, name: str) -> KerasTensor:
        """Return every second place and those beside, in half the channels each."""
        active = Activation("relu", name=f"adjust_relu_1_{name}")(before)
        beside = chain(
            active, ZeroPadding2D(((0, 1), (0, 1))), Cropping2D(((1, 0), (1, 0)))
        )
        halves = []
        for i, places in enumerate((active, beside), 1):
            every = AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_{i}_{name}")
            half = self.conv(filters // 2, f"adjust_conv_{i}_{name}")
            halves.append(chain(places, every, half))
        return chain(Concatenate()(halves), self.norm(f"adjust_bn_{name}"))

    def projected(
        self, x: KerasTensor, filters: int, conv: str, norm: str
    ) -> KerasTensor:
        """Return the channels mixed anew."""
        parts = Activation("relu"), self.conv(filters, conv), self.norm(norm)
        return chain(x, *parts)

    def separable(
        self, x: KerasTensor, filters: int, size: int, name: str, strides: int = 1
    ) -> KerasTensor:
        """Return two separable convolutions, of which the first may halve the size."""
        x = Activation("relu")(x)
        if strides == 2:
            pad = halving_pad(x, size)
            x = ZeroPadding2D(pad, name=f"separable_conv_1_pad_{name}")(x)
        first = SeparableConv2D(
            filters,
            size,
            strides=strides,
            padding="valid" if strides == 2 else "same",
            use_bias=False,
            name=f"separable_conv_1_{name}",
        )
        second = SeparableConv2D(
            filters,
            size,
            padding="same",
            use_bias=False,
            name=f"separable_conv_2_{name}",
        )
        return chain(
            x,
            first,
            self.norm(f"separable_conv_1_bn_{name}"),
            Activation("relu"),
            second,
            self.norm(f"separable_conv_2_bn_{name}"),
        )

    def conv(self, filters: int, name: str) -> Conv2D:
        """Return a convolution of 1x1."""
        initial = "he_normal"
        return Conv2D(
            filters,
            1,
            padding="same",
            use_bias=False,
            kernel_initializer=initial,
            name=name,
        )

    def norm(self, name: str) -> BatchNormalization:
        """Return a batch normalization."""
        return BatchNormalization(momentum=0.9997, epsilon=1e-3, name=name)

    def mean(self, x: KerasTensor, name: str) -> KerasTensor:
        """Return the mean around each place."""
        return AveragePooling2D(3, strides=1, padding="same", name=name)(x)
