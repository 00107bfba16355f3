"""TextVectorization: texts as the places of their words."""

from __future__ import annotations

import itertools
import string
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np

from multinet.configurable import own_arguments
from multinet.errors import ArgumentError, ShapeError, unknown_name
from multinet.layers.preprocessing.adapting import Batches, is_data
from multinet.layers.preprocessing.encoding import mode_of, sparse_of
from multinet.layers.preprocessing.host import (
    HostLayer,
    decode_texts,
    encode_texts,
    on_host,
)
from multinet.layers.preprocessing.packing import Packed, pack
from multinet.layers.preprocessing.string_lookup import StringLookup
from multinet.layers.preprocessing.vocabulary import refuse_path
from multinet.objects.serialization import revive
from multinet.symbolic.dims import Dim, public_shape
from multinet.typing import Config, Host, Shape, Tensor, Tree, Verbose

_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_STANDARDS = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLITS = ("whitespace", "character")
_PUNCTUATION = string.punctuation.encode()
_LOWER = bytes(range(256)).lower()
_MANY = 64  # texts, from which on it pays to pack them

Changing: TypeAlias = Callable[[Host], Tree]


class Words(NamedTuple):
    """The words of texts: all in a row, and how many each text has."""

    flat: list[bytes] | Packed
    lengths: Host


class TextVectorization(HostLayer):
    """Give texts (b,) or (b, 1) the places of their words in a `vocabulary`, (b, t).

    A text is standardized ("lower_and_strip_punctuation", "lower",
    "strip_punctuation", None), split (at "whitespace", "character" by character, not
    at all with None) and made into `ngrams` of the widths up to a number, or of a
    tuple of widths. `standardize` and `split` may be functions of an array of str;
    that for `split` gives a list of words for each text. ASCII alone is lowered. Bytes
    are read in `encoding`.

    Place 0 is for padding, up to the longest text of a batch or to
    `output_sequence_length`, place 1 for words that are not in the vocabulary. That,
    `max_tokens`, `output_mode`, `sparse`, `idf_weights` and `pad_to_max_tokens` are
    those of `StringLookup`; `ragged=True` is refused.

    >>> layer = layers.TextVectorization(vocabulary=["baz", "bar", "foo"])
    >>> layer(["Foo qux bar!", "qux baz"])
    array([[4, 1, 3],
           [1, 2, 0]], dtype=int32)
    """

    _unwritten = frozenset({"vocabulary", "idf_weights"})
    _reads_by_itself = True  # what it keeps in a file is no Variable

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Changing | None = "lower_and_strip_punctuation",
        split: str | Changing | None = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Tensor | str | None = None,
        idf_weights: Tensor | None = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **options: Any,
    ) -> None:
        known = {
            each: options.pop(each)
            for each in ("has_input_vocabulary", "vocabulary_size")
            if each in options
        }
        super().__init__(name=name, **options)
        self.standardize = _choice("standardize", standardize, _STANDARDS)
        self.split = _choice("split", split, _SPLITS)
        self.ngrams, self._widths = ngrams, _widths(ngrams)
        self.output_mode = mode_of(output_mode, _MODES)
        self.output_sequence_length = _length(output_sequence_length, self.output_mode)
        if ragged:
            raise ArgumentError(
                "Expected ragged=False, since every tensor is dense here: texts are "
                "padded with 0. Mask them, as Embedding(mask_zero=True) does."
            )
        self.ragged, self.sparse = False, sparse_of(sparse, self.output_mode)
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="",
            output_mode=self.output_mode,
            encoding=encoding,
            **known,
        )

    # -- what the vocabulary is told ---------------------------------------------------

    @property
    def max_tokens(self) -> int | None:
        """The largest number of places."""
        return self._lookup_layer.max_tokens

    @property
    def pad_to_max_tokens(self) -> bool:
        """Whether vectors are as long as the vocabulary may grow."""
        return self._lookup_layer.pad_to_max_tokens

    @property
    def encoding(self) -> str:
        """The encoding of texts that are bytes."""
        return self._lookup_layer.encoding

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the words by their places, with those for padding and unknown ones."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)  # type: ignore[return-value]

    def vocabulary_size(self) -> int:
        """Return the number of places."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(
        self, vocabulary: Tensor | str, idf_weights: Tensor | None = None
    ) -> None:
        """Take a vocabulary: words, or the path of a file with one in each line.

        `idf_weights` are for the mode "tf_idf", one for each word.
        """
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def adapt(
        self,
        data: Tree,
        batch_size: int | None = None,
        steps: int | None = None,
        verbose: Verbose = "auto",
    ) -> None:
        """Make the vocabulary of the words in data, the most frequent ones first.

        `data` is an array or a list of texts, or gives batches of them: a generator,
        another iterable, a `Source`, `steps` batches of which are read. `batch_size`
        is Keras's, and changes nothing. `verbose` is whether a stream shows a bar.
        """
        self.reset_state()
        if is_data(data):
            self.update_state(data)
        else:
            for batch in Batches(data, steps, self.name, verbose):
                self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Tensor) -> None:
        """Count the words of a batch of texts."""
        if self._lookup_layer._has_input_vocabulary:
            self._lookup_layer.update_state(data)  # which refuses
        words = self._words(np.atleast_1d(on_host(data, self.name)))
        self._lookup_layer._update(words.flat, words.lengths)

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._lookup_layer.reset_state()

    # -- from texts to words -----------------------------------------------------------

    def _words(self, texts: Host) -> Words:
        """Return the words of an array of texts, a text after the other."""
        if self.split is not None and texts.ndim > 1:
            if texts.ndim > 2 or texts.shape[-1] != 1:
                raise ShapeError(
                    f"{self.name} expects texts of shape (b,) or (b, 1) to split, got "
                    f"shape {texts.shape}."
                )
            texts = texts[:, 0]
        rows = self._split(self._standard(texts))
        if self._widths is not None:
            rows = [_ngrams(row, self._widths) for row in rows]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        return Words(list(itertools.chain.from_iterable(rows)), lengths)

    def _standard(self, texts: Host) -> Host | list[list[bytes]]:
        """Return texts standardized: an array, or bytes in rows."""
        if callable(self.standardize):
            texts = decode_texts(texts, self.encoding)
            return on_host(self.standardize(texts), self.name)
        if callable(self.split) and self.standardize is None:
            return texts
        table, deleted = self._translation()
        found = [
            text.translate(table, deleted)
            for text in encode_texts(texts, self.encoding)
        ]
        width = 1 if texts.ndim == 1 else texts.shape[1]
        return [found[i : i + width] for i in range(0, len(found), width)]

    def _translation(self) -> tuple[bytes | None, bytes]:
        """Return the arguments of `bytes.translate` that standardize a text."""
        standard = str(self.standardize or "")
        table = _LOWER if "lower" in standard else None
        return table, _PUNCTUATION if "strip" in standard else b""

    def _packed(self, texts: Host) -> Words | None:
        """Return the words of many texts, packed; None where that is not for them."""
        plain = self.split == "whitespace" and self._widths is None
        if not plain or callable(self.standardize) or texts.size < _MANY:
            return None
        if texts.ndim > 2 or texts.ndim == 2 and texts.shape[1] != 1:
            return None
        found = pack(encode_texts(texts, self.encoding), *self._translation())
        return None if found is None else Words(*found)

    def _split(self, texts: Host | list[list[bytes]]) -> list[Sequence[bytes]]:
        """Return the words of each text."""
        if callable(self.split):
            return self._split_by(self.split, texts)
        if not isinstance(texts, list):
            flat = encode_texts(texts, self.encoding)
            width = 1 if texts.ndim == 1 else texts.shape[1]
            texts = [flat[i : i + width] for i in range(0, len(flat), width)]
        if self.split is None:
            return texts  # type: ignore[return-value]
        if self.split == "whitespace":
            return [row[0].split() for row in texts]
        return [[c.encode() for c in row[0].decode("utf-8")] for row in texts]

    def _split_by(
        self, split: Changing, texts: Host | list[list[bytes]]
    ) -> list[Sequence[bytes]]:
        if isinstance(texts, list):
            flat = [text.decode(self.encoding) for row in texts for text in row]
            texts = np.array(flat, dtype=np.str_)
        rows = split(decode_texts(texts, self.encoding))
        rows = rows.to_list() if hasattr(rows, "to_list") else rows
        return [encode_texts(np.asarray(row, object), self.encoding) for row in rows]

    # -- from words to places ----------------------------------------------------------

    def call(self, inputs: Host) -> Host:
        """Return the places of the words, or what the mode makes of them."""
        alone = inputs.ndim == 0
        words = self._packed(inputs) or self._words(np.atleast_1d(inputs))
        lookup, mode = self._lookup_layer, self.output_mode
        places, length = lookup.places(words.flat), self.output_sequence_length
        if length is None:
            length = int(words.lengths.max(initial=0))
        table = np.full((len(words.lengths), length), 0 if mode == "int" else -1)
        lengths = np.minimum(words.lengths, length)
        if (lengths < words.lengths).any():
            starts = np.cumsum(words.lengths) - words.lengths
            inner = np.arange(len(places)) - np.repeat(starts, words.lengths)
            places = places[inner < length]
        table[np.arange(length) < lengths[:, None]] = places
        outputs = lookup.encode(table)
        if alone:
            return outputs[0]
        return outputs[:, 0] if self._is_flat(inputs.shape) else outputs

    def _is_flat(self, shape: Shape) -> bool:
        """Return whether each text of shape (b,) is one word, so that places are."""
        whole = self.split is None and self._widths is None
        whole = whole and self.output_sequence_length is None
        return len(shape) == 1 and whole and self.output_mode == "int"

    def output_on_host(self, inputs: Tensor) -> tuple[Shape, str]:
        """Return the shape and dtype of the output."""
        shape: tuple[Any, ...] = tuple(inputs.shape)
        length = self.output_sequence_length
        if (
            self.split is not None
            and len(shape) > 1
            and public_shape(shape)[1:] != (1,)
        ):
            raise ShapeError(
                f"{self.name} expects texts of shape (b,) or (b, 1) to split, got "
                f"shape {public_shape(shape)}."
            )
        if self._is_flat(shape):
            return shape, "int32"
        known = self.split is None and self._widths is None
        words = length or (shape[-1] if known and len(shape) > 1 else Dim())
        lookup = self._lookup_layer
        if self.output_mode in ("int", "one_hot"):
            outer: Shape = (*shape[:1], words)
            if self.output_mode == "int":
                return outer, "int32"
            return (*outer, lookup._depth()), lookup._float()
        return (*shape[:1], lookup._depth()), lookup._float()

    # -- configuration and files -------------------------------------------------------

    def get_config(self) -> Config:
        """Return the arguments of the constructor; a vocabulary if it was among them.

        Of another the file of a model has the words beside the configuration.
        """
        lookup = self._lookup_layer.get_config()
        names = ("vocabulary", "idf_weights")
        config = {**super().get_config(), **own_arguments(self)}
        config |= {name: lookup[name] for name in names}
        return {**config, "vocabulary_size": self.vocabulary_size()}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return a layer of this configuration, which must not name a file."""
        refuse_path(config)
        config = {name: revive(value) for name, value in config.items()}
        if isinstance(config.get("ngrams"), list):
            config["ngrams"] = tuple(config["ngrams"])
        return cls(**config)

    def save_own_variables(self, store: MutableMapping[str, Tensor]) -> None:
        """Put the weights of the mode "tf_idf" into a file."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Mapping[str, Host]) -> None:
        """Take the weights of the mode "tf_idf" from a file."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, folder: str) -> None:
        """Write a vocabulary that the configuration has not."""
        self._lookup_layer.save_assets(folder)

    def load_assets(self, folder: str) -> None:
        """Take the vocabulary of a file that came with the model."""
        self._lookup_layer.load_assets(folder)

    @property
    def compute_dtype(self) -> str:
        """That of texts."""
        return "string"

    @property
    def variable_dtype(self) -> str:
        """That of texts."""
        return "string"


def _choice(name: str, value: Any, known: Sequence[str]) -> Any:
    if value is not None and not callable(value) and value not in known:
        raise unknown_name(name, value, known)
    return value


def _widths(ngrams: Any) -> tuple[int, ...] | None:
    """Return the widths of n-grams; None for words alone."""
    if isinstance(ngrams, int):
        return tuple(range(1, ngrams + 1))
    if ngrams is None:
        return None
    if isinstance(ngrams, tuple) and all(isinstance(n, int) for n in ngrams):
        return ngrams
    raise ArgumentError(
        f"Expected ngrams to be an int or a tuple of them, got {ngrams!r}."
    )


def _length(length: Any, mode: str) -> int | None:
    if length is None:
        return None
    if mode != "int":
        raise ArgumentError(
            "`output_sequence_length` must not be set if `output_mode` is not 'int', "
            f"got {mode!r}."
        )
    if not isinstance(length, int):
        raise ArgumentError(
            f"Expected output_sequence_length to be an int, got {length!r}."
        )
    return length


def _ngrams(words: Sequence[bytes], widths: Sequence[int]) -> list[bytes]:
    """Return n-grams, those of the first width before those of the next."""
    return [
        b" ".join(words[i : i + width])
        for width in widths
        for i in range(len(words) - width + 1)
    ]
