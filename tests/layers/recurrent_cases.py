"""More of the table of layers: recurrent ones that return one tensor."""

SHAPE = (2, 5, 3)
SEQUENCES = {"return_sequences": True}

RECURRENT = [
    ("LSTM", {"units": 4}, SHAPE),
    ("LSTM", {"units": 4, **SEQUENCES}, SHAPE),
    ("LSTM", {"units": 2, **SEQUENCES, "go_backwards": True}, SHAPE),
    ("LSTM", {"units": 2, "use_bias": False, "unit_forget_bias": False}, SHAPE),
    (
        "LSTM",
        {"units": 2, "activation": "softsign", "recurrent_activation": "hard_sigmoid"},
        SHAPE,
    ),
    ("LSTM", {"units": 3, "activation": "softsign", "unroll": True}, SHAPE),
    ("GRU", {"units": 4}, SHAPE),
    ("GRU", {"units": 4, "reset_after": False, **SEQUENCES}, SHAPE),
    ("GRU", {"units": 2, "go_backwards": True}, SHAPE),
    ("GRU", {"units": 2, "activation": "softsign", **SEQUENCES}, SHAPE),
    (
        "GRU",
        {"units": 2, "activation": "softsign", "reset_after": False, "use_bias": False},
        SHAPE,
    ),
    (
        "GRU",
        {"units": 3, "recurrent_activation": "hard_sigmoid"},
        SHAPE,
    ),
    ("SimpleRNN", {"units": 4}, SHAPE),
    ("SimpleRNN", {"units": 2, **SEQUENCES, "go_backwards": True}, SHAPE),
    ("SimpleRNN", {"units": 2, "activation": "softplus", "unroll": True}, SHAPE),
    ("SimpleRNN", {"units": 1, "use_bias": False}, SHAPE),
    ("ConvLSTM1D", {"filters": 3, "kernel_size": 3}, (2, 3, 5, 2)),
    (
        "ConvLSTM1D",
        {"filters": 2, "kernel_size": 2, "strides": 2, "padding": "same", **SEQUENCES},
        (2, 3, 5, 2),
    ),
    (
        "ConvLSTM2D",
        {"filters": 2, "kernel_size": (2, 3), "padding": "same", **SEQUENCES},
        (2, 3, 4, 4, 2),
    ),
    (
        "ConvLSTM2D",
        {
            "filters": 3,
            "kernel_size": 2,
            "dilation_rate": 2,
            "data_format": "channels_first",
            "go_backwards": True,
            "activation": "softsign",
            "use_bias": False,
        },
        (2, 3, 2, 4, 4),
    ),
    ("ConvLSTM3D", {"filters": 2, "kernel_size": 2}, (2, 2, 3, 3, 3, 2)),
]

#: Classes with tests of their own in test_recurrent.py.
NESTED = {
    "RNN",
    "SimpleRNNCell",
    "LSTMCell",
    "GRUCell",
    "StackedRNNCells",
    "Bidirectional",
    "TimeDistributed",
    "Wrapper",
    "SpectralNormalization",
    "Lambda",
}
