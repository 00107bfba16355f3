"""What the image layers of Keras make of all cases, on its NumPy backend: a pickle.

python tests/preprocessing/keras_image_layers.py transformed  # or: moments
"""

import os
import pickle
import sys

os.environ["KERAS_BACKEND"] = "numpy"

import keras
import numpy as np
from image_layer_cases import CASES, DRAWING, moments, transformed

_brightness = keras.layers.RandomBrightness.transform_images


def _copying(self, images, *args, **options):
    """On NumPy Keras adds in place: RandAugment would change what it leaves."""
    return _brightness(self, np.copy(images), *args, **options)


keras.layers.RandomBrightness.transform_images = _copying
FORMATS = ("channels_last", "channels_first")


def main(wanted):
    keras.utils.set_random_seed(3)
    if wanted == "moments":
        return {name: moments(keras.layers, name) for name in DRAWING}
    return [
        {form: transformed(keras.layers, *case, form) for form in FORMATS}
        for case in CASES
    ]


if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps(main(sys.argv[1])))
