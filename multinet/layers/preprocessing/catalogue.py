"""Every layer that prepares data, for `multinet.layers`, which brings them if asked."""

# ruff: noqa: F401
from multinet.layers.preprocessing.affine_layers import (
    RandomFlip,
    RandomRotation,
    RandomShear,
    RandomTranslation,
    RandomZoom,
)
from multinet.layers.preprocessing.box_layers import MaxNumBoundingBoxes
from multinet.layers.preprocessing.category_encoding import CategoryEncoding
from multinet.layers.preprocessing.color_layers import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomGrayscale,
    RandomHue,
    RandomInvert,
    RandomPosterization,
    RandomSaturation,
    Solarization,
)
from multinet.layers.preprocessing.discretization import Discretization
from multinet.layers.preprocessing.distortion_layers import (
    RandomElasticTransform,
    RandomPerspective,
)
from multinet.layers.preprocessing.feature_normalization import Normalization
from multinet.layers.preprocessing.filter_layers import (
    RandomGaussianBlur,
    RandomSharpness,
)
from multinet.layers.preprocessing.hashing import HashedCrossing, Hashing
from multinet.layers.preprocessing.histogram_layers import (
    AutoContrast,
    ContrastLimitedAdaptiveHistogramEqualization,
    Equalization,
)
from multinet.layers.preprocessing.integer_lookup import IntegerLookup
from multinet.layers.preprocessing.mixing_layers import CutMix, MixUp, RandomErasing
from multinet.layers.preprocessing.pipeline import Pipeline
from multinet.layers.preprocessing.policy_layers import AugMix, RandAugment
from multinet.layers.preprocessing.resizing_layers import (
    CenterCrop,
    RandomCrop,
    Resizing,
)
from multinet.layers.preprocessing.spectrograms import MelSpectrogram, STFTSpectrogram
from multinet.layers.preprocessing.string_lookup import StringLookup
from multinet.layers.preprocessing.text_vectorization import TextVectorization
