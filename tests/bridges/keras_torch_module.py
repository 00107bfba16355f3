"""A program of Keras on torch: trains a module as a layer, and writes what came out."""

import sys

import keras
import numpy as np
import torch

start, folder = sys.argv[1:]
net = torch.nn.Sequential(
    torch.nn.Linear(4, 8),
    torch.nn.BatchNorm1d(8),
    torch.nn.Tanh(),
    torch.nn.Linear(8, 1),
)
net.load_state_dict(torch.load(start, weights_only=True))
layer = keras.layers.TorchModuleWrapper(net, name="wrapped")
model = keras.Sequential([keras.Input((4,)), layer, keras.layers.Activation("relu")])
model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "mse")
data = np.random.default_rng(1)
x = data.normal(size=(24, 4)).astype("float32")
y = np.abs(x.sum(1, keepdims=True))
history = model.fit(x, y, batch_size=8, epochs=4, shuffle=False, verbose=0)
model.save_weights(f"{folder}/keras.weights.h5")
predicted = model.predict(x, verbose=0)
np.savez(f"{folder}/keras.npz", x=x, y=y, p=predicted, loss=history.history["loss"])
