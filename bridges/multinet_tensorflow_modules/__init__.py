"""SavedModels of TensorFlow as layers, which import it when made."""

from multinet_tensorflow_modules.layer import TFSMLayer

__all__ = ["TFSMLayer"]
