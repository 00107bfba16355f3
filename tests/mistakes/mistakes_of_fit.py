"""What `fit`, `evaluate` and `predict` are told, and callbacks."""

import numpy as np
from mistaken import (
    LABELS,
    ONE_HOT,
    SPARSE,
    X,
    accepted,
    classifier,
    fit,
    refused,
    warned,
)

from multinet import callbacks
from multinet.errors import ArgumentError, ShapeError


@refused("15a", r"\(None, 4\), got \(8, 3\).*In the validation", ShapeError)
def a_wrong_width_of_the_validation():
    fit(classifier(), validation_data=(X[:, :3], LABELS))


@refused(
    "15b",
    r"validation_data=\(x, y\) or \(x, y, sample_weight\), got ndarray",
    ArgumentError,
)
def a_validation_without_targets():
    fit(classifier(), validation_data=X)


@accepted("15c")
def a_validation_in_a_list():
    assert "val_loss" in fit(classifier(), validation_data=[X, LABELS])


@refused("15d", f"In the loss {SPARSE}.*In the validation", ShapeError)
def one_hot_targets_in_the_validation():
    fit(classifier(), validation_data=(X, ONE_HOT))


@refused(
    "15e",
    r"validation_split within \(0, 1\), got 1.5|validation_split.*1.5",
    ArgumentError,
)
def more_than_all_for_the_validation():
    fit(classifier(), validation_split=1.5)


@refused("15f", r"same number of samples.*x \(8, 4\); y \(7,\)", ShapeError)
def fewer_labels_in_the_validation():
    fit(classifier(), validation_data=(X, LABELS[:7]))


@accepted("15g")
def a_validation_of_one_sample():
    assert "val_loss" in fit(classifier(), X[:2], LABELS[:2], validation_split=0.5)


@refused(
    "20a", "batch_size to be a positive integer, got 0|batch_size.*got 0", ArgumentError
)
def batches_of_nothing():
    fit(classifier(), batch_size=0)


@refused("20b", "batch_size.*got -1", ArgumentError)
def batches_of_less_than_nothing():
    fit(classifier(), batch_size=-1)


@refused("20c", "batch_size.*got 2.5", ArgumentError)
def batches_of_a_fraction():
    fit(classifier(), batch_size=2.5)


@accepted("20d")
def no_epochs():
    assert fit(classifier(), epochs=0) == {}


@refused("20e", "epochs.*got -1", ArgumentError)
def less_than_no_epochs():
    fit(classifier(), epochs=-1)


@refused("20f", "epochs.*got '3'", ArgumentError)
def epochs_in_a_text():
    fit(classifier(), epochs="3")


@refused("20g", "verbose.*got 3", ArgumentError)
def a_verbosity_that_is_none():
    classifier().fit(X, LABELS, verbose=3)


@refused("x25", "verbose.*got '2'", ArgumentError)
def a_verbosity_in_a_text():
    classifier().fit(X, LABELS, verbose="2")  # type: ignore[arg-type]


@refused("20h", "at least one sample", ShapeError)
def a_fit_on_nothing():
    fit(classifier(), X[:0], LABELS[:0])


@refused("20i", "at least one sample", ShapeError)
def a_prediction_of_nothing():
    classifier().predict(X[:0], verbose=0)


@refused("20j", "batch_size.*got 0", ArgumentError)
def predictions_in_batches_of_nothing():
    classifier().predict(X, batch_size=0, verbose=0)


@accepted("21g")
def weights_of_classes():
    fit(classifier(), class_weight={0: 1.0, 1: 2.0, 2: 3.0})


@accepted("21h")
def weights_of_some_classes():
    fit(classifier(), class_weight={0: 1.0, 1: 2.0})


@refused("21i", r"class_weight.*dict.*got", ArgumentError)
def weights_of_classes_in_a_list():
    fit(classifier(), class_weight=[1.0, 2.0, 3.0])


@refused("y06", "class_weight.*'0'", ArgumentError)
def weights_of_classes_by_texts():
    fit(classifier(), class_weight={"0": 1.0, "1": 2.0})


@refused("23a", "boom", RuntimeError, shows='raise RuntimeError("boom")')
def a_callback_that_fails():
    class C(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise RuntimeError("boom")

    fit(classifier(), callbacks=[C()])


@refused("23b", r"the class C\b|<class .*C'>|class C", ArgumentError)
def a_class_for_a_callback():
    class C(callbacks.Callback):
        pass

    fit(classifier(), callbacks=[C])


@refused(
    "23c", "Callback objects, got .*LambdaCallback|Callback objects, got", ArgumentError
)
def a_function_for_a_callback():
    fit(classifier(), callbacks=[lambda epoch, logs: None])


@warned("23d", "val_loss")
def a_monitor_that_is_not_logged():
    fit(classifier(), callbacks=[callbacks.EarlyStopping("val_loss")])


@accepted("23e")
def one_callback_that_is_no_list():
    fit(classifier(), callbacks=callbacks.EarlyStopping("loss"))


@refused(
    "23f", r"on_epoch_end\(\) takes 2 positional arguments but 3 were given", TypeError
)
def a_hook_without_logs():
    class C(callbacks.Callback):
        def on_epoch_end(self, epoch):
            pass

    fit(classifier(), callbacks=[C()])


@warned("23g", "on_epoch_ends.*Did you mean on_epoch_end|on_epoch_ends")
def a_misspelt_hook():
    class C(callbacks.Callback):
        def on_epoch_ends(self, epoch, logs=None):
            pass

    fit(classifier(), callbacks=[C()])


@refused("y09", "no metric of the model called .acc.", ArgumentError)
def a_misspelt_monitor():
    fit(classifier(metrics=["accuracy"]), callbacks=[callbacks.EarlyStopping("acc")])


@accepted("29a")
def one_batch():
    assert np.isfinite(classifier().train_on_batch(X, LABELS))


@accepted("29b")
def two_fits_of_unequal_batches():
    model = classifier()
    fit(model, batch_size=4)
    fit(model, batch_size=3)


@accepted("29c")
def predictions_are_arrays():
    assert type(classifier().predict(X, verbose=0)) is np.ndarray


@accepted("29d")
def a_narrow_summary():
    lines: list[str] = []
    classifier().summary(line_length=40, print_fn=lines.append)
    assert max(map(len, "\n".join(lines).splitlines())) <= 40


@accepted("29h")
def an_evaluation_as_a_dict():
    found = classifier(metrics=["accuracy"]).evaluate(
        X, LABELS, verbose=0, return_dict=True
    )
    assert list(found) == ["loss", "accuracy"]


@refused("x26", "initial_epoch up to epochs=2, got 5", ArgumentError)
def a_first_epoch_beyond_the_last():
    fit(classifier(), initial_epoch=5, epochs=2)


@refused("x27", "shuffle to be True or False, got .batch.", ArgumentError)
def a_text_for_the_shuffling():
    fit(classifier(), shuffle="batch")


@warned("x29", "The data ran out: at least 5 batches were expected")
def more_steps_than_data():
    fit(classifier(), batch_size=4, steps_per_epoch=5, epochs=2)


@refused("x32", "x", ArgumentError)
def a_fit_without_data():
    classifier().fit(verbose=0)
