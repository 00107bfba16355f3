"""ResNet V2: residual networks of 50 to 152 layers that normalize first."""

from multinet import surface
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.network import member
from multinet.applications.pixels import scaled as preprocess_input
from multinet.applications.residual import ResNetV2

__all__ = [
    "ResNet50V2",
    "ResNet101V2",
    "ResNet152V2",
    "decode_predictions",
    "preprocess_input",
]

surface.show(__name__)

ResNet50V2 = member("ResNet50V2", ResNetV2(depths=(3, 4, 6, 3)), "resnet50v2")
ResNet101V2 = member("ResNet101V2", ResNetV2(depths=(3, 4, 23, 3)), "resnet101v2")
ResNet152V2 = member("ResNet152V2", ResNetV2(depths=(3, 8, 36, 3)), "resnet152v2")
