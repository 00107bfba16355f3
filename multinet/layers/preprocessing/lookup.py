"""IndexLookup: what the lookups of texts and of integers have in common."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from multinet import dtypes
from multinet.configurable import own_arguments
from multinet.errors import ArgumentError, unknown_name
from multinet.layers.preprocessing.adapting import Batches, is_data
from multinet.layers.preprocessing.encoding import (
    encoded_on_host,
    encoded_shape,
    mode_of,
    sparse_of,
)
from multinet.layers.preprocessing.fingerprints import farmhash, siphash
from multinet.layers.preprocessing.hashing import salt_of
from multinet.layers.preprocessing.host import HostLayer, on_host
from multinet.layers.preprocessing.vocabulary import (
    Kind,
    Token,
    lines_of,
    listed,
    read_vocabulary,
    refuse_path,
    repeated,
    write_vocabulary,
)
from multinet.typing import Config, Host, Shape, Tensor, Tree, Verbose

_MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_OOV_METHODS = ("floormod", "farmhash")
_SHOWN = 5  # values that an error lists


class IndexLookup(HostLayer):
    """Tokens by their places in a vocabulary; the base of the two public lookups.

    First come the mask token, in the mode "int" alone, and `num_oov_indices` places
    for what is not in the vocabulary; then its tokens.
    """

    kind: Kind
    _decided = frozenset({"activity_regularizer", "dtype", "trainable"})
    _reads_by_itself = True  # what it keeps in a file is no Variable

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Token | None,
        oov_token: Token | None,
        vocabulary: Tensor | str | None = None,
        idf_weights: Tensor | None = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        salt: int | Sequence[int] | None = None,
        oov_method: str = "floormod",
        name: str | None = None,
        **options: Any,
    ) -> None:
        known = options.pop("has_input_vocabulary", vocabulary is not None)
        #: Of a configuration whose vocabulary is elsewhere in the file.
        self._told_size: int | None = options.pop("vocabulary_size", None)
        super().__init__(name=name, **options)
        _check_sizes(max_tokens, pad_to_max_tokens, num_oov_indices)
        if oov_method not in _OOV_METHODS:
            raise unknown_name("oov_method", oov_method, _OOV_METHODS)
        self.output_mode = mode_of(output_mode, _MODES)
        self.sparse = sparse_of(sparse, self.output_mode)
        if invert and self.output_mode != "int":
            raise ArgumentError(
                f"invert=True gives tokens: expected output_mode='int', got "
                f"{output_mode!r}."
            )
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.pad_to_max_tokens = invert, pad_to_max_tokens
        self.oov_method, self.salt = oov_method, salt_of(salt)
        self._has_input_vocabulary = known
        self._tokens: list[Token] = []
        self._table: Any = self.kind.table(())
        #: As given to the constructor, for `get_config`; None of a file.
        self.input_vocabulary: Any = None
        self.input_idf_weights = idf_weights
        self.idf_weights: Host | None = None
        self.reset_state()
        self._begin(vocabulary, idf_weights)

    def _begin(self, vocabulary: Any, idf_weights: Any) -> None:
        mode = self.output_mode
        if idf_weights is not None and mode != "tf_idf":
            raise ArgumentError(
                f"idf_weights are for output_mode='tf_idf', got {mode!r}."
            )
        if self._has_input_vocabulary and idf_weights is None and mode == "tf_idf":
            raise ArgumentError(
                "A vocabulary in the mode 'tf_idf' needs idf_weights, one for each "
                "token."
            )
        if vocabulary is None:
            return
        self.set_vocabulary(vocabulary, idf_weights)
        if not isinstance(vocabulary, str | Path):
            self.input_vocabulary = listed(vocabulary)

    # -- the vocabulary ----------------------------------------------------------------

    def _oov_start(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    def _token_start(self) -> int:
        return self._oov_start() + self.num_oov_indices

    def _special(self) -> list[Any]:
        mask = [self.mask_token] * self._oov_start()
        return mask + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Token]:
        """Return the tokens by their places, with those for masks and unknown ones."""
        special = self._special() if include_special_tokens else []
        return [*special, *self._tokens]

    def vocabulary_size(self) -> int:
        """Return the number of places."""
        return self._token_start() + len(self._tokens)

    def set_vocabulary(
        self, vocabulary: Tensor | str, idf_weights: Tensor | None = None
    ) -> None:
        """Take a vocabulary: tokens, or the path of a file with one in each line.

        It may begin with the tokens for masks and unknown ones. `idf_weights` are for
        the mode "tf_idf", one for each token.
        """
        mode = self.output_mode
        if (idf_weights is None) == (mode == "tf_idf"):
            raise ArgumentError(
                "Expected idf_weights in the mode 'tf_idf', and in no other; got "
                f"idf_weights={idf_weights!r} and output_mode={mode!r}."
            )
        if isinstance(vocabulary, str | Path):
            tokens, given, begins = self._of_file(vocabulary), 0, False
        else:
            tokens = listed(vocabulary)
            given, special = len(tokens), self._special()
            begins = tokens[: len(special)] == special
            tokens = tokens[len(special) :] if begins else tokens
            if given == 0:
                raise ArgumentError("Expected a vocabulary of at least one token.")
        self._check(tokens)
        weights = None
        if idf_weights is not None:
            weights = self._all_weights(np.asarray(idf_weights), given, begins)
        self._keep(tokens, weights)

    def _of_file(self, vocabulary: str | Path) -> list[Token]:
        path = Path(vocabulary).expanduser()
        if not path.is_file():
            raise ArgumentError(f"There is no vocabulary file {path}.")
        if self.output_mode == "tf_idf":
            raise ArgumentError(
                "A vocabulary file has no idf_weights, which the mode 'tf_idf' needs. "
                "Read its lines, and pass them with the weights."
            )
        return lines_of(path, self.kind)

    def _check(self, tokens: Sequence[Token]) -> None:
        twice = repeated(tokens)
        if twice:
            raise ArgumentError(f"Tokens are twice in the vocabulary: {twice}.")
        reserved = [self.mask_token, self.oov_token if self.invert else None]
        for token in reserved:
            if token is not None and token in tokens:
                raise ArgumentError(
                    f"The token {token!r} is reserved, and at place "
                    f"{tokens.index(token)} of the vocabulary. Leave it out, or begin "
                    f"the vocabulary with {self._special()}."
                )
        size = self._token_start() + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ArgumentError(
                f"The vocabulary has {size} places, max_tokens={self.max_tokens}."
            )

    def _all_weights(self, weights: Host, given: int, begins: bool) -> Host:
        """Return the weight of every place."""
        if weights.shape != (given,):
            raise ArgumentError(
                f"Expected an idf weight for each of {given} tokens, got shape "
                f"{weights.shape}."
            )
        front = 0 if begins else self._token_start()
        return self._padded(weights, front)

    def _padded(self, weights: Host, front: int) -> Host:
        """Return weights with their mean before, and 0 up to `max_tokens` after."""
        back = 0
        if self.pad_to_max_tokens and self.max_tokens is not None:
            back = self.max_tokens - front - len(weights)
        mean = weights.mean() if len(weights) else 0
        full = np.pad(weights, (front, back), constant_values=(mean, 0))
        return full.astype(dtypes.to_numpy(self._float()))

    def _keep(self, tokens: list[Token], weights: Host | None) -> None:
        before, now = self._depth(), self._token_start() + len(tokens)
        sized = self.output_mode != "int" and not self.pad_to_max_tokens
        if sized and self._nodes and before != now:
            raise ArgumentError(
                f"{self.name} is in a model that was made for {before} places, and in "
                f"the mode {self.output_mode!r} the {now} now would change the shape "
                "of its output. Make a new model, or use max_tokens with "
                "pad_to_max_tokens=True."
            )
        self._tokens, self._table = tokens, self.kind.table(tokens)
        if weights is not None:
            self.idf_weights = weights

    # -- adapting ----------------------------------------------------------------------

    def adapt(
        self, data: Tree, steps: int | None = None, verbose: Verbose = "auto"
    ) -> None:
        """Make the vocabulary of the tokens in data, the most frequent ones first.

        Of equally frequent ones the last in order comes first. `data` is an array, a
        list or a tensor, or it gives batches: a generator, another iterable, a
        `Source`, `steps` batches of which are read. `verbose` is whether a stream
        shows a bar.
        """
        self.reset_state()
        if is_data(data):
            array = on_host(data, self.name)
            self.update_state(array[:, None] if array.ndim == 1 else array)
        else:
            for batch in Batches(data, steps, self.name, verbose):
                self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Tensor) -> None:
        """Count the tokens of a batch; its first axis is of documents."""
        if self._has_input_vocabulary:
            raise ArgumentError(
                f"{self.name} was made with a vocabulary, so it cannot adapt. Leave "
                "vocabulary out, or use set_vocabulary."
            )
        array = on_host(data, self.name)
        array = array.reshape((1,) * max(0, 2 - array.ndim) + array.shape)
        keys = self.kind.keys(array)
        self._update(keys, np.full(len(array), math.prod(array.shape[1:])))

    def _update(self, keys: Any, lengths: Host) -> None:
        """Count keys, of documents that have so many each."""
        self._counts.update(self.kind.counted(keys))
        if self.output_mode != "tf_idf":
            return
        self._documents += len(lengths)
        ends = np.cumsum(lengths)
        for start, end in zip(ends - lengths, ends):
            self._seen.update(self.kind.counted(keys[start:end]).keys())

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        if self._has_input_vocabulary or not self._counts:
            return
        for token in (self.mask_token, self.oov_token):
            if token is not None:
                self._counts.pop(self.kind.keys(self.kind.array([token]))[0], None)
        ranked = sorted(self._counts.items(), key=lambda x: (x[1], x[0]), reverse=True)
        if self.max_tokens is not None:
            ranked = ranked[: self.max_tokens - self._token_start()]
        keys, weights = [key for key, _ in ranked], None
        if self.output_mode == "tf_idf":
            seen = np.array([self._seen[key] for key in keys], np.float64)
            idf = np.log(1 + self._documents / (1 + seen))
            weights = self._padded(idf, self._token_start())
        self._keep([self.kind.token(key) for key in keys], weights)
        self.reset_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._counts: Counter[Any] = Counter()
        self._seen: Counter[Any] = Counter()  # in how many documents
        self._documents = 0

    # -- looking up --------------------------------------------------------------------

    def call(self, inputs: Host) -> Host:
        """Return the places of tokens, or what the mode makes of them."""
        if self.invert:
            return self._tokens_at(inputs)
        places = self.places(self.kind.keys(inputs)).reshape(inputs.shape)
        return self.encode(places)

    def places(self, keys: Tree) -> Host:
        """Return the places of keys; in other modes than "int", -1 of masked ones."""
        found = self.kind.find(self._table, keys)
        missing = np.flatnonzero(found < 0)
        found += self._token_start()
        if self.mask_token is not None and len(missing):
            table = self.kind.table([self.mask_token])
            is_mask = self.kind.find(table, self.kind.some(keys, missing)) == 0
            found[missing[is_mask]] = 0 if self.output_mode == "int" else -1
            missing = missing[~is_mask]
        if len(missing):
            found[missing] = self._outside(keys, missing)
        return found

    def _outside(self, keys: Any, missing: Host) -> Host | int:
        """Return the places of the keys at places that are not in the vocabulary."""
        start, count = self._oov_start(), self.num_oov_indices
        if count == 1:
            return start
        outside = self.kind.some(keys, missing)
        if count == 0:
            shown = [self.kind.token(key) for key in outside[:_SHOWN]]
            raise ArgumentError(
                f"{self.name} has num_oov_indices=0, so all inputs must be in its "
                f"vocabulary; {shown} are not. Use num_oov_indices=1."
            )
        return start + self._bins(outside, count)

    def _bins(self, keys: Sequence[Any], count: int) -> Host:
        """Return a bin for each key that is not in the vocabulary."""
        texts = [key if isinstance(key, bytes) else b"%d" % key for key in keys]
        if self.salt is not None:
            found = siphash(texts, self.salt)
        else:
            found = farmhash(texts)
        return (found % np.uint64(count)).astype(np.int64)

    def _tokens_at(self, inputs: Host) -> Host:
        """Return the tokens at places."""
        tokens = [*self.get_vocabulary(), self.oov_token]
        if self._oov_start() == 0 and self.mask_token is not None:
            tokens[0] = self.mask_token
        if inputs.dtype.kind not in "iub":
            raise ArgumentError(f"Expected integers, got an array of {inputs.dtype}.")
        last = len(tokens) - 1
        places = np.where((inputs < 0) | (inputs > last), last, inputs)
        return self.kind.array(tokens)[places]

    def encode(self, places: Host) -> Host:
        """Return what the mode makes of places."""
        if self.output_mode == "int":
            return places
        weights = self.idf_weights
        mode, dtype = self.output_mode, self._float()
        if mode != "tf_idf":
            return encoded_on_host(places, mode, self._depth(), dtype)
        if weights is None:
            raise ArgumentError(f"{self.name} has no idf_weights: call adapt first.")
        counts = encoded_on_host(places, "count", self._depth(), dtype)
        return counts * weights.astype(counts.dtype, copy=False)

    def _float(self) -> str:
        """Return the dtype of what is no index."""
        return dtypes.floatx()

    def _depth(self) -> int:
        if self.pad_to_max_tokens and self.max_tokens is not None:
            return self.max_tokens
        told = None if self._tokens else self._told_size
        return self.vocabulary_size() if told is None else told

    def output_on_host(self, inputs: Tensor) -> tuple[Shape, str]:
        """Return the shape and dtype of the output."""
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        shape = encoded_shape(inputs.shape, mode, self._depth())
        return shape, self._dtype_of_output()

    def _dtype_of_output(self) -> str:
        return "int32" if self.output_mode == "int" else self._float()

    # -- configuration and files -------------------------------------------------------

    def get_config(self) -> Config:
        """Return the arguments of the constructor; a vocabulary if it was among them.

        Of another the file of a model has the tokens beside the configuration.
        """
        config = {**super().get_config(), **own_arguments(self)}
        config["oov_method"] = self.oov_method
        config["vocabulary"] = self.input_vocabulary
        config["idf_weights"] = _plain(self.input_idf_weights)
        config["vocabulary_size"] = self.vocabulary_size() if self._tokens else None
        return config

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return a layer of this configuration, which must not name a file."""
        refuse_path(config)
        return super().from_config(config)

    def get_build_config(self) -> dict[str, Any]:
        """Return nothing, as there is nothing to build."""
        return {}

    def save_own_variables(self, store: MutableMapping[str, Tensor]) -> None:
        """Put the weights of the mode "tf_idf" into a file."""
        if self.output_mode == "tf_idf" and self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Mapping[str, Host]) -> None:
        """Take the weights of the mode "tf_idf" from a file."""
        if self.output_mode == "tf_idf" and "idf_weights" in store:
            self.idf_weights = np.asarray(store["idf_weights"])

    def save_assets(self, folder: str) -> None:
        """Write a vocabulary that the configuration has not."""
        if self.input_vocabulary is None:
            write_vocabulary(Path(folder), self.get_vocabulary())

    def load_assets(self, folder: str) -> None:
        """Take the vocabulary of a file that came with the model."""
        if self.input_vocabulary is None:
            tokens = read_vocabulary(Path(folder), self.kind)
            if tokens and tokens != self._special():
                weights = self.idf_weights
                self.set_vocabulary(tokens, weights)


def _plain(weights: Any) -> Any:
    return None if weights is None else np.asarray(weights).tolist()


def _check_sizes(
    max_tokens: Any, pad_to_max_tokens: bool, num_oov_indices: int
) -> None:
    if max_tokens is not None and max_tokens <= 1:
        raise ArgumentError(f"Expected max_tokens above 1, got {max_tokens}.")
    if pad_to_max_tokens and max_tokens is None:
        raise ArgumentError("pad_to_max_tokens=True needs max_tokens.")
    if num_oov_indices < 0:
        raise ArgumentError(
            f"Expected num_oov_indices of at least 0, got {num_oov_indices}."
        )
