"""The networks, by the modules that have them; `multinet.applications` brings them."""

# ruff: noqa: F401
from multinet.applications.convnext import (
    ConvNeXtBase,
    ConvNeXtLarge,
    ConvNeXtSmall,
    ConvNeXtTiny,
    ConvNeXtXLarge,
)
from multinet.applications.densenet import DenseNet121, DenseNet169, DenseNet201
from multinet.applications.efficientnet import (
    EfficientNetB0,
    EfficientNetB1,
    EfficientNetB2,
    EfficientNetB3,
    EfficientNetB4,
    EfficientNetB5,
    EfficientNetB6,
    EfficientNetB7,
)
from multinet.applications.efficientnet_v2 import (
    EfficientNetV2B0,
    EfficientNetV2B1,
    EfficientNetV2B2,
    EfficientNetV2B3,
    EfficientNetV2L,
    EfficientNetV2M,
    EfficientNetV2S,
)
from multinet.applications.inception_resnet_v2 import InceptionResNetV2
from multinet.applications.inception_v3 import InceptionV3
from multinet.applications.mobilenet import MobileNet
from multinet.applications.mobilenet_v2 import MobileNetV2
from multinet.applications.mobilenet_v3 import MobileNetV3Large, MobileNetV3Small
from multinet.applications.nasnet import NASNetLarge, NASNetMobile
from multinet.applications.resnet import ResNet50, ResNet101, ResNet152
from multinet.applications.resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
from multinet.applications.vgg16 import VGG16
from multinet.applications.vgg19 import VGG19
from multinet.applications.xception import Xception
