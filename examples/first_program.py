"""The well-known Keras program for a line, with only its import lines changed."""

import numpy as np

import multinet as keras
from multinet import layers

x_data = np.random.rand(100).astype(np.float32)
y_data = x_data * 0.1 + 0.3
model = keras.Sequential()
model.add(layers.Dense(units=1, input_shape=(1,)))
model.compile(optimizer="sgd", loss="mean_squared_error")
model.fit(x_data, y_data, epochs=100, batch_size=1)
predictions = model.predict(x_data)

weight, bias = model.get_weights()
print(f"weight {weight.item():.4f} (0.1), bias {bias.item():.4f} (0.3)")
print(f"largest error of a prediction: {abs(predictions[:, 0] - y_data).max():.5f}")
