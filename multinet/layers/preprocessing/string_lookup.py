"""StringLookup: texts as their places in a vocabulary."""

from __future__ import annotations

from typing import Any

from multinet.layers.preprocessing.lookup import IndexLookup
from multinet.layers.preprocessing.vocabulary import Texts
from multinet.typing import Tensor


class StringLookup(IndexLookup):
    """Give texts their places in a vocabulary, or with `invert` places their texts.

    First come `mask_token`, in the mode "int" alone, and `num_oov_indices` places for
    texts that are not in the vocabulary, by their hash (under a `salt`) if these are
    several; then the `vocabulary`: a list, or the path of a file with one in each
    line; or `adapt` makes it, of up to `max_tokens` places. With `invert` a place of no
    text is `oov_token`. Bytes are read in `encoding`.

    `output_mode` is "int", "one_hot", or of all texts of a sample (the last axis)
    "multi_hot", "count" or "tf_idf", the counts weighted by `idf_weights`; these are
    sparse tensors with `sparse`. `pad_to_max_tokens` makes these vectors as long as the
    vocabulary may grow.

    >>> layers.StringLookup(vocabulary=["a", "b"])(["b", "a", "c"])
    array([2, 1, 0], dtype=int32)
    """

    _unwritten = frozenset({"vocabulary", "idf_weights"})

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Tensor | str | None = None,
        idf_weights: Tensor | None = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: int | list[int] | None = None,
        **options: Any,
    ) -> None:
        self.encoding = encoding
        self.kind = Texts(encoding)
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
            name=name,
            **options,
        )

    def _dtype_of_output(self) -> str:
        return "string" if self.invert else super()._dtype_of_output()

    @property
    def compute_dtype(self) -> str:
        """That of texts."""
        return "string"

    @property
    def variable_dtype(self) -> str:
        """That of texts."""
        return "string"
