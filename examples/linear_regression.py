"""Linear regression: the course of diabetes, from ten measurements of 442 patients.

`Dense(1)` on normalized columns is the whole model. What gradient descent finds is
compared with what least squares says in one line of NumPy.

Data: Efron et al., "Least angle regression", 2004, as scikit-learn brings them.
"""

import argparse

import numpy as np
import plots
from sklearn.datasets import load_diabetes

import multinet
from multinet import layers

NAMES = ["age", "sex", "BMI", "pressure", "cholesterol", "LDL", "HDL", "ratio"]
NAMES += ["triglycerides", "glucose"]


def draw(path, losses, least, found, exact, y, predicted):
    """Draw the training, the weights, and predictions for patients not trained on."""
    figure, (left, middle, right) = plots.figure(1, 3)
    error = np.sqrt(losses)
    left.plot(range(1, len(error) + 1), error, label="gradient descent")
    left.axhline(least**0.5, ls="--", color=plots.COLORS[1], label="least squares")
    left.set(title="Training", xlabel="epoch", ylabel="RMSE", xscale="log")
    left.legend()
    rows = np.arange(10)
    middle.barh(rows - 0.2, found[:10], 0.4, label="gradient descent")
    middle.barh(rows + 0.2, exact[:10], 0.4, label="least squares")
    middle.set_yticks(rows, NAMES)
    middle.invert_yaxis()
    middle.set(title="Weight of each measurement", xlabel="per standard deviation")
    middle.legend()
    right.scatter(y, predicted, s=16, alpha=0.7)
    right.plot([25, 346], [25, 346], color=plots.COLORS[5], lw=1)
    right.set(title="Other patients")
    right.set(xlabel="progression in a year", ylabel="predicted")
    plots.save(figure, path)


def main():
    """Fit the line, print how good it is, and draw what it found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--plot", default="linear_regression.png")
    options = parser.parse_args()
    multinet.set_random_seed(0)
    x, y = load_diabetes(return_X_y=True, scaled=False)
    x, y = x.astype("float32"), y.astype("float32")[:, None]
    order = np.random.permutation(len(x))
    train, test = order[:342], order[342:]

    normalize = layers.Normalization()
    normalize.adapt(x[train])
    line = layers.Dense(1)
    model = multinet.Sequential([multinet.Input((10,)), normalize, line])
    # Columns go together, so plain descent would be slow: momentum carries it along.
    optimizer = multinet.optimizers.SGD(0.1, momentum=0.9, nesterov=True)
    model.compile(optimizer, "mse", metrics=[multinet.metrics.R2Score(name="r2")])
    logs = model.fit(x[train], y[train], len(train), options.epochs, verbose=0)
    r2 = model.evaluate(x[test], y[test], verbose=0, return_dict=True)["r2"]

    columns = multinet.ops.convert_to_numpy(normalize(x[train]))
    columns = np.hstack([columns, np.ones((len(train), 1))])
    exact, residual, *_ = np.linalg.lstsq(columns, y[train][:, 0], rcond=None)
    least = residual[0] / len(train)
    predicted = model.predict(x[test], verbose=0)
    found = np.concatenate([w.ravel() for w in line.get_weights()])
    print(f"Backend: {multinet.config.backend()}")
    print(f"R2 on {len(test)} other patients: {r2:.4f}")
    print(f"largest difference from least squares: {abs(found - exact).max():.4f}")
    draw(options.plot, logs.history["loss"], least, found, exact, y[test], predicted)


if __name__ == "__main__":
    main()
