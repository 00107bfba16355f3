"""Layers and models put together in a wrong way, names, and arguments of layers."""

import numpy as np
from mistaken import LABELS, X, accepted, classifier, refused

import multinet
from multinet import (
    Input,
    Model,
    Sequential,
    activations,
    backend,
    callbacks,
    datasets,
    layers,
    losses,
    models,
    ops,
    utils,
)
from multinet.errors import (
    ArgumentError,
    FileError,
    MultinetError,
    NoFile,
    ShapeError,
    TraceError,
    WrongType,
)

ABSENT = AttributeError


@accepted("05a")
def the_summary_of_what_is_not_built():
    lines: list[str] = []
    Sequential([layers.Dense(3)]).summary(print_fn=lines.append)
    assert "not built" in "\n".join(lines)


@accepted("05b")
def the_weights_of_what_is_not_built():
    assert Sequential([layers.Dense(3)]).weights == []


@refused(
    "05c", "expects 0 weights, got 2.*not built: call it on data first", ShapeError
)
def weights_for_what_is_not_built():
    Sequential([layers.Dense(3)]).set_weights([np.ones((4, 3)), np.ones(3)])


@refused("05d", "kernel.*not built|build", AttributeError)
def the_kernel_of_what_is_not_built():
    assert layers.Dense(3).kernel


@refused("05e", "not built, so it has no weights to count", ArgumentError)
def a_count_of_what_is_not_built():
    class M(Model):
        def call(self, x):
            return x

    M().count_params()


@refused("05h", r"must define call\(self, inputs\)", MultinetError)
def a_model_without_a_call():
    class M(Model):
        pass

    M()(X)


@refused("12a", "'Danse'.*Did you mean:? '?Dense", ABSENT)
def an_unknown_layer():
    assert layers.Danse  # type: ignore[attr-defined]


@refused("12b", "Unknown activation 'reluu'. Did you mean 'relu'", ArgumentError)
def an_unknown_activation():
    layers.Dense(3, activation="reluu")


@refused("y01", "Unknown activation 'rleu'. Did you mean 'relu'", ArgumentError)
def an_unknown_activation_by_name():
    activations.get("rleu")


@refused(
    "12f", "Unknown initializer 'glorot'. Did you mean 'glorot_normal'", ArgumentError
)
def an_unknown_initializer():
    layers.Dense(3, kernel_initializer="glorot")


@refused("12g", "'matmull'.*matmul", ABSENT)
def an_unknown_op():
    assert ops.matmull  # type: ignore[attr-defined]


@accepted("12h")
def padding_in_capitals():
    assert layers.Conv2D(3, 3, padding="SAME")(ops.ones((1, 8, 8, 1))).shape[1] == 8


@accepted("x03")
def padding_that_keeps_the_size():
    assert layers.MaxPooling2D(2, 1, "SAME")(ops.ones((1, 8, 8, 1))).shape[1] == 8


@refused("x04", "padding to be valid or same, got 'foo'", ArgumentError)
def an_unknown_padding():
    layers.Conv2D(3, 3, padding="foo")


@refused("12i", "has no attribute 'layer'.*layers", ABSENT)
def a_module_without_its_s():
    assert multinet.layer  # type: ignore[attr-defined]


@refused("12j", "Unknown regularizer 'l3'. Did you mean 'l2'", ArgumentError)
def an_unknown_regularizer():
    layers.Dense(3, kernel_regularizer="l3")


@accepted("12k")
def names_from_the_start():
    backend.clear_session()


@accepted("12l")
def one_hot_by_its_old_name():
    assert utils.to_categorical(LABELS, 3).shape == (8, 3)


@accepted("12m")
def handwritten_digits():
    assert callable(datasets.mnist.load_data)


@accepted("12n")
def checkpoints():
    callbacks.ModelCheckpoint("best.keras")


@accepted("12o")
def rates_that_fall_on_a_plateau():
    callbacks.ReduceLROnPlateau()


@accepted("12p")
def rates_of_a_function():
    callbacks.LearningRateScheduler(lambda epoch: 0.1)


@refused("12q", "no file|nothing|does not exist", NoFile)
def a_model_of_no_file():
    models.load_model("nowhere.keras")


@refused("12r", "model.keras|\\.keras", ArgumentError)
def a_file_without_its_suffix():
    classifier().save("a.model")


@refused("12s", r"\.weights\.h5", FileError)
def weights_in_a_file_without_its_suffix():
    classifier().save_weights("a")


@accepted("12t")
def a_model_as_json():
    assert "Dense" in classifier().to_json()


@accepted("12u")
def models_that_were_trained_elsewhere():
    assert callable(multinet.applications.ResNet50)


@accepted("12v")
def preprocessing_by_its_old_name():
    assert callable(multinet.preprocessing.sequence.pad_sequences)


@refused("12w", "'MeanSquareError'.*MeanSquaredError", ABSENT)
def an_unknown_class_of_a_loss():
    assert losses.MeanSquareError  # type: ignore[attr-defined]


@accepted("12x")
def a_plot_of_a_model():
    assert "Dense" in utils.model_to_dot(classifier()).to_string()


@accepted("12y")
def mixed_precision():
    policy = multinet.mixed_precision.Policy("mixed_bfloat16")
    assert policy.compute_dtype == "bfloat16"


@accepted("12z")
def logs_for_tensorboard():
    assert issubclass(callbacks.TensorBoard, callbacks.Callback)


@refused(
    "17a",
    r"Dense.call\(\) takes 2 positional arguments but 3 were given|positional",
    TypeError,
)
def one_argument_too_many():
    layers.Dense(3)(X, X)


@refused("17b", "unexpected keyword argument 'trainning'", TypeError)
def a_misspelt_argument_of_a_call():
    layers.Dense(3)(X, trainning=True)


@refused("17c", r"call\(\) takes 1 positional argument but 2 were given", TypeError)
def a_call_that_takes_nothing():
    class L(layers.Layer):
        def call(self):
            return 1

    L()(X)


@refused("17f", "missing 1 required positional argument: 'units'", TypeError)
def no_units():
    layers.Dense()  # type: ignore[call-arg]


@refused("17g", "units to be a positive integer, got '10'", ArgumentError)
def units_in_a_text():
    layers.Dense("10")  # type: ignore[arg-type]


@refused("17h", "units to be a positive integer, got -3", ArgumentError)
def negative_units():
    layers.Dense(-3)


@refused("17i", "units to be a positive integer, got 0", ArgumentError)
def zero_units():
    layers.Dense(0)


@refused("17j", "units to be a positive integer, got 2.5", ArgumentError)
def half_a_unit():
    layers.Dense(2.5)  # type: ignore[arg-type]


@refused("17k", r"rate to be within \[0, 1\], got 20", ArgumentError)
def a_rate_in_percent():
    layers.Dropout(20)


@refused("17n", r"the class Dense: make one of it, Dense\(...\)", ArgumentError)
def a_class_for_a_layer():
    Sequential([Input((4,)), layers.Dense])  # type: ignore[list-item]


@refused("17o", r"as one list: Sequential\(\[Dense", ArgumentError)
def layers_that_are_no_list():
    Sequential(layers.Dense(3), layers.Dense(4))  # type: ignore[arg-type]


@refused(
    "17p", r"to be symbolic tensors, made from Input\(...\); got Dense", ArgumentError
)
def a_layer_for_an_output():
    Model(Input((4,)), layers.Dense(3))  # type: ignore[arg-type]


@refused("17q", "which is not among the inputs. Add it", ArgumentError)
def an_input_that_was_left_out():
    Model(Input((4,)), layers.Dense(3)(Input((4,), name="other")))


@refused("17r", "has no value: it stands for data.*Use ops", TraceError)
def numpy_on_an_input():
    np.asarray(Input((4,)))


@refused("17s", "has no value: it stands for data.*ops.where", TraceError)
def an_if_on_an_input():
    if ops.sum(Input((4,))) > 0:
        pass


@refused(
    "17t",
    r"kernel_size to be a positive integer or 2 of them, got \(3, 3, 3\)",
    ArgumentError,
)
def three_sizes_of_a_window():
    layers.Conv2D(3, (3, 3, 3))


@refused("21a", "unexpected keyword argument 'epoch'.*Did you mean 'epochs'", TypeError)
def a_misspelt_argument_of_fit():
    classifier().fit(X, LABELS, epoch=1)  # type: ignore[call-arg]


@refused(
    "21b",
    "unexpected keyword argument 'optimiser'.*Did you mean 'optimizer'",
    TypeError,
)
def a_misspelt_argument_of_compile():
    classifier().compile(optimiser="sgd")  # type: ignore[call-arg]


@refused("21c", r"unknown arguments \['activaton'\]", ArgumentError)
def a_misspelt_argument_of_a_layer():
    layers.Dense(3, activaton="relu")


@accepted("21d")
def the_width_by_its_old_name():
    assert layers.Dense(3, input_dim=4) is not None


@accepted("21e")
def the_shape_by_its_old_name():
    model = Sequential([layers.Dense(3, input_shape=(4,))])
    assert model.built


@refused("21f", "unexpected keyword argument 'workers'", TypeError)
def workers_as_in_keras_2():
    classifier().fit(X, LABELS, workers=4)  # type: ignore[call-arg]


@accepted("29e0")
def layers_by_their_place():
    assert classifier().layers[-1].name == "last"


@refused("29e", "list index out of range", IndexError)
def a_layer_that_is_not_there():
    classifier().layers[5]


@refused("29f", r"No layer is called 'lst'.*Did you mean 'last'", ArgumentError)
def a_misspelt_name_of_a_layer():
    classifier().get_layer("lst")


@accepted("29g")
def layers_added_and_taken_away():
    model = classifier()
    model.add(layers.Dense(8))
    model.pop()
    model.add(layers.Dense(5))
    assert model.output_shape == (None, 5)


@accepted("29i")
def one_layer_twice():
    layer = layers.Dense(4)
    model = Sequential([Input((4,)), layer, layer])
    assert len(model.weights) == 2


@refused("29j", r"called 'a' is in .* already. Give each its own name=", ArgumentError)
def two_layers_of_one_name():
    Sequential([Input((4,)), layers.Dense(3, name="a"), layers.Dense(3, name="a")])


@accepted("29k")
def the_function_of_an_activation():
    layers.Activation(ops.relu)(ops.ones((2, 2)))
    layers.Dense(3, activation=ops.relu)(X)


@refused("29l", "name.*'/'|name.*/", ArgumentError)
def a_name_with_a_slash():
    layers.Dense(3, name="a/b")


@refused("x23", "predict_classes", ABSENT)
def classes_as_in_keras_2():
    classifier().predict_classes(X)  # type: ignore[attr-defined]


@refused("x24", "fit_generator.*fit", ABSENT)
def a_generator_as_in_keras_2():
    classifier().fit_generator(iter([]))  # type: ignore[attr-defined]


@accepted("x43")
def a_class_for_an_activation():
    found = ops.convert_to_numpy(layers.Dense(3, activation=layers.ReLU)(X - 0.5))
    assert found.min() == 0


@accepted("x45")
def normalization_that_was_not_adapted():
    found = layers.Normalization()(X)
    assert found.shape == X.shape


@accepted("y04")
def layers_in_a_set():
    class M(Model):
        def __init__(self):
            super().__init__()
            self.parts = {layers.Dense(3)}

        def call(self, x):
            return [part(x) for part in self.parts][0]

    model = M()
    model(X)


@refused("y05", "Input must come first", ArgumentError)
def an_input_in_the_middle():
    Sequential([layers.Dense(3), Input((3,))])


@refused("y13", "value", WrongType)
def attention_on_one_tensor():
    layers.MultiHeadAttention(2, 2)(ops.ones((1, 2, 4)))


@accepted("y14")
def the_length_of_sequences_as_in_keras_2():
    layers.Embedding(10, 4, input_length=5)


@accepted("y15")
def the_shape_of_what_is_flattened():
    model = Sequential([layers.Flatten(input_shape=(2, 2)), layers.Dense(2)])
    assert model.output_shape == (None, 2)


@refused("y16", "training.*got 'always'", WrongType)
def training_that_is_no_bool():
    layers.Dropout(0.5)(X, training="always")


@refused("y25", r"expects a last axis of 3, got shape \(None, 4\)", ShapeError)
def a_list_of_one_layer():
    Sequential([Input((3,))] + [layers.Dense(4)] * 2)


@accepted("18d")
def layers_in_lists_and_dicts():
    class M(Model):
        def __init__(self):
            super().__init__()
            self.inner = [layers.Dense(3), layers.Dense(3)]
            self.outer = {"a": layers.Dense(3), "b": layers.Dense(3)}

        def call(self, x):
            for layer in (*self.inner, *self.outer.values()):
                x = layer(x)
            return x

    model = M()
    model(X)
    assert len(model.weights) == 8
