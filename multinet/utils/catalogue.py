"""Every helper, for `multinet.utils`, which brings them when they are asked for."""

# ruff: noqa: F401
from multinet.backend import clear_session, is_keras_tensor, standardize_dtype
from multinet.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from multinet.feature_space import FeatureSpace
from multinet.objects import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from multinet.seeds import set_random_seed
from multinet.utils import bounding_boxes, legacy
from multinet.utils.configuration import Config
from multinet.utils.downloads import get_file
from multinet.utils.folders import (
    audio_dataset_from_directory,
    image_dataset_from_directory,
    text_dataset_from_directory,
)
from multinet.utils.graphs import get_source_inputs
from multinet.utils.images import array_to_img, img_to_array, load_img, save_img
from multinet.utils.model_plots import model_to_dot, plot_model
from multinet.utils.numerical import normalize, to_categorical
from multinet.utils.packing import pack_x_y_sample_weight, unpack_x_y_sample_weight
from multinet.utils.progbar import Progbar
from multinet.utils.pydataset import PyDataset
from multinet.utils.sequences import pad_sequences
from multinet.utils.splitting import split_dataset
from multinet.utils.timeseries import timeseries_dataset_from_array

Sequence = PyDataset  # its name in Keras 2
