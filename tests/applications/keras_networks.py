"""Run as a program: networks of Keras, their files and what they answer.

Arguments are a folder and, as JSON, a dict by name of the arguments for each network;
`"file"` among them is the ending of the file that is written. `KERAS_BACKEND` is torch,
where Keras is quickest, or tensorflow for NASNetMobile, which it has not on torch.
"""

import json
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
from keras.src.legacy.saving import legacy_h5_format


def trained(model, random):
    """Give a network values as training leaves them, so that each weight counts."""
    values = []
    for weight in model.weights:
        value = keras.ops.convert_to_numpy(weight)
        if "variance" in weight.path:
            value = random.uniform(1, 2, value.shape)
        elif "gamma" in weight.path:
            value = random.uniform(0.5, 1, value.shape)
        elif value.ndim <= 1 and value.dtype == np.float32:
            value = random.normal(0, 0.1, value.shape)
        values.append(value)
    model.set_weights(values)


def write(model, path):
    """Write a file of weights, or of a model; that of Keras 2 by its ending .h5."""
    if path.name.endswith(".weights.h5"):
        model.save_weights(path)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
    else:
        model.save(path)


def main(folder, networks):
    """Write the file, the images and the answers of each network."""
    for name, options in networks.items():
        keras.utils.clear_session()
        keras.utils.set_random_seed(1)
        random = np.random.default_rng(1)
        ending = options.pop("file")
        options["input_shape"] = tuple(options["input_shape"])
        model = getattr(keras.applications, name)(weights=None, **options)
        trained(model, random)
        images = random.uniform(0, 255, (2, *options["input_shape"]))
        images = images.astype("float32")
        write(model, folder / f"{name}{ending}")
        answers = keras.ops.convert_to_numpy(model(images))
        np.savez(folder / f"{name}.npz", images=images, answers=answers)
        facts = {
            "name": model.name,
            "layers": [(layer.name, type(layer).__name__) for layer in model.layers],
            "weights": [[*weight.shape] for weight in model.weights],
        }
        (folder / f"{name}.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
