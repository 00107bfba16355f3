"""Tell the language of a recorded sentence, by a spectrogram inside of the model.

The recordings are the prompts of the telephone exchange Asterisk, at 8 kHz:

    apt-get install asterisk-core-sounds-{en,es,fr,it}-wav

(by A. Smith, J. Wallack, C. Flora and others; CC BY-SA 3.0). If they stand in another
folder, give it as `--sounds FOLDER`: each folder in it is a language. All prompts of a
language are by one voice, so that most of what is learned may be whose voice it is and
not which language: only English and Spanish, both by Allison Smith, must be told apart
by what is said. Run it on a backend with, say,
`MULTINET_BACKEND=tensorflow python examples/speech.py`.
"""

import argparse
import sys
import wave
from pathlib import Path

import numpy as np
import plots

import multinet
from multinet import layers

RATE, LENGTH = 8000, 8192  # samples a second, and of a clip: one second


def clip(path: Path) -> np.ndarray | None:
    """Return the loudest second of a recording, of loudness 1; None if it is short."""
    with wave.open(str(path)) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    if len(sound) < LENGTH or np.std(sound) < 1e-3:
        return None
    power = np.cumsum(np.square(sound))
    first = np.argmax(power[LENGTH - 1 :] - power[: len(power) - LENGTH + 1])
    loudest = sound[first : first + LENGTH]
    return (loudest / np.std(loudest)).astype("float32")


def read(folder: Path, count: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return clips (n, 8192), their languages as numbers, and the names of these."""
    folders = sorted(
        {p.parent for p in folder.glob("*/*.wav") if not p.parent.is_symlink()}
    )
    if len(folders) < 2:
        sys.exit(
            f"There are no recordings in {folder}. "
            "Get them with: apt-get install asterisk-core-sounds-{en,es,fr,it}-wav"
        )
    draw = np.random.default_rng(1)
    sounds, languages = [], []
    for number, path in enumerate(folders):
        files = draw.permutation(sorted(map(str, path.rglob("*.wav"))))
        clips = [made for made in map(clip, files) if made is not None][:count]
        sounds += clips
        languages += [number] * len(clips)
    order = draw.permutation(len(sounds))
    names = [path.name for path in folders]
    return np.array(sounds)[order], np.array(languages)[order], names


def network(languages: int) -> multinet.Model:
    """Return a model from sound to the probability of each language."""
    return multinet.Sequential(
        [
            multinet.Input((LENGTH,)),
            layers.MelSpectrogram(
                fft_length=256,
                sequence_stride=128,
                sampling_rate=RATE,
                num_mel_bins=40,
                min_freq=60,
                max_freq=4000,
                name="spectrogram",
            ),
            layers.Rescaling(1 / 40),  # of decibels
            layers.Permute((2, 1)),  # times first, frequencies as channels
            layers.Conv1D(48, 5, activation="relu"),
            layers.MaxPooling1D(2),
            layers.Conv1D(48, 5, activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.Dropout(0.3),
            layers.Dense(languages, activation="softmax"),
        ]
    )


def main() -> None:
    """Train on four clips of five, and test on the others."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sounds", type=Path, default="/usr/share/asterisk/sounds")
    parser.add_argument("--samples", type=int, default=300, help="clips a language")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--plot", type=Path, default="speech.png")
    options = parser.parse_args()
    multinet.set_random_seed(1)

    sounds, languages, names = read(options.sounds, options.samples)
    fifth = len(sounds) // 5
    model = network(len(names))
    model.compile(
        multinet.optimizers.Adam(2e-3),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(sounds[fifth:], languages[fifth:], epochs=options.epochs, verbose=2)
    test, answers = sounds[:fifth], languages[:fifth]
    guesses = model.predict(test, verbose=0).argmax(axis=-1)
    print(f"{np.mean(guesses == answers):.1%} of {fifth} clips: {', '.join(names)}")
    print("One voice a language: part of this is who speaks, not what is spoken.")
    confusion = np.zeros((len(names), len(names)))
    np.add.at(confusion, (answers, guesses), 1)
    examples = [test[np.argmax(answers == i)] for i in range(len(names))]
    pictures = model.get_layer("spectrogram")(np.array(examples))
    draw(multinet.ops.convert_to_numpy(pictures), confusion, names, options.plot)


def draw(pictures, confusion: np.ndarray, names: list[str], path: Path) -> None:
    """Draw what the model sees of a clip of each language, and the confusions."""
    count = len(names)
    figure, panels = plots.figure(
        1, count + 1, width=2.8, height=3, width_ratios=[1] * count + [1.5]
    )
    for axes, picture, name in zip(panels, pictures, names):
        axes.imshow(picture, origin="lower", aspect="auto", extent=(0, 1.02, 0, 40))
        axes.set(title=name, xlabel="seconds", yticks=[])
        axes.grid(False)
    panels[0].set_ylabel("frequency, mel")
    last = panels[-1]
    last.imshow(confusion, cmap="Purples")
    for (row, column), clips in np.ndenumerate(confusion):
        color = "white" if clips > confusion.max() / 2 else "#444"
        last.text(column, row, int(clips), ha="center", va="center", c=color)
    short = [name[:5] for name in names]
    last.set(title="Test clips: row taken for column", xticks=range(count))
    last.set(xticklabels=short, yticks=range(count), yticklabels=short)
    last.grid(False)
    plots.save(figure, path)


if __name__ == "__main__":
    main()
