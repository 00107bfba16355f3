"""VGG of 16 layers."""

from multinet import surface
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.network import member
from multinet.applications.pixels import centred as preprocess_input
from multinet.applications.vgg import VGG

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]

surface.show(__name__)

VGG16 = member("VGG16", VGG(depths=(2, 2, 3, 3, 3)), "vgg16")
