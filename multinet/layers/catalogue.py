"""Layers that fewer programs need; `multinet.layers` brings them if asked."""

# ruff: noqa: F401
from multinet.layers.adaptive_pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from multinet.layers.attention import AdditiveAttention, Attention
from multinet.layers.conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from multinet.layers.depthwise_convolution import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from multinet.layers.einsum_dense import EinsumDense
from multinet.layers.group_query_attention import GroupQueryAttention
from multinet.layers.multi_head_attention import MultiHeadAttention
from multinet.layers.recurrent import RNN, StackedRNNCells
from multinet.layers.recurrent_cells import GRUCell, LSTMCell, SimpleRNNCell
from multinet.layers.recurrent_layers import GRU, LSTM, SimpleRNN
from multinet.layers.recurrent_wrappers import Bidirectional, TimeDistributed
from multinet.layers.spectral_normalization import SpectralNormalization
from multinet.layers.transposed_convolution import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)

# Keras's other names of the same classes.
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
