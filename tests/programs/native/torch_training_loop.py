"""A loop of one's own in PyTorch: `torch.optim`, then an optimizer of Keras."""

import numpy as np
import torch


def program(keras, start):
    layers = keras.layers

    def make():
        inputs = keras.Input((6,))
        x = layers.Dense(10, activation="relu", kernel_regularizer="l2")(inputs)
        x = layers.BatchNormalization()(x)
        model = keras.Model(inputs, layers.Dense(3)(x))
        start(model)
        return model

    rng = np.random.default_rng(2)
    x = rng.normal(size=(48, 6)).astype("float32")
    y = x[:, :3].argmax(1)
    data = torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y))
    batches = torch.utils.data.DataLoader(data, batch_size=12)
    plan = {"batch_size": 12, "shuffle": False, "verbose": 0}

    def loop(model, loss_of, step, epochs):
        losses = []
        for _ in range(epochs):
            for inputs, targets in batches:
                loss = loss_of(model(inputs, training=True), targets)
                model.zero_grad()
                loss.backward()
                step()
                losses.append(loss.item())
        return losses

    def of_torch():
        model = make()
        model.compile("sgd", "mse")
        optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
        cross_entropy = torch.nn.CrossEntropyLoss()
        model.compile(
            keras.optimizers.SGD(0.1),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        first = loop(model, cross_entropy, optimizer.step, 2)
        fitted = model.fit(x, y, epochs=2, **plan).history
        again = loop(model, cross_entropy, optimizer.step, 2)
        last = model.fit(x, y, epochs=1, **plan).history
        return {
            "first": {"loss": first},
            "fit": fitted,
            "again": {"loss": again},
            "last": last,
            "predict": model.predict(x[:5], verbose=0),
        }

    def of_keras():
        model = make()
        optimizer = keras.optimizers.Adam(0.02)
        loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.SparseCategoricalAccuracy()

        def loss_of(logits, targets):
            accuracy.update_state(targets, logits)
            return loss_fn(targets, logits) + sum(model.losses)

        def step():
            weights = model.trainable_weights
            gradients = [v.value.grad for v in weights]
            with torch.no_grad():
                optimizer.apply(gradients, weights)

        first = loop(model, loss_of, step, 2)
        model.compile(optimizer, loss_fn)
        fitted = model.fit(x, y, epochs=2, **plan).history
        again = loop(model, loss_of, step, 2)
        return {
            "first": {"loss": first},
            "fit": fitted,
            "again": {"loss": again},
            "accuracy": float(accuracy.result()),
            "predict": model.predict(x[:5], verbose=0),
            "updates": int(keras.ops.convert_to_numpy(optimizer.iterations)),
        }

    return {"torch": of_torch(), "keras": of_keras()}
