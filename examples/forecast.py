"""Forecast the carbon dioxide in the air of Mauna Loa, six months ahead.

The weekly measurements since 1958 are of the Scripps Institution of Oceanography, in
the public domain, and come with statsmodels: `pip install statsmodels`, or
`pip download --no-deps statsmodels` and the name of that file as `--data`. Run it on a
backend with, say, `MULTINET_BACKEND=jax python examples/forecast.py`.
"""

import argparse
import csv
import importlib.util
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import plots

import multinet
from multinet import layers

PAST, AHEAD, EACH = 104, 26, 2  # weeks: seen, forecast, and between two seen


def read(path: Path | None) -> np.ndarray:
    """Return the measurements, a week each; weeks without one are drawn through."""
    found = importlib.util.find_spec("statsmodels")
    if path is None and found:
        path = Path(found.origin).parent / "datasets/co2/co2.csv"
    if path is None or not path.exists():
        sys.exit(f"There is no {path or 'data'}. Get it with: pip install statsmodels")
    if path.suffix == ".whl":
        text = zipfile.ZipFile(path).read("statsmodels/datasets/co2/co2.csv").decode()
    else:
        text = path.read_text()
    rows = list(csv.reader(io.StringIO(text)))[1:]
    values = np.array([float(row[1] or "nan") for row in rows])
    weeks = np.arange(len(values))
    known = ~np.isnan(values)
    return np.interp(weeks, weeks[known], values[known])


def windows(values: np.ndarray, shuffle: bool):
    """Return a data set of what was seen (n, 52, 1) and what came then (n, 26)."""
    first = PAST - EACH + 1
    ahead = np.lib.stride_tricks.sliding_window_view(values[first:], AHEAD)
    return multinet.utils.timeseries_dataset_from_array(
        values[: first + len(ahead) - 1, None].astype("float32"),
        ahead.astype("float32"),
        sequence_length=PAST // EACH,
        sampling_rate=EACH,
        batch_size=64,
        shuffle=shuffle,
        seed=1,
    )


def network(typical: float) -> multinet.Model:
    """Return a model that forecasts how far it goes from the last week it sees."""
    seen = multinet.Input((PAST // EACH, 1))
    last = seen[:, -1]
    x = layers.GRU(32)((seen - last[:, None]) / typical)
    change = layers.Dense(AHEAD)(x) * typical
    return multinet.Model(seen, last + change)


def main() -> None:
    """Train on all but the last ten years, forecast those."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="co2.csv, or a wheel of statsmodels")
    parser.add_argument("--samples", type=int, help="weeks to use; all by default")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--plot", type=Path, default="forecast.png")
    options = parser.parse_args()
    multinet.set_random_seed(1)

    values = read(options.data)[: options.samples]
    end = max(len(values) - 520, len(values) * 2 // 3)
    model = network(typical=values[:end].std() / 5)
    rate = multinet.optimizers.schedules.CosineDecay(1e-2, 27 * options.epochs)
    model.compile(multinet.optimizers.Adam(rate), "mse", metrics=["mae"])
    model.fit(windows(values[:end], shuffle=True), epochs=options.epochs, verbose=2)

    recent = values[end - PAST :]
    forecast = model.predict(windows(recent, shuffle=False), verbose=0)
    truth, simple = (np.empty_like(forecast) for _ in range(2))
    for i in range(len(forecast)):
        now = i + PAST - EACH
        truth[i] = recent[now + 1 : now + 1 + AHEAD]
        # What one would say without a network: like last year, plus a year's growth.
        growth = recent[now] - recent[now - 52]
        simple[i] = recent[now - 51 : now - 51 + AHEAD] + growth
    errors = {
        "the network": np.abs(forecast - truth).mean(axis=0),
        "last year plus growth": np.abs(simple - truth).mean(axis=0),
    }
    for name, error in errors.items():
        print(f"{AHEAD} weeks ahead, {name}: {error.mean():.2f} ppm off on average")
    draw(recent, forecast, errors, options.plot)


def draw(recent, forecast, errors, path: Path) -> None:
    """Draw each half year's forecast over what was measured, and the errors."""
    figure, (left, right) = plots.figure(
        columns=2, width=5.5, height=3.8, width_ratios=[2, 1]
    )
    weeks = np.arange(len(recent))
    left.plot(weeks, recent, c="#bbb", lw=3, label="measured")
    for i in range(0, len(forecast), AHEAD):
        when = i + PAST - EACH + np.arange(AHEAD + 1)
        line = np.concatenate([[recent[when[0]]], forecast[i]])
        left.plot(when, line, c=plots.COLORS[1], label="forecast" if i == 0 else None)
        left.plot(when[0], line[0], ".", c=plots.COLORS[1])
    left.set(title="CO2 at Mauna Loa, ppm, weeks; a dot is where a forecast begins")
    left.legend(loc="upper left")
    for (name, error), color in zip(errors.items(), plots.COLORS[1::-1]):
        right.plot(np.arange(1, AHEAD + 1), error, label=name, c=color)
    right.set(title="Error, ppm", xlabel="weeks ahead", ylim=(0, None))
    right.legend()
    plots.save(figure, path)


if __name__ == "__main__":
    main()
