"""The estimators pass scikit-learn's own checks, and do what their arguments say."""

import subprocess
import sys

import keras as reference
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

import multinet as keras
from multinet.errors import ArgumentError, MultinetError
from multinet.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer


def make_model(X, y, loss="mse", units=8, last=None, library=keras):
    """Return a compiled model that fits data, the same each time."""
    library.utils.set_random_seed(0)
    layers = library.layers
    model = library.Sequential(
        [
            library.Input((X.shape[1],)),
            layers.Dense(units, "tanh"),
            layers.Dense(y.shape[1], last),
        ]
    )
    model.compile(library.optimizers.Adam(0.05), loss)
    return model


CLASSES = {"loss": "categorical_crossentropy", "last": "softmax"}

# Those that Keras 3.15.1 expects of its own wrappers, where they fail here, too.
EXPECTED = {
    "check_classifiers_train": "decision_function has a column for each of two classes",
    "check_classifiers_classes": "decision_function, as above",
}


ESTIMATORS = [
    SKLearnClassifier(make_model, model_kwargs=CLASSES, fit_kwargs={"epochs": 40}),
    SKLearnRegressor(make_model),
    SKLearnTransformer(make_model),
]


def checks():
    """Yield each check of each estimator, under a name that is the same in each run."""
    for each in ESTIMATORS:
        expected = EXPECTED if isinstance(each, SKLearnClassifier) else {}
        cases = estimator_checks_generator(
            each, expected_failed_checks=expected, mark="xfail"
        )
        for i, case in enumerate(cases):
            estimator, check = getattr(case, "values", case)
            function = getattr(check, "func", check)
            name = f"{type(each).__name__}-{i}-{function.__name__}"
            yield pytest.param(
                estimator, check, marks=getattr(case, "marks", ()), id=name
            )


@pytest.mark.parametrize("estimator,check", checks())
def test_checks_of_scikit_learn(estimator, check):
    with keras.use_backend("numpy"):
        check(estimator)


# -- what the arguments say ------------------------------------------------------------

X, LABELS = make_classification(
    60, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0
)
Z, NUMBERS = make_regression(n_samples=60, n_features=5, n_targets=2, random_state=0)


@pytest.fixture(params=["numpy", "jax", "torch", "tensorflow"])
def backend(request):
    with keras.use_backend(request.param):
        yield request.param


def test_a_classifier_gives_labels_on_every_backend(backend):
    names = np.array(["ash", "elm", "oak"])[LABELS]
    estimator = SKLearnClassifier(make_model, model_kwargs=CLASSES)
    estimator.fit(X, names, epochs=60, verbose=0)
    outputs = estimator.decision_function(X)
    assert outputs.shape == (60, 3) and estimator.classes_.tolist() == sorted({*names})
    assert (estimator.predict(X) == estimator.classes_[outputs.argmax(1)]).all()
    assert estimator.score(X, names) > 0.9 and estimator.epoch_ == 60


def test_a_regressor_and_a_transformer_give_what_the_model_does(backend):
    regressor = SKLearnRegressor(make_model, fit_kwargs={"epochs": 2, "verbose": 0})
    assert regressor.fit(Z, NUMBERS).predict(Z).shape == (60, 2)
    one = regressor.fit(Z, NUMBERS[:, 0]).predict(Z)
    assert one.shape == (60,)
    np.testing.assert_array_equal(one, regressor.model_.predict(Z)[:, 0])
    transformer = SKLearnTransformer(make_model).fit(Z, NUMBERS, verbose=0)
    both = make_pipeline(SKLearnTransformer(make_model), "passthrough")
    np.testing.assert_array_equal(
        both.fit_transform(Z, NUMBERS), transformer.transform(Z)
    )


def test_weights_after_fit_are_those_of_keras():
    def start(X, y, library=keras):
        model = make_model(X, y, library=library)
        rng = np.random.default_rng(0)
        shapes = [np.shape(w) for w in model.get_weights()]
        model.set_weights([rng.normal(size=shape) for shape in shapes])
        return model

    options = {"epochs": 5, "shuffle": False, "verbose": 0}
    ours = SKLearnRegressor(start, fit_kwargs=options).fit(Z, NUMBERS[:, 0])
    wrapper = reference.wrappers.SKLearnRegressor
    given = {"library": reference}
    theirs = wrapper(start, model_kwargs=given, fit_kwargs=options)
    theirs.fit(Z, NUMBERS[:, 0])
    np.testing.assert_allclose(ours.predict(Z), theirs.predict(Z), rtol=1e-4, atol=1e-5)


def test_arguments_of_fit_go_before_those_of_the_constructor_which_stay():
    estimator = SKLearnRegressor(make_model, fit_kwargs={"epochs": 3, "verbose": 0})
    assert estimator.fit(Z, NUMBERS, epochs=2).epoch_ == 2
    assert estimator.fit_kwargs == {"epochs": 3, "verbose": 0}
    assert estimator.fit(Z, NUMBERS).epoch_ == 3


def test_a_model_is_cloned_before_each_fit():
    model = make_model(Z, NUMBERS)
    before = model.get_weights()
    estimator = SKLearnRegressor(model).fit(Z, NUMBERS, verbose=0)
    assert estimator.model_ is not model
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize("made", [True, False])
def test_a_warm_start_goes_on_with_the_model_of_before(made):
    model = make_model(Z, NUMBERS)
    estimator = SKLearnRegressor(make_model if made else model, warm_start=True)
    first = estimator.fit(Z, NUMBERS, verbose=0).model_
    loss = estimator.history_.history["loss"]
    assert made or first is model
    assert estimator.fit(Z, NUMBERS, epochs=9, verbose=0).model_ is first
    assert estimator.history_.history["loss"][-1] < loss[0]


def test_a_clone_has_all_arguments_and_is_not_fitted():
    estimator = SKLearnRegressor(
        make_model(Z, NUMBERS), fit_kwargs={"epochs": 2, "verbose": 0}
    ).fit(Z, NUMBERS)
    copied = clone(estimator)
    assert copied.fit_kwargs == estimator.fit_kwargs and not hasattr(copied, "model_")
    assert copied.model is not estimator.model
    np.testing.assert_array_equal(
        copied.model.get_weights()[0], estimator.model.get_weights()[0]
    )
    with pytest.raises(NotFittedError):
        copied.predict(Z)


def test_a_search_over_arguments_of_the_model():
    estimator = SKLearnClassifier(make_model, fit_kwargs={"epochs": 30, "verbose": 0})
    grid = {"model_kwargs": [{**CLASSES, "units": units} for units in (1, 16)]}
    search = GridSearchCV(estimator, grid, cv=2).fit(X, LABELS)
    assert search.best_params_["model_kwargs"]["units"] == 16


def test_metadata_is_handed_on_where_that_was_asked():
    estimator = SKLearnRegressor(make_model, fit_kwargs={"verbose": 0})
    with pytest.raises(MultinetError, match="metadata routing"):
        estimator.set_fit_request(sample_weight=True)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator.set_fit_request(sample_weight=True)
        asked = estimator.get_metadata_routing().fit.requests
        assert asked == {"sample_weight": True}
        grid = GridSearchCV(estimator, {"warm_start": [False]}, cv=2)
        grid.fit(Z, NUMBERS, sample_weight=np.ones(60))


@pytest.mark.parametrize(
    ("estimator", "y", "error", "words"),
    [
        (SKLearnClassifier(make_model), NUMBERS[:, 0], ArgumentError, "Unknown label"),
        (SKLearnClassifier(make_model), LABELS * 0, ArgumentError, "only one class"),
        (SKLearnRegressor(lambda X, y: 3), NUMBERS, ArgumentError, "to be a Model"),
        (
            SKLearnRegressor(keras.Sequential([keras.layers.Dense(2, name="a")])),
            NUMBERS,
            MultinetError,
            "needs to be compiled",
        ),
    ],
)
def test_what_cannot_be_fitted_is_told(estimator, y, error, words):
    with pytest.raises(error, match=words):
        estimator.fit(X, y)


def test_outputs_that_are_no_classes_are_told():
    def narrow(X, y):
        return make_model(X, y[:, :1], loss=lambda y, p: p)

    estimator = SKLearnClassifier(narrow).fit(X, LABELS, verbose=0)
    with pytest.raises(ArgumentError, match="output for each of the 3 classes"):
        estimator.predict(X)


def test_scikit_learn_is_imported_when_a_wrapper_is_asked_for():
    code = (
        "import sys, multinet; from multinet import wrappers; print(dir(wrappers), "
        "'sklearn' in sys.modules); sys.modules['sklearn'] = None\n"
        "try: wrappers.SKLearnRegressor\n"
        "except ImportError as error: print(error)"
    )
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "SKLearnTransformer'] False" in said.splitlines()[0]
    assert "multinet.wrappers needs scikit-learn" in said
