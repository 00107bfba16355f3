"""Images, texts and sounds in folders as data sets, against Keras."""

import wave

import keras
import numpy as np
import pytest

import multinet
from multinet import layers, utils
from multinet.errors import ArgumentError, FileError

RNG = np.random.default_rng(5)


@pytest.fixture
def images(tmp_path):
    pytest.importorskip("PIL")
    for i in range(10):
        folder = tmp_path / "ba"[i % 2]
        folder.mkdir(exist_ok=True)
        utils.save_img(folder / f"{i}.png", RNG.integers(0, 256, (12, 9, 3)))
    (tmp_path / "a" / "notes.txt").write_text("no image")
    return tmp_path


def arrays(data):
    """Return all batches, joined."""
    columns = zip(*data, strict=True)
    return [np.concatenate([np.asarray(x) for x in column]) for column in columns]


@pytest.mark.parametrize("label_mode", ["int", "binary", "categorical"])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("color_mode", ["rgb", "grayscale"])
def test_images_are_those_of_keras(images, label_mode, interpolation, color_mode):
    options = dict(
        label_mode=label_mode,
        interpolation=interpolation,
        color_mode=color_mode,
        image_size=(6, 8),
        batch_size=4,
        shuffle=False,
        verbose=False,
    )
    ours = utils.image_dataset_from_directory(images, **options)
    theirs = keras.utils.image_dataset_from_directory(str(images), **options)
    assert ours.class_names == theirs.class_names == ["a", "b"]
    assert ours.file_paths == theirs.file_paths and len(ours) == 3
    x, y = arrays(ours)
    expected_x, expected_y = arrays(theirs)
    gray = 1.01 if color_mode == "grayscale" else 1e-3  # rounded by Pillow
    np.testing.assert_allclose(x, expected_x, atol=gray)
    np.testing.assert_array_equal(y, expected_y)
    assert (x.dtype, y.dtype) == ("float32", expected_y.dtype)


@pytest.mark.parametrize("how", ["crop_to_aspect_ratio", "pad_to_aspect_ratio"])
def test_the_ratio_may_be_kept(images, how):
    options = dict(shuffle=False, verbose=False)
    read = utils.image_dataset_from_directory
    kept = read(images, image_size=(8, 8), **{how: True}, **options)
    plain = arrays(read(images, image_size=(12, 9), **options))[0]
    wanted = np.asarray(keras.ops.image.resize(plain, (8, 8), **{how: True}))
    np.testing.assert_allclose(arrays(kept)[0], wanted, atol=1e-3)


def test_the_two_subsets_share_no_file_and_are_shuffled(images):
    options = dict(validation_split=0.3, seed=4, verbose=False, batch_size=2)
    read = utils.image_dataset_from_directory
    training = read(images, subset="training", **options)
    held = read(images, subset="validation", **options)
    both = read(images, subset="both", **options)
    assert [data.file_paths for data in both] == [training.file_paths, held.file_paths]
    assert (len(training.file_paths), len(held.file_paths)) == (7, 3)
    assert not set(training.file_paths) & set(held.file_paths)
    first, second = arrays(training)[0], arrays(training)[0]
    assert not np.array_equal(first, second)
    assert np.isclose(
        np.sort(first.sum((1, 2, 3))), np.sort(second.sum((1, 2, 3)))
    ).all()


def test_a_model_trains_on_a_folder(real_backend, images):
    data = utils.image_dataset_from_directory(
        images, image_size=(6, 6), batch_size=4, verbose=False, seed=1
    ).map(lambda x, y: (x / 255, y))
    model = multinet.Sequential(
        [multinet.Input((6, 6, 3)), layers.Flatten(), layers.Dense(2)]
    )
    model.compile("sgd", multinet.losses.SparseCategoricalCrossentropy(True))
    logs = model.fit(data, epochs=2, validation_data=data, verbose=0).history
    assert len(logs["val_loss"]) == 2
    assert model.predict(data, verbose=0).shape == (10, 2)


def test_texts_are_read_and_cut(tmp_path):
    for i, text in enumerate(["one", "zwölf\r\n", "three"]):
        (tmp_path / f"{i % 2}").mkdir(exist_ok=True)
        (tmp_path / f"{i % 2}" / f"{i}.txt").write_text(text, "utf-8", newline="")
    options = dict(shuffle=False, verbose=False)
    data = utils.text_dataset_from_directory(tmp_path, **options)
    theirs = keras.utils.text_dataset_from_directory(str(tmp_path), **options)
    (texts, labels), (expected, same) = next(iter(data)), next(iter(theirs))
    assert texts.tolist() == [t.decode() for t in expected.numpy()]
    assert labels.tolist() == same.numpy().tolist()
    short = utils.text_dataset_from_directory(tmp_path, max_length=3, **options)
    assert next(iter(short))[0].tolist() == ["one", "thr", "zwö"]
    (tmp_path / "0" / "0.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="UTF-8"):
        list(data)


def sound(path, samples, width=2):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(8000)
        wide = (samples * 2.0 ** (8 * width - 1)).astype("<i4")
        if width == 1:
            wide = wide + 128
        file.writeframes(wide.reshape(-1, 1).view(np.uint8)[:, :width].tobytes())


@pytest.mark.parametrize("length", [None, 4, 20])
def test_sounds_are_those_of_keras(tmp_path, length):
    for i in range(4):
        (tmp_path / f"{i % 2}").mkdir(exist_ok=True)
        samples = RNG.uniform(-1, 0.99, (8 + i, 1))
        sound(tmp_path / f"{i % 2}" / f"{i}.wav", samples)
    options = dict(output_sequence_length=length, shuffle=False, verbose=False)
    ((x, y),) = utils.audio_dataset_from_directory(tmp_path, **options)
    ((wanted, labels),) = keras.utils.audio_dataset_from_directory(
        str(tmp_path), **options
    )
    np.testing.assert_allclose(x, wanted.numpy(), atol=1e-6)
    np.testing.assert_array_equal(y, labels.numpy())


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_samples_of_every_width_are_read(tmp_path, width):
    samples = RNG.uniform(-1, 0.99, (16, 2))
    sound(tmp_path / "a.wav", samples, width)
    (x,) = utils.audio_dataset_from_directory(tmp_path, labels=None, verbose=False)
    np.testing.assert_allclose(x[0], samples, atol=2.0 ** (2 - 8 * width) + 1e-7)


def test_sounds_are_resampled(tmp_path):
    time = np.arange(800)[:, None] / 8000
    sound(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 100 * time))
    options = dict(labels=None, sampling_rate=16000, verbose=False)
    (x,) = utils.audio_dataset_from_directory(tmp_path, **options)
    wanted = 0.5 * np.sin(2 * np.pi * 100 * np.arange(1600) / 16000)
    np.testing.assert_allclose(x[0, 100:-100, 0], wanted[100:-100], atol=5e-3)


@pytest.mark.parametrize(
    "options, said",
    [
        (dict(labels="other"), "inferred"),
        (dict(labels=[0, 1]), "each of the 10"),
        (dict(labels=[0] * 10, class_names=["a"]), "class_names"),
        (dict(class_names=["a", "c"]), "folders"),
        (dict(label_mode="other"), "label_mode"),
        (dict(labels=[0, 1, 2, 0, 1, 2, 0, 1, 2, 0], label_mode="binary"), "two"),
        (dict(validation_split=2, subset="both"), "validation_split"),
        (dict(validation_split=0.2), "together"),
        (dict(subset="training"), "together"),
        (dict(validation_split=0.2, subset="other"), "subset"),
        (dict(validation_split=0.2, subset="training"), "seed"),
        (dict(validation_split=0.01, subset="both", seed=1), "leaves none"),
        (dict(format="other"), "format"),
        (dict(color_mode="cmyk"), "color_mode"),
        (dict(crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), "both"),
    ],
)
def test_what_makes_no_sense_is_told(images, options, said):
    with pytest.raises(ArgumentError, match=said):
        utils.image_dataset_from_directory(images, verbose=False, **options)


def test_a_folder_without_files_is_told(tmp_path):
    for read in (utils.image_dataset_from_directory, utils.text_dataset_from_directory):
        with pytest.raises(ArgumentError, match="No .* files found"):
            read(tmp_path)
    with pytest.raises(ArgumentError, match="Expected a folder"):
        utils.audio_dataset_from_directory(tmp_path / "none")
    with pytest.raises(ArgumentError, match="ragged"):
        utils.audio_dataset_from_directory(tmp_path, ragged=True)
