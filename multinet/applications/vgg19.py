"""VGG of 19 layers."""

from multinet import surface
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.network import member
from multinet.applications.pixels import centred as preprocess_input
from multinet.applications.vgg import VGG

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

surface.show(__name__)

VGG19 = member("VGG19", VGG(depths=(2, 2, 4, 4, 4)), "vgg19")
