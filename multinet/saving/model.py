"""Models in files: the `.keras` archive of Keras, written and read."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from multinet.errors import ArgumentError, FileError, NoFile
from multinet.objects.registration import CustomObjectScope
from multinet.objects.serialization import from_data, to_shared_data
from multinet.objects.sharing import ObjectSharing
from multinet.optimizers import LossScaleOptimizer
from multinet.saving import atomic, legacy, legacy_writing
from multinet.saving.archive import (
    ASSETS,
    CONFIG,
    METADATA,
    WEIGHTS,
    Folder,
    NewArchive,
    NewFolder,
    NewZip,
    ZipArchive,
    is_inside,
)
from multinet.saving.hdf5 import Reader, Writer
from multinet.saving.json import read_json
from multinet.saving.keras2 import is_old, upgrade
from multinet.saving.layout import places
from multinet.saving.old_optimizers import read_optimizer
from multinet.saving.safetensors import index_of
from multinet.saving.streams import MEMBER, set_streams, streams_of
from multinet.saving.tensors import load_tensors
from multinet.saving.weights import load_state, open_weights, write_state
from multinet.tracebacks import shortening
from multinet.typing import AnyModel, Made

#: The version of Keras whose format this is.
FORMAT = "3.15.1"
#: How the name of a model's file ends.
MODEL = ".keras"
_HDF5 = (".h5", ".hdf5")


@shortening
def save_model(
    model: AnyModel,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    zipped: bool | None = None,
    **options: Any,
) -> None:
    """Write a model to a `.keras` file: architecture, weights, and what compile got.

    The file is whole or not there. `zipped=False` writes a folder instead. Keras
    3.15.1 reads both. A name that ends in `.h5` or `.hdf5` asks for the format of
    Keras 2 as Keras 3 writes it, where `include_optimizer=False` leaves out what
    compile got; a warning tells that `.keras` holds more. The name tells the format, so
    other options are refused.
    """
    path = atomic.local(filepath)
    is_hdf5 = path.suffix in _HDF5 and zipped is not False
    include_optimizer = options.pop("include_optimizer", True) if is_hdf5 else True
    if options:
        raise ArgumentError(
            f"save_model got unknown arguments {sorted(options)}. The format is told "
            "by the name of the file: .keras, or .h5, which takes include_optimizer."
        )
    if zipped is None:
        zipped = path.suffix != ""
    if not is_hdf5 and zipped != path.name.endswith(MODEL):
        raise ArgumentError(_name_hint(path, zipped))
    atomic.refuse_existing(path, overwrite)
    if not getattr(model, "built", True):
        warnings.warn(
            f"{model.name} is not built, so the file has no weights of it. Call it on "
            "data first.",
            stacklevel=2,
        )
    if is_hdf5:
        _warn_of_hdf5(path)
        legacy_writing.save_model(model, path, FORMAT, bool(include_optimizer))
        return
    if not zipped:
        with atomic.replacing_folder(path) as new:
            _write_members(model, NewFolder(new))
        return
    with atomic.replacing(path) as new, NewZip(new) as archive:
        _write_members(model, archive)


def _name_hint(path: Path, zipped: bool) -> str:
    if zipped:
        return (
            "Expected the name of a model's file to end in .keras, or in .h5, got "
            f"{path.name}."
        )
    return f"With zipped=False a folder is written, and {path.name} names a file."


def _warn_of_hdf5(path: Path) -> None:
    warnings.warn(
        f"{path.name} is in the format of Keras 2, which has neither assets nor the "
        "states of random generators. Name the file .keras to keep them.",
        stacklevel=3,
    )


def _write_members(model: AnyModel, archive: NewArchive) -> None:
    config = to_shared_data(model)
    saved = {"keras_version": FORMAT, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S")}
    archive.text(METADATA, json.dumps(saved))
    written = json.dumps(config)
    if '"__lambda__"' in written:
        warnings.warn(
            "The model has a Lambda layer of a lambda. That is code, which is not "
            "written: to load the model give the function by custom_objects="
            "{'name of the layer': function}, or define it with def and register it.",
            stacklevel=2,
        )
    archive.text(CONFIG, written)
    archive.text(MEMBER, json.dumps(streams_of(model)))
    with archive.opened(WEIGHTS) as member, Writer(member) as writer:
        write_state(model, writer)
    for path, part in places(model):
        if hasattr(part, "save_assets"):
            with tempfile.TemporaryDirectory() as made:
                part.save_assets(made)
                for file in sorted(x for x in Path(made).rglob("*") if x.is_file()):
                    inner = file.relative_to(made)
                    archive.copied((Path(ASSETS) / path / inner).as_posix(), file)


@shortening
def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Made:
    """Return the model of a file: `.keras` or `.h5`, of Multinet or Keras, 2 or 3.

    `filepath` may also be a folder, of `save(zipped=False)`. `custom_objects` maps
    names to the program's classes and functions, which must be there or registered:
    reading never imports a module and never runs code of the file. So `safe_mode`
    changes nothing, and False is refused. With `compile=False` the model is not
    compiled.

    `FileError` for a file that is damaged or made to do harm, `ArgumentError` for a
    class that is not known.

    >>> multinet.Sequential([multinet.Input((4,)), layers.Dense(2)]).save("small.keras")
    >>> multinet.saving.load_model("small.keras").output_shape
    (None, 2)
    """
    refuse_unsafe(safe_mode)
    path = atomic.local(filepath)
    if not path.exists():
        raise NoFile(f"There is no file {path}.")
    if path.suffix in _HDF5:
        return legacy.load_model(path, custom_objects, compile)
    if path.is_file() and not path.name.endswith(MODEL):
        raise ArgumentError(
            f"Expected a .keras file, a folder of one, or a .h5 file, got {path.name}."
        )
    with Folder(path) if path.is_dir() else ZipArchive(path) as archive:
        return _read(archive, path.name, custom_objects, compile)


def _read(archive: Any, name: str, custom_objects: Any, compile: bool) -> Any:
    config = read_json(archive.text(CONFIG), CONFIG)
    if not isinstance(config, dict) or "class_name" not in config:
        raise FileError(f"{CONFIG} of {name} does not describe a model.")
    if not compile:
        config.pop("compile_config", None)
    with CustomObjectScope(custom_objects), ObjectSharing():
        model = legacy.made_of(lambda: _made(config), name)
    with archive.opened(WEIGHTS) as member, Reader(member, WEIGHTS) as reader:
        if is_old(config):
            _read_of_keras_2(model, reader, name)
        else:
            _scale_as_saved(model, reader)
            load_state(model, reader, name)
    if MEMBER in archive.names():
        set_streams(model, read_json(archive.text(MEMBER), MEMBER))
    _read_assets(archive, model)
    return model


def _made(config: dict[str, Any]) -> Any:
    return from_data(upgrade(config) if is_old(config) else config)


def _read_of_keras_2(model: Any, reader: Reader, name: str) -> None:
    """Read the weights, and the state of an optimizer, which lacks the rate there."""
    optimizer, saved = getattr(model, "optimizer", None), reader.entry("optimizer")
    load_state(model, reader, name, objects_to_skip=[optimizer])
    if optimizer is not None and saved is not None:
        arrays = [saved.dataset(str(i)) for i in range(len(saved))]
        read_optimizer(optimizer, arrays, name)


def _scale_as_saved(model: Any, reader: Reader) -> None:
    """Scale the loss where the file has the state of an optimizer that did.

    Keras's configuration has the optimizer that `compile` was given, and not that the
    policy of the program put it into another.
    """
    inner = getattr(model, "optimizer", None)
    if inner is None or isinstance(inner, LossScaleOptimizer):
        return
    if reader.entry("optimizer/inner_optimizer") is not None:
        model.optimizer = LossScaleOptimizer(inner, name="loss_scale_optimizer")
        model.optimizer.build(model.trainable_variables)


def _read_assets(archive: Any, model: Any) -> None:
    """Hand each part a folder with the files that it saved, and nothing else."""
    names = [name for name in archive.names() if name.startswith(f"{ASSETS}/")]
    if not names:
        return
    for path, part in places(model):
        prefix = f"{ASSETS}/{path}/" if path else f"{ASSETS}/"
        own = [n for n in names if n.startswith(prefix) and "/" not in n[len(prefix) :]]
        if own and hasattr(part, "load_assets"):
            with tempfile.TemporaryDirectory() as made:
                for name in own:
                    _copy(archive, name, Path(made))
                part.load_assets(made)


def _copy(archive: Any, name: str, folder: Path) -> None:
    last = name.rpartition("/")[2]
    assert is_inside(last), "the archive was checked when it was opened"
    (folder / last).write_bytes(archive.text(name))


@shortening
def load_weights(
    model: AnyModel,
    filepath: str | os.PathLike[str],
    skip_mismatch: bool = False,
    **options: Any,
) -> None:
    """Give a model the weights of a file, all of them or none.

    The file is a `.weights.h5`, a `.weights.json` with its shards, a `.keras` file, a
    `.safetensors` file in the `layout` "keras" or "torch", or a `.h5` of Keras 2, there
    with `by_name=True` layer by layer under the same names.
    With `skip_mismatch` what does not fit stays as it is, and a warning lists it.
    `objects_to_skip`, of a `.weights` file, are parts of the model that are left out.
    """
    path = atomic.local(filepath)
    by_name = options.pop("by_name", None)
    left = options.pop("objects_to_skip", None)
    layout = options.pop("layout", "keras")
    if options:
        raise ArgumentError(f"load_weights got unknown arguments {sorted(options)}.")
    if not path.exists() and not index_of(path).exists():
        raise NoFile(f"There is no file {path}.")
    if left is not None and not path.name.endswith((".weights.h5", ".weights.json")):
        raise ArgumentError(
            f"objects_to_skip is for .weights.h5 and .weights.json files, and "
            f"{path.name} is none."
        )
    if path.suffix == ".safetensors":
        _check_built(model, path)
        load_tensors(model, path, layout, skip_mismatch)
        return
    if path.suffix in _HDF5 and not path.name.endswith(".weights.h5"):
        legacy.load_weights(model, path, bool(by_name), skip_mismatch)
        return
    if by_name:
        raise ArgumentError(
            f"by_name=True is for .h5 files of Keras 2; {path.name} has Keras's paths."
        )
    _check_built(model, path)
    with contextlib.ExitStack() as stack:
        reader = _reader(path, stack)
        load_state(model, reader, path.name, skip_mismatch, left or ())


def _reader(path: Path, stack: contextlib.ExitStack) -> Any:
    """Return what reads the weights of a file, open until the stack is left."""
    if path.name.endswith(MODEL):
        archive = stack.enter_context(ZipArchive(path))
        member = stack.enter_context(archive.opened(WEIGHTS))
        return stack.enter_context(Reader(member, path.name))
    if path.name.endswith((".weights.h5", ".weights.json")):
        return stack.enter_context(open_weights(path))
    raise ArgumentError(
        f"Expected a file .weights.h5, .weights.json, .safetensors, .keras or .h5, got "
        f"{path.name}."
    )


def _check_built(model: Any, path: Path) -> None:
    if not getattr(model, "built", True):
        raise FileError(
            f"{model.name} is not built, so it has no weights for {path.name}. Call it "
            "on data or build it first."
        )


def refuse_unsafe(safe_mode: bool) -> None:
    """Raise unless reading is to be safe, as it always is."""
    if not safe_mode:
        raise ArgumentError(
            "safe_mode=False is not supported: reading a file never runs code that "
            "came with it. Pass the classes and functions that it needs as "
            "custom_objects={'name': ...}, or register them."
        )
