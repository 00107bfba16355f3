"""A program that uses Keras by its names, and prints what it found as JSON."""

import json
import sys

import keras
import keras.layers
import keras.optimizers.schedules
from keras import ops
from keras.layers import Dense
from keras.src.backend.common.variables import standardize_dtype
from keras.src.layers import Dense as InnerDense
from keras.src.saving import serialization_lib

keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((3,)), Dense(2)])
model.compile("sgd", "mse")
model.fit(ops.ones((8, 3)), ops.zeros((8, 2)), epochs=2, verbose=0)
config = serialization_lib.serialize_keras_object(model.layers[-1])

print(
    json.dumps(
        {
            "version": keras.__version__,
            "backend": keras.backend.backend(),
            "made by": type(model).__module__.partition(".")[0],
            "one class": InnerDense is Dense is keras.layers.Dense,
            "class": config["class_name"],
            "dtype": standardize_dtype("float32"),
            "loss": float(
                model.evaluate(ops.ones((8, 3)), ops.zeros((8, 2)), verbose=0)
            ),
            "arguments": sys.argv[1:],
            "name": __name__,
        }
    )
)
