"""IntegerLookup: integers as their places in a vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet.errors import ArgumentError
from multinet.layers.preprocessing.lookup import IndexLookup
from multinet.layers.preprocessing.vocabulary import Integers
from multinet.typing import Config, DType, Host, Tensor


class IntegerLookup(IndexLookup):
    """Give integers their places in a vocabulary, or with `invert` places theirs.

    First come `mask_token`, in the mode "int" alone, and `num_oov_indices` places for
    integers that are not in the vocabulary: if these are several by the remainder, or
    with `oov_method="farmhash"` by a hash, under a `salt`. Then comes the `vocabulary`:
    a list, or the path of a file with one in each line; or `adapt` makes it, of up to
    `max_tokens` places.

    `output_mode`, `idf_weights` and `pad_to_max_tokens` are those of `StringLookup`.

    >>> IntegerLookup(vocabulary=[12, 36])([36, 12, 7])
    array([2, 1, 0], dtype=int32)
    """

    _unwritten = frozenset({"vocabulary", "idf_weights"})

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int | None = -1,
        vocabulary: Tensor | str | None = None,
        vocabulary_dtype: DType = "int64",
        idf_weights: Tensor | None = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: int | list[int] | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        if vocabulary_dtype != "int64":
            raise ArgumentError(
                f"Expected vocabulary_dtype='int64', got {vocabulary_dtype!r}."
            )
        if salt is not None and oov_method != "farmhash":
            raise ArgumentError(
                f"salt is for oov_method='farmhash', got {oov_method!r}."
            )
        self.vocabulary_dtype, self.kind = vocabulary_dtype, Integers()
        super().__init__(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            mask_token=mask_token,
            oov_token=oov_token,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            invert=invert,
            output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens,
            sparse=sparse,
            salt=salt,
            oov_method=oov_method,
            name=name,
            **options,
        )

    def _bins(self, keys: Sequence[Any], count: int) -> Host:
        if self.oov_method == "farmhash":
            return super()._bins(keys, count)
        return np.asarray(keys, np.int64) % count

    def get_config(self) -> Config:
        """Return the arguments of the constructor; a vocabulary if it was among them.

        Of another the file of a model has the tokens beside the configuration.
        """
        config = super().get_config()
        for name in ("oov_token", "mask_token"):
            if config[name] is not None:
                config[name] = int(config[name])
        return config

    @property
    def compute_dtype(self) -> str:
        """That of the vocabulary."""
        return "int64"

    @property
    def variable_dtype(self) -> str:
        """That of the vocabulary."""
        return "int64"
