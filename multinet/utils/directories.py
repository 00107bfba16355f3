"""Files in folders as data sets: which there are, their labels, and the two subsets."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multinet import philox
from multinet.checks import number, shown
from multinet.config import is_interactive_logging_enabled
from multinet.errors import ArgumentError
from multinet.random import host
from multinet.seeds import key_of
from multinet.typing import Host, Seed, Tree
from multinet.utils.batching import Dataset, from_items, stacked

_MODES = ("int", "categorical", "binary", None)
_SUBSETS = ("training", "validation", "both", None)


@dataclass
class Files:
    """Paths, their labels (None without), and the names of the classes."""

    paths: list[str]
    labels: list[int] | None
    class_names: list[str] | None

    def take(self, places: Sequence[int] | Host) -> Files:
        """Return the files at some places."""
        labels = None if self.labels is None else [self.labels[i] for i in places]
        return Files([self.paths[i] for i in places], labels, self.class_names)


@dataclass
class Folder:
    """What all the functions `..._dataset_from_directory` take."""

    directory: str | os.PathLike[str]
    labels: str | Sequence[int] | None
    label_mode: str | None
    class_names: Sequence[str] | None
    batch_size: int | None
    shuffle: bool
    seed: Seed
    validation_split: float | None
    subset: str | None
    follow_links: bool
    verbose: bool

    def datasets(
        self,
        what: str,
        suffixes: Sequence[str],
        read: Callable[[str], Tree],
        stack: Callable[[list[Tree]], Tree] = stacked,
    ) -> Tree:
        """Return the data set of a subset of the files, or two for "both"."""
        self._check()
        found = self._found(what, suffixes)
        if self.label_mode == "binary" and len(found.class_names or ()) != 2:
            raise ArgumentError(
                "Expected two classes for label_mode='binary', got "
                f"{found.class_names}."
            )
        if self.shuffle:
            # The order of a seed, so that both subsets are of one.
            seed = 0 if self.seed is None else self.seed
            key = philox.fold_in(key_of(seed), len(found.paths))
            found = found.take(host.permutation(key, len(found.paths)))
        made = [self._dataset(part, read, stack) for part in self._subsets(found, what)]
        return made[0] if len(made) == 1 else tuple(made)

    def _check(self) -> None:
        if self.label_mode not in _MODES:
            raise ArgumentError(
                "Expected label_mode to be 'int', 'categorical', 'binary' or None, "
                f"got {shown(self.label_mode)}."
            )
        if isinstance(self.labels, str) and self.labels != "inferred":
            raise ArgumentError(
                "Expected labels to be 'inferred', a list of numbers or None, got "
                f"{self.labels!r}."
            )
        if self.class_names is not None and self.labels != "inferred":
            raise ArgumentError(
                "Expected class_names only where labels='inferred': they name folders."
            )
        if self.subset not in _SUBSETS:
            raise ArgumentError(
                "Expected subset to be 'training', 'validation', 'both' or None, got "
                f"{shown(self.subset)}."
            )
        if self.validation_split:
            number(self.validation_split, "validation_split", above=0, below=1)
        if bool(self.validation_split) != (self.subset is not None):
            raise ArgumentError(
                "Expected validation_split and subset together, got "
                f"validation_split={self.validation_split}, subset={self.subset!r}."
            )
        apart = self.subset in ("training", "validation")
        if apart and self.shuffle and self.seed is None:
            raise ArgumentError(
                "Expected a seed, so that the two subsets share no file: pass the same "
                "seed for both, or shuffle=False, or subset='both'."
            )

    def _found(self, what: str, suffixes: Sequence[str]) -> Files:
        root = Path(self.directory)
        if not root.is_dir():
            raise ArgumentError(f"Expected a folder, got {root}.")
        inferred = self.labels == "inferred" and self.label_mode is not None
        if not inferred:
            paths = self._walk(root, suffixes)
            files = Files(paths, *self._given_labels(len(paths)))
        else:
            names = self._classes(root)
            parts = [self._walk(root / name, suffixes) for name in names]
            labels = [i for i, part in enumerate(parts) for _ in part]
            files = Files([path for part in parts for path in part], labels, names)
        if not files.paths:
            raise ArgumentError(
                f"No {what} files found in {root}. Expected files ending in "
                f"{', '.join(suffixes)}."
            )
        classes = f" of {len(files.class_names)} classes" if files.class_names else ""
        self._tell(f"Found {len(files.paths)} files{classes}.")
        return files

    def _classes(self, root: Path) -> list[str]:
        folders = (path for path in root.iterdir() if path.is_dir())
        names = sorted(path.name for path in folders if not path.name.startswith("."))
        if self.class_names is None:
            return names
        if sorted(self.class_names) != names:
            raise ArgumentError(
                f"Expected class_names to be those of the folders, {names}, got "
                f"{list(self.class_names)}."
            )
        return list(self.class_names)

    def _given_labels(self, count: int) -> tuple[list[int] | None, list[str] | None]:
        if self.labels is None or self.label_mode is None:
            return None, None
        labels = [int(label) for label in self.labels]
        if len(labels) != count:
            raise ArgumentError(
                f"Expected a label for each of the {count} files, got {len(labels)}."
            )
        return labels, [str(label) for label in sorted(set(labels))]

    def _walk(self, folder: Path, suffixes: Sequence[str]) -> list[str]:
        found = []
        for place, folders, files in os.walk(folder, followlinks=self.follow_links):
            folders.sort()
            names = (n for n in sorted(files) if n.lower().endswith(tuple(suffixes)))
            found += [os.path.join(place, name) for name in names]
        return found

    def _subsets(self, files: Files, what: str) -> list[Files]:
        if not self.validation_split:
            return [files]
        count = len(files.paths)
        cut = count - int(self.validation_split * count)
        parts = {"training": range(cut), "validation": range(cut, count)}
        kinds = [k for k in parts if self.subset in (k, "both")]
        for kind in kinds:
            self._tell(f"Using {len(parts[kind])} files for {kind}.")
            if not parts[kind]:
                raise ArgumentError(
                    f"No {what} files found for {kind}: validation_split="
                    f"{self.validation_split} of {count} files leaves none."
                )
        return [files.take(parts[kind]) for kind in kinds]

    def _dataset(
        self, files: Files, read: Callable[[str], Tree], stack: Callable[..., Tree]
    ) -> Dataset:
        labels, names = files.labels, files.class_names
        classes = len(names or ())

        def item(index: int) -> Tree:
            content = read(files.paths[index])
            if labels is None:
                return content
            return content, _label(labels[index], self.label_mode, classes)

        return from_items(
            len(files.paths),
            item,
            batch_size=self.batch_size,
            shuffle=self.shuffle,
            seed=self.seed,
            stack=stack,
            class_names=names,
            file_paths=files.paths,
        )

    def _tell(self, text: str) -> None:
        if self.verbose and is_interactive_logging_enabled():
            print(text)


def _label(label: int, mode: str | None, classes: int) -> Any:
    if mode == "int":
        return np.int32(label)
    if mode == "binary":
        return np.array([label], "float32")
    return np.eye(classes, dtype="float32")[label]
