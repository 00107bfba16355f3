"""An MLP on a table: is a tumour malignant, by 30 measurements of its cells?

The columns are normalized inside of the model, so that it takes what was measured;
training ends when 20% of the patients, held back, are no longer told better.

Data: Wolberg, Mangasarian, Street and Street, "Breast Cancer Wisconsin (Diagnostic)",
UCI, 1995, https://doi.org/10.24432/C5DW2B, CC BY 4.0, as scikit-learn brings them.
"""

import argparse

import numpy as np
import plots
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import confusion_matrix, roc_auc_score, roc_curve

import multinet
from multinet import callbacks, layers, metrics

CLASSES = ["malignant", "benign"]


def perceptron(columns):
    """Return an MLP that knows means and deviations of the columns."""
    normalize = layers.Normalization()
    normalize.adapt(columns)
    return multinet.Sequential(
        [
            multinet.Input((columns.shape[1],)),
            normalize,
            layers.Dense(32, activation="gelu"),
            layers.Dropout(0.3),
            layers.Dense(16, activation="gelu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def draw(path, logs, best, y, probability, told):
    """Draw the training, and how other patients are told apart."""
    figure, (left, middle, right) = plots.figure(1, 3)
    epochs = range(1, len(logs["loss"]) + 1)
    left.plot(epochs, logs["loss"], label="training")
    left.plot(epochs, logs["val_loss"], label="held back")
    left.axvline(best + 1, color=plots.COLORS[5], ls=":", label="kept")
    left.set(title="Loss", xlabel="epoch", ylim=(0, None))
    left.legend()
    wrong, fine, _ = roc_curve(y, probability)
    middle.plot(wrong, fine, lw=2)
    middle.fill_between(wrong, fine, alpha=0.15)
    middle.plot([0, 1], [0, 1], ls=":", color=plots.COLORS[5])
    middle.set(title="ROC of other patients")
    middle.set(xlabel="malignant called benign", ylabel="benign called benign")
    plots.matrix(right, told, CLASSES)
    right.set(title="Other patients", xlabel="told", ylabel="true")
    plots.save(figure, path)


def main():
    """Train, print how well other patients are told apart, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--plot", default="tabular.png")
    options = parser.parse_args()
    multinet.set_random_seed(0)
    x, y = load_breast_cancer(return_X_y=True)
    order = np.random.permutation(len(x))
    x, y = x[order].astype("float32"), y[order].astype("float32")
    (x, x_test), (y, y_test) = np.split(x, [285]), np.split(y, [285])

    model = perceptron(x)
    model.compile(
        "adam", "binary_crossentropy", metrics=["accuracy", metrics.AUC(name="auc")]
    )
    stop = callbacks.EarlyStopping(patience=10, restore_best_weights=True)
    logs = model.fit(
        x,
        y,
        validation_split=0.2,
        epochs=options.epochs,
        callbacks=[stop],
        verbose=0,
    ).history
    probability = model.predict(x_test, verbose=0)[:, 0]
    told = confusion_matrix(y_test, probability > 0.5)
    area = roc_auc_score(y_test, probability)
    print(f"Backend: {multinet.config.backend()}")
    print(f"epochs: {len(logs['loss'])}, the best was {stop.best_epoch + 1}")
    print(f"of {len(y_test)} others, told right: {np.trace(told) / told.sum():.2%}")
    print(f"area under the ROC curve: {area:.4f}")
    draw(options.plot, logs, stop.best_epoch, y_test, probability, told)


if __name__ == "__main__":
    main()
