"""A live module over a model has its values, its outputs and its gradients."""

import copy

import numpy as np
import pytest
import torch

import multinet as keras
from multinet import layers
from multinet.errors import ArgumentError, BackendError, MultinetError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


@pytest.fixture(autouse=True)
def on_torch():
    with keras.use_backend("torch"):
        yield


def make(dropout=0.0):
    keras.set_random_seed(0)
    torch.manual_seed(0)
    return keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(6, "tanh", kernel_regularizer="l2", name="one"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(dropout, name="drop"),
            layers.TorchModuleWrapper(torch.nn.Linear(6, 6), name="wrapped"),
            layers.Dense(1, name="two"),
        ]
    )


def batches():
    for start in range(0, 24, 8):
        yield torch.tensor(X[start : start + 8]), torch.tensor(Y[start : start + 8])


def train(model, module, step, epochs=2):
    for _ in range(epochs):
        for x, y in batches():
            module.zero_grad()
            loss = torch.nn.functional.mse_loss(module(x), y) + sum(module.losses)
            loss.backward()
            step(model, module)


def test_gradients_are_those_of_multinet():
    model = make()
    module = keras.as_torch_module(model)

    def loss(variables):
        missing = keras.ops.subtract(model(X, training=True), Y)
        y = keras.ops.mean(keras.ops.square(missing))
        return keras.ops.add(y, sum(model.losses))

    wanted = keras.grad(loss)(model.trainable_weights)
    outputs = module(torch.tensor(X))
    (torch.square(outputs - torch.tensor(Y)).mean() + sum(module.losses)).backward()
    for variable, gradient in zip(model.trainable_weights, wanted, strict=True):
        torch.testing.assert_close(variable.value.grad, gradient, rtol=1e-6, atol=1e-6)
    names = dict(module.named_parameters())
    assert {"one/kernel", "norm/gamma", "two/bias"} <= set(names)
    assert len(names) == len(model.trainable_weights)
    assert set(module.state_dict()) == set(model.paths())


@pytest.mark.parametrize("whose", ["torch", "multinet"])
def test_a_loop_of_pytorch_gives_the_weights_of_fit(whose):
    start, fitted, looped = make(), make(), make()
    for model in (fitted, looped):
        model.set_weights(start.get_weights())
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse")
    fitted.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    module = keras.as_torch_module(looped)
    assert module.training
    if whose == "torch":
        theirs = torch.optim.SGD(module.parameters(), 0.05, momentum=0.9)
        train(looped, module, lambda model, module: theirs.step())
    else:

        def step(model, module):
            weights = model.trainable_weights
            with torch.no_grad():
                model.optimizer.apply([v.value.grad for v in weights], weights)

        train(looped, module, step)
    for mine, theirs in zip(fitted.get_weights(), looped.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=2e-6)
    module.eval()
    expected = fitted.predict(X, verbose=0)
    np.testing.assert_allclose(module(X).detach().numpy(), expected, atol=1e-5)


def test_the_module_and_the_model_are_one_before_and_after_fit():
    model = make()
    module = keras.as_torch_module(model)
    model.compile("sgd", "mse")
    kernel = dict(module.named_parameters())["two/kernel"]
    for _ in range(2):
        model.fit(X, Y, verbose=0)
        np.testing.assert_array_equal(kernel.detach().numpy(), model.get_weights()[-2])
        with torch.no_grad():
            kernel.mul_(0.5)
        np.testing.assert_array_equal(kernel.detach().numpy(), model.get_weights()[-2])
    module.load_state_dict(keras.as_torch_module(make()).state_dict())
    for mine, theirs in zip(model.get_weights(), make().get_weights()):
        np.testing.assert_array_equal(mine, theirs)


def test_the_mode_says_what_training_is_and_frozen_weights_have_no_gradient():
    model = make(dropout=0.5)
    module = keras.as_torch_module(model)
    assert not torch.equal(module(X), module(X))
    module.eval()
    assert torch.equal(module(X), module(X)) and not model.get_layer("norm").losses
    model.get_layer("one").trainable = False
    module(X).sum().backward()
    found = {name for name, p in module.named_parameters() if p.grad is None}
    assert found == {"one/kernel", "one/bias"}
    assert module.trainable_weights == model.trainable_weights  # the model's own


def test_a_copy_is_over_a_copy_of_the_model():
    module = keras.as_torch_module(make())
    other = copy.deepcopy(module)
    with torch.no_grad():
        next(other.parameters()).zero_()
    assert next(module.parameters()).any() and not other.model.get_weights()[0].any()


def test_what_cannot_be_is_told():
    with pytest.raises(ArgumentError, match="not built"):
        keras.as_torch_module(layers.Dense(2, name="d"))
    module = keras.as_torch_module(make())
    assert module.float() is module
    with pytest.raises(MultinetError, match="keeps the dtype"):
        module.half()
    with keras.use_backend("numpy"):
        dense = layers.Dense(2, name="d")
        dense.build((None, 3))
        with pytest.raises(BackendError, match="to_backend"):
            keras.as_torch_module(dense)
