"""Fused methods on sequences: the recurrences of LSTM and GRU over all time steps."""

from __future__ import annotations

from typing import Any

from multinet.interface.array import T
from multinet.interface.composed import ArrayMethods

_LOW = ("float16", "bfloat16")


class SequenceMethods(ArrayMethods[T]):
    """Recurrences: the part of `Backend` whose bodies loop over time.

    The input of all steps meets its kernel in one product; the loop holds only what
    depends on the step before.
    """

    def lstm(
        self,
        x: T,
        h: T,
        c: T,
        kernel: T,
        recurrent: T,
        bias: T | None,
        mask: T | None,
        reverse: bool,
    ) -> tuple[T, T, T]:
        """Return h at every step of x (b, t, n), and the last h and c (b, m).

        i, f, g, o are the parts of x @ kernel + h @ recurrent + bias, kernel (n, 4m),
        recurrent (m, 4m), bias (4m,); then c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        and h = sigmoid(o) * tanh(c). Where bool `mask` (b, t) is false, h and c stay.
        `reverse` goes from the last step to the first; outputs keep their places.
        Floats; low floats compute in float32. t is at least 1.

        Source: Hochreiter and Schmidhuber, "Long short-term memory", 1997; Gers et
        al., "Learning to forget", 2000.
        """
        if self.dtype(x) in _LOW:
            wide = self._wide(x, h, c, kernel, recurrent, bias)
            found = self.lstm(*wide, mask=mask, reverse=reverse)
            return self._narrow(found, self.dtype(x))
        size = self.shape(h)[1]

        def step(carry: Any, row: Any) -> Any:
            h, c = carry
            z = self.add(row[0], self.matmul(h, recurrent))  # b 4m
            i, f, g, o = (self._columns(z, k * size, size) for k in range(4))
            kept = self.multiply(self.sigmoid(f), c)
            new_c = self.add(kept, self.multiply(self.sigmoid(i), self.tanh(g)))
            new_h = self.multiply(self.sigmoid(o), self.tanh(new_c))
            if mask is not None:
                new_h = self.where(row[1], new_h, h)
                new_c = self.where(row[1], new_c, c)
            return (new_h, new_c), (new_h,)

        rows = self._rows(x, kernel, bias, mask)
        (h, c), (ys,) = self.scan(step, (h, c), rows, self.shape(x)[1], reverse)
        return self.transpose(ys, (1, 0, 2)), h, c

    def gru(
        self,
        x: T,
        h: T,
        kernel: T,
        recurrent: T,
        bias: T | None,
        recurrent_bias: T | None,
        mask: T | None,
        reverse: bool,
        reset_after: bool,
    ) -> tuple[T, T]:
        """Return h at every step of x (b, t, n), and the last h (b, m).

        The parts of x @ kernel + bias, kernel (n, 3m), bias (3m,), are xz, xr, xg, and
        hz, hr, hg those of h @ recurrent + recurrent_bias, recurrent (m, 3m). Then
        z = sigmoid(xz + hz), r = sigmoid(xr + hr), g = tanh(xg + r * hg) and
        h = z * h + (1 - z) * g. Without `reset_after` the reset comes before the
        product: r * hg is (r * h) @ recurrent, and there is no recurrent bias. Mask,
        `reverse` and dtypes are those of `lstm`.

        Source: Cho et al., "Learning phrase representations using RNN
        encoder-decoder", 2014, versions 3 and 1.
        """
        if self.dtype(x) in _LOW:
            wide = self._wide(x, h, kernel, recurrent, bias, recurrent_bias)
            rest: Any = (mask, reverse, reset_after)
            found = self.gru(*wide, *rest)
            return self._narrow(found, self.dtype(x))
        size = self.shape(h)[1]
        gates = self._columns(recurrent, 0, 2 * size)
        candidate = self._columns(recurrent, 2 * size, size)

        def step(carry: Any, row: Any) -> Any:
            (h,), a = carry, row[0]  # b 3m
            u = self.matmul(h, recurrent if reset_after else gates)
            if recurrent_bias is not None:
                u = self.add(u, recurrent_bias)
            z, r = (
                self.sigmoid(self.add(*(self._columns(v, k, size) for v in (a, u))))
                for k in (0, size)
            )
            if reset_after:
                inner = self.multiply(r, self._columns(u, 2 * size, size))
            else:
                inner = self.matmul(self.multiply(r, h), candidate)
            g = self.tanh(self.add(self._columns(a, 2 * size, size), inner))
            new = self.add(g, self.multiply(z, self.subtract(h, g)))
            if mask is not None:
                new = self.where(row[1], new, h)
            return (new,), (new,)

        rows = self._rows(x, kernel, bias, mask)
        (h,), (ys,) = self.scan(step, (h,), rows, self.shape(x)[1], reverse)
        return self.transpose(ys, (1, 0, 2)), h

    def _rows(self, x: T, kernel: T, bias: T | None, mask: T | None) -> list[T]:
        """Return x @ kernel + bias (t, b, k), and the mask as (t, b, 1)."""
        b, t, n = self.shape(x)
        flat = self.reshape(self.transpose(x, (1, 0, 2)), (t * b, n))
        z = self.matmul(flat, kernel)
        if bias is not None:
            z = self.add(z, bias)
        rows = [self.reshape(z, (t, b, self.shape(kernel)[1]))]
        if mask is not None:
            rows.append(self.reshape(self.transpose(mask, (1, 0)), (t, b, 1)))
        return rows

    def _columns(self, x: T, start: int, size: int) -> T:
        rows = self.shape(x)[0]
        return self.slice(x, (0, start), (rows, start + size), (1, 1))

    def _wide(self, *xs: T | None) -> Any:
        return tuple(None if x is None else self.cast(x, "float32") for x in xs)

    def _narrow(self, ys: tuple[T, ...], dtype: str) -> Any:
        return tuple(self.cast(y, dtype) for y in ys)
