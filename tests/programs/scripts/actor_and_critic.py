"""One update of a policy from each of some games that were played before."""

import numpy as np
from seam import value_and_grad


def program(keras, start):
    layers, ops = keras.layers, keras.ops
    inputs = keras.Input((4,))
    common = layers.Dense(8, activation="relu")(inputs)
    action = layers.Dense(2, activation="softmax")(common)
    critic = layers.Dense(1)(common)
    model = keras.Model(inputs, [action, critic])
    start(model)
    optimizer = keras.optimizers.Adam(learning_rate=0.02)
    huber = keras.losses.Huber()

    rng = np.random.default_rng(65)
    losses, total = [], 0.0
    for _ in range(3):
        states = rng.normal(size=(6, 4)).astype("float32")
        actions = rng.integers(0, 2, size=6)
        rewards = (states[:, 0] > 0) == actions
        returns, running = [], 0.0
        for reward in rewards[::-1]:
            running = float(reward) + 0.9 * running
            returns.insert(0, running)
        returns = np.array(returns, "float32")
        returns = (returns - returns.mean()) / (returns.std() + 1e-6)

        def played(states=states, actions=actions, returns=returns):
            chances, values = model(states)
            values = ops.squeeze(values, -1)
            taken = ops.one_hot(actions, 2)
            logs = ops.log(ops.sum(chances * taken, -1))
            better = ops.convert_to_tensor(returns) - ops.stop_gradient(values)
            actor_loss = ops.sum(-logs * better)
            critic_loss = huber(returns[:, None], ops.expand_dims(values, -1))
            return actor_loss + critic_loss, critic_loss

        weights = model.trainable_variables
        (loss, _), grads = value_and_grad(keras, played, weights)
        optimizer.apply(grads, weights)
        losses.append(float(loss))
        total += float(np.sum(rewards))
    chances, values = model(states)
    return {
        "loss": losses,
        "rewards": [total],
        "predict": ops.convert_to_numpy(chances),
        "predict_values": ops.convert_to_numpy(values),
    }
