"""ResNet: residual networks of 50 to 152 layers."""

from multinet import surface
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.network import member
from multinet.applications.pixels import centred as preprocess_input
from multinet.applications.residual import ResNet

__all__ = [
    "ResNet50",
    "ResNet101",
    "ResNet152",
    "decode_predictions",
    "preprocess_input",
]

surface.show(__name__)

ResNet50 = member("ResNet50", ResNet(depths=(3, 4, 6, 3)), "resnet50")
ResNet101 = member("ResNet101", ResNet(depths=(3, 4, 23, 3)), "resnet101")
ResNet152 = member("ResNet152", ResNet(depths=(3, 8, 36, 3)), "resnet152")
