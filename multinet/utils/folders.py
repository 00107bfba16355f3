"""image_, text_ and audio_dataset_from_directory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import ops
from multinet.checks import flag, one_of, shown, whole
from multinet.config import standardize_data_format
from multinet.errors import ArgumentError, FileError
from multinet.registry import use_backend
from multinet.tracebacks import shortening
from multinet.typing import Host, Seed, Tree
from multinet.utils.batching import check_format, stacked
from multinet.utils.directories import Folder
from multinet.utils.images import img_to_array, load_img

_IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


@shortening
def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: Seed = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Tree:
    """Return the images in folders, one a class, as batches of floats in 0...255.

    They are (batch, height, width, channels) of `image_size`, with labels by
    `label_mode`: int32 (batch,), "binary" (batch, 1) or "categorical" (batch, classes)
    in float32; none for labels=None or label_mode=None. `subset="both"` returns two
    data sets. They have `class_names` and `file_paths`. Reading needs Pillow.
    """
    check_format(format)
    folder = Folder(
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        flag(shuffle, "shuffle"),
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
    )
    one_of(color_mode, "color_mode", ("rgb", "rgba", "grayscale"))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError(
            "Expected crop_to_aspect_ratio or pad_to_aspect_ratio, got both."
        )
    size = tuple(whole(side, "each of image_size") for side in image_size)
    options: dict[str, Any] = dict(
        interpolation=interpolation,
        crop_to_aspect_ratio=crop_to_aspect_ratio,
        pad_to_aspect_ratio=pad_to_aspect_ratio,
        data_format="channels_last",
    )
    first = standardize_data_format(data_format) == "channels_first"

    def read(path: str) -> Host:
        array = img_to_array(load_img(path, color_mode), "channels_last", "float32")
        if array.shape[:2] != size:
            with use_backend("numpy"):
                array = ops.convert_to_numpy(ops.image.resize(array, size, **options))
        return array.transpose(2, 0, 1) if first else array

    return folder.datasets("image", _IMAGES, read)


@shortening
def text_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: Seed = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Tree:
    """Return the texts (.txt, UTF-8) in folders, one a class, as arrays of strings.

    A text is cut after `max_length` letters. The rest is as in
    `image_dataset_from_directory`.
    """
    check_format(format)
    folder = Folder(
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        flag(shuffle, "shuffle"),
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
    )
    if max_length is not None:
        whole(max_length, "max_length")

    def read(path: str) -> str:
        with open(path, encoding="utf-8", newline="") as file:
            try:
                return file.read(-1 if max_length is None else max_length)
            except UnicodeDecodeError as error:
                raise FileError(f"{path} is no text in UTF-8: {error}") from error

    return folder.datasets("text", (".txt",), read)


@shortening
def audio_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: Seed = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Tree:
    """Return the sounds (.wav) in folders, one a class: (batch, samples, channels).

    They are floats in -1...1, cut or filled with zeros to `output_sequence_length`, or
    to the longest of their batch. `sampling_rate` resamples by SciPy. The rest is as in
    `image_dataset_from_directory`.
    """
    if sampling_rate is not None:
        whole(sampling_rate, "sampling_rate")
    if ragged:
        raise ArgumentError(
            "Expected ragged=False: there are no ragged tensors. Without it sounds are "
            "filled with zeros to the longest of their batch."
        )
    length = output_sequence_length
    if length is not None:
        whole(length, "output_sequence_length")
    folder = Folder(
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        flag(shuffle, "shuffle"),
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
    )

    def read(path: str) -> Host:
        sound = _sound(path, sampling_rate)
        return sound if length is None else _filled(sound, length)

    return folder.datasets("audio", (".wav",), read, _stack_sounds)


def _sound(path: str, rate: int | None) -> Host:
    """Return a file as (samples, channels) in -1...1."""
    import wave  # here, as few need it

    try:
        with wave.open(path, "rb") as file:
            width, channels = file.getsampwidth(), file.getnchannels()
            own, data = file.getframerate(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise FileError(f"{path} is no sound of PCM samples: {error}") from error
    if width == 1:  # unsigned
        sound = np.frombuffer(data, np.uint8).astype("float32") / 128 - 1
    else:
        # Little-endian samples of any width, as the high bytes of int32.
        whole_samples = len(data) // width
        wide = np.zeros((whole_samples, 4), np.uint8)
        bytes_of = np.frombuffer(data, np.uint8, whole_samples * width)
        wide[:, 4 - width :] = bytes_of.reshape(-1, width)
        sound = (wide.view("<i4")[:, 0] / 2.0**31).astype("float32")
    sound = sound[: len(sound) // channels * channels].reshape(-1, channels)
    return sound if rate in (None, own) else _resampled(sound, own, rate)


def _resampled(sound: Host, own: int, rate: int | None) -> Host:
    try:
        from scipy.signal import resample_poly  # optional
    except ImportError as error:
        raise ImportError(
            f"A sampling_rate of {shown(rate)} other than that of the files, {own}, "
            "needs SciPy, which is not installed: pip install scipy"
        ) from error
    return resample_poly(sound, rate, own, axis=0).astype("float32")


def _filled(sound: Host, length: int) -> Host:
    missing = max(0, length - len(sound))
    return np.pad(sound[:length], ((0, missing), (0, 0)))


def _stack_sounds(items: list[Tree]) -> Tree:
    pairs = isinstance(items[0], tuple)
    sounds = [item[0] if pairs else item for item in items]
    longest = max(map(len, sounds))
    sounds = [_filled(sound, longest) for sound in sounds]
    if not pairs:
        return stacked(sounds)
    return stacked([(a, item[1]) for a, item in zip(sounds, items, strict=True)])
