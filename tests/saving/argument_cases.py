"""A value other than the default for each argument of each public class."""

import inspect

import numpy as np

import multinet
from multinet.configurable import parameters
from multinet.layers import around
from multinet.objects import exports

#: Bases to subclass, and models, whose arguments are tensors.
ABSTRACT = {
    "Constraint",
    "DistillationLoss",
    "Distiller",
    "Function",
    "Initializer",
    "Layer",
    "LearningRateSchedule",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "RandomInitializer",
    "Regularizer",
    "Sequential",
    "Wrapper",
    # A node of a file, whose arguments belong together: in tests/importing_onnx.
    "Operator",
    # Layers around what a framework has, in tests/bridges.
    *around.NAMES,
}


def _initializer(lib):
    return lib.initializers.RandomNormal(0.0, 0.3, seed=7)


def _cells(lib):
    return [lib.layers.LSTMCell(2, name="one"), lib.layers.GRUCell(3, name="two")]


def _optimizer(lib):
    return lib.optimizers.SGD(0.3, name="inner")


#: Functions of the library make what is an object.
OTHER = {
    "activation": "elu",
    "activity_regularizer": "l1",
    "adam_beta_1": 0.7,
    "adam_beta_2": 0.8,
    "adam_lr_ratio": 0.5,
    "adam_weight_decay": 0.1,
    "addition_factor": 0.2,
    "all_ops": False,
    "alpha": 0.7,
    "amsgrad": True,
    "antialias": True,
    "apply_class_balancing": True,
    "attention_axes": (1,),
    "average": "macro",
    "axes": (2, 1),
    "axis": 1,
    "batch_shape": (None, 4),
    "beta": 2.0,
    "beta_1": 0.7,
    "beta_2": 0.8,
    "beta_2_decay": -0.5,
    "bias_axes": "c",
    "bins": 16,
    "boundaries": [3, 8],
    "bounding_box_format": "xywh",
    "brightness_factor": 0.2,
    "center": False,
    "centered": True,
    "chain_depth": 2,
    "class_aggregation": "variance_weighted_average",
    "class_id": 1,
    "clip_limit": 2.0,
    "clip_threshold": 0.5,
    "clipnorm": 0.5,
    "clipvalue": 0.5,
    "contrast_factor": 0.3,
    "crop_to_aspect_ratio": True,
    "curve": "PR",
    "cycle": True,
    "decay_rate": 0.9,
    "decay_steps": 7,
    "delta": 2.0,
    "depth_multiplier": 2,
    "dilation_rate": 2,
    "dims": (2, 1),
    "distribution": "uniform",
    "dropout": 0.3,
    "dynamic_growth_steps": 7,
    "ema_momentum": 0.9,
    "ema_overwrite_frequency": 5,
    "end_learning_rate": 0.01,
    "epsilon": 0.02,
    "epsilon_1": 1e-20,
    "epsilon_2": 0.01,
    "equation": "ab,bc->ac",
    "encoding": "latin-1",
    "exclude_embeddings": False,
    "exclude_layers": ["head"],
    "expand_dims": True,
    "factor": 0.3,
    "fill_mode": "wrap",
    "fill_value": 2.0,
    "fft_length": 1024,
    "filters": 4,
    "first_decay_steps": 6,
    "flash_attention": False,
    "fn": lambda lib: lib.losses.mean_squared_error,
    "frame_length": 128,
    "frame_step": 64,
    "from_logits": True,
    "from_sorted_ids": True,
    "gain": 2.0,
    "gamma": 3.0,
    "global_clipnorm": 0.5,
    "go_backwards": True,
    "gradient_accumulation_steps": 3,
    "groups": 2,
    "head_dim": 4,
    "height": 5,
    "height_factor": 0.2,
    "hue_factor": 0.3,
    "ignore_class": 1,
    "implementation": 1,
    "initial_accumulator_value": 0.3,
    "initial_learning_rate": 0.2,
    "initial_scale": 64.0,
    "input_dim": 7,
    "interpolation": "bilinear",
    "invert": True,
    "k": 3,
    "keepdims": True,
    "kernel_size": 3,
    "key_dim": 3,
    "l1": 0.2,
    "l1_regularization_strength": 0.1,
    "l2": 0.3,
    "l2_regularization_strength": 0.2,
    "l2_shrinkage_regularization_strength": 0.3,
    "label_smoothing": 0.1,
    "layer": lambda lib: lib.layers.LSTM(2, name="inner"),
    "learning_rate": lambda lib: lib.optimizers.schedules.CosineDecay(0.1, 10, 0.2),
    "learning_rate_power": -0.7,
    "logit_soft_cap": 5.0,
    "lora_alpha": 3,
    "lora_rank": 2,
    "loss": "mae",
    "loss_scale_factor": 8.0,
    "m_mul": 0.5,
    "mag_exp": 1.0,
    "margin": 0.3,
    "mask_value": 1.0,
    "mask_zero": True,
    "max_number": 3,
    "mask_token": "[M]",
    "max_freq": 3000.0,
    "max_tokens": 9,
    "max_value": 3.0,
    "maxval": 0.2,
    "mean": 0.5,
    "merge_mode": "sum",
    "min_freq": 30.0,
    "min_power": 1e-8,
    "min_value": 0.5,
    "minval": -0.2,
    "mode": "fan_out",
    "momentum": 0.8,
    "muon_a": 3.0,
    "muon_b": -4.0,
    "muon_c": 2.5,
    "n": 3,
    "name": "other",
    "negative_slope": 0.2,
    "nesterov": True,
    "ngrams": 2,
    "noise_shape": (None, 1),
    "normalize": True,
    "ns_steps": 3,
    "num_chains": 2,
    "num_classes": 3,
    "num_heads": 2,
    "num_key_value_heads": 2,
    "num_ops": 3,
    "num_bins": 5,
    "num_mel_bins": 40,
    "num_oov_indices": 2,
    "num_query_heads": 4,
    "label_weights": [0.5, 2.0, 1.0],
    "multi_label": True,
    "num_labels": 3,
    "num_regressors": 2,
    "num_thresholds": 5,
    "num_tokens": 5,
    "offset": lambda lib: np.array([1.0, 2.0]),
    "oov_method": "farmhash",
    "oov_token": "[OOV]",
    "optional": True,
    "output_dim": 3,
    "output_mode": "one_hot",
    "output_sequence_length": 7,
    "output_shape": (4,),
    "output_size": 3,
    "pad_to_aspect_ratio": True,
    "pad_to_max_tokens": True,
    "padding": "same",
    "periodic": True,
    "pool_size": 3,
    "power": 2.0,
    "power_iterations": 3,
    "power_to_db": False,
    "precision": 0.4,
    "q": 0.7,
    "rate": 0.4,
    "recall": 0.4,
    "recurrent_activation": "hard_sigmoid",
    "recurrent_dropout": 0.2,
    "reduction": "sum",
    "ref_power": 2.0,
    "relative_step": False,
    "remove_diagonal": False,
    "renorm": True,
    "renorm_clipping": {"rmax": 2.0, "dmax": 1.0},
    "renorm_momentum": 0.7,
    "reset_after": False,
    "return_sequences": True,
    "return_state": True,
    "reverse_dtype": "float64",
    "rho": 0.8,
    "rms_rate": 0.4,
    "rms_scaling": True,
    "saturation_factor": 0.4,
    "salt": [3, 4],
    "sampling_rate": 8000,
    "scale": False,
    "scaling": "spectrum",
    "score_mode": "concat",
    "seed": 5,
    "sensitivity": 0.4,
    "sequence_length": 512,
    "sequence_stride": 128,
    "shape": (4,),
    "shared_axes": (1,),
    "side": "imag",
    "sigma": 0.5,
    "size": 3,
    "sliding_window": 2,
    "sparse": True,
    "sparse_y_pred": False,
    "sparse_y_true": False,
    "specificity": 0.4,
    "split": "character",
    "staircase": True,
    "standardize": "lower",
    "stateful": True,
    "stddev": 0.3,
    "strides": 3,
    "student_layer_name": "b",
    "summation_method": "minoring",
    "synchronized": True,
    "t_mul": 1.5,
    "target_class_ids": [1],
    "target_shape": (2, 3),
    "teacher_layer_name": "a",
    "temperature": 2.0,
    "threshold": 0.3,
    "tie_weights": False,
    "threshold_factor": 0.3,
    "thresholds": [0.2, 0.6],
    "tile_grid_size": (4, 4),
    "top_db": 60.0,
    "top_k": 2,
    "trainable": False,
    "unit_forget_bias": False,
    "units": 3,
    "unroll": True,
    "use_bias": False,
    "use_cudnn": False,
    "use_ema": True,
    "use_gate": True,
    "use_scale": True,
    "value": lambda lib: np.array([0.5, 0.25], "float32"),
    "value_dim": 2,
    "value_range": [0, 1],
    "values": [0.3, 0.2, 0.1],
    "warmup_steps": 3,
    "warmup_target": 0.4,
    "weight_decay": 0.1,
    "width": 4,
    "width_factor": 0.3,
    "window": "hamming",
    "x_factor": 0.2,
    "y_factor": 0.3,
    "zero_output_for_mask": True,
}

#: What differs for one class, or has no meaning for it (then it names the reason).
SPECIAL = {
    ("AUC", "num_thresholds"): 7,
    ("AugMix", "factor"): 0.4,
    ("Bidirectional", "backward_layer"): lambda lib: lib.layers.LSTM(
        2, go_backwards=True, name="back"
    ),
    ("CategoricalFocalCrossentropy", "alpha"): [0.3, 0.7],
    ("CosineDecay", "name"): "other",
    ("Cross", "crossing_dim"): 16,
    ("Cross", "feature_names"): ("a", "b"),
    ("Cross", "output_mode"): "int",
    ("Cropping1D", "cropping"): (1, 2),
    ("Cropping2D", "cropping"): ((1, 2), (0, 1)),
    ("Cropping3D", "cropping"): ((1, 2), (0, 1), (1, 0)),
    ("Discretization", "bin_boundaries"): [1.0, 2.0],
    ("DTypePolicy", "name"): "mixed_float16",
    ("DTypePolicyMap", "default_policy"): "mixed_bfloat16",
    ("DTypePolicyMap", "policy_map"): lambda lib: {"a": lib.DTypePolicy("float16")},
    ("Feature", "preprocessor"): lambda lib: lib.layers.Hashing(3, name="inner"),
    ("FeatureSpace", "crosses"): [("a", "b")],
    ("FeatureSpace", "crossing_dim"): 16,
    ("FeatureSpace", "features"): {"a": "integer_hashed", "b": "string_hashed"},
    ("FeatureSpace", "hashing_dim"): 16,
    ("FeatureSpace", "num_discretization_bins"): 16,
    ("FeatureSpace", "output_mode"): "dict",
    ("FloatDTypePolicy", "name"): "mixed_float16",
    ("IntegerLookup", "mask_token"): 0,
    ("IntegerLookup", "oov_token"): -5,
    ("IoU", "target_class_ids"): [1],
    ("LossScaleOptimizer", "inner_optimizer"): _optimizer,
    ("MultiOptimizer", "optimizer_map"): lambda lib: lib.optimizers.OptimizerMap(
        _optimizer(lib), {"a/.*": lib.optimizers.Adam(0.2, name="other")}
    ),
    ("OptimizerMap", "default_optimizer"): _optimizer,
    ("OptimizerMap", "optimizer_map"): lambda lib: {
        "a/.*": lib.optimizers.Adam(0.2, name="other")
    },
    ("OrthogonalRegularizer", "mode"): "columns",
    ("MaxNumBoundingBoxes", "fill_value"): 2,
    ("Pipeline", "layers"): lambda lib: [
        lib.layers.RandomFlip(name="flip"),
        lib.layers.Rescaling(0.5, name="rescaling"),
    ],
    ("RandomErasing", "scale"): (0.1, 0.4),
    ("RandomElasticTransform", "scale"): (0.2, 0.4),
    ("RandomFlip", "mode"): "vertical",
    ("RandomGaussianBlur", "kernel_size"): (5, 3),
    ("RandomPerspective", "scale"): 0.4,
    ("RandomPosterization", "factor"): 4,
    ("Resizing", "interpolation"): "nearest",
    **{
        (name, "interpolation"): "nearest"
        for name in (
            "AugMix",
            "RandAugment",
            "RandomElasticTransform",
            "RandomPerspective",
            "RandomRotation",
            "RandomShear",
            "RandomTranslation",
            "RandomZoom",
        )
    },
    ("InputSpec", "shape"): (None, 3),
    ("InputSpec", "ndim"): 3,
    ("InputSpec", "max_ndim"): 4,
    ("InputSpec", "min_ndim"): 2,
    ("InputSpec", "axes"): {"-1": 3},
    ("InputSpec", "allow_last_axis_squeeze"): True,
    ("RandomShear", "x_factor"): (0.1, 0.3),
    ("RandomShear", "y_factor"): (0.1, 0.3),
    ("Rescaling", "scale"): 0.5,
    ("LayerScale", "init_values"): 0.1,
    ("LayerScale", "projection_dim"): 3,
    ("StochasticDepth", "drop_path_rate"): 0.2,
    ("RNN", "cell"): lambda lib: lib.layers.StackedRNNCells(_cells(lib), name="stack"),
    ("StackedRNNCells", "cells"): _cells,
    ("Lambda", "function"): lambda lib: lib.ops.square,
    ("STFTSpectrogram", "mode"): "psd",
    ("SpectralNormalization", "layer"): lambda lib: lib.layers.Dense(2, name="inner"),
    ("TimeDistributed", "layer"): lambda lib: lib.layers.Dense(
        2, activation="relu", name="inner"
    ),
    ("VarianceScaling", "scale"): 2.0,
    ("ZeroPadding1D", "padding"): (1, 2),
    ("ZeroPadding2D", "padding"): ((1, 2), (0, 1)),
    ("ZeroPadding3D", "padding"): ((1, 2), (0, 1), (1, 0)),
}

#: Arguments that are not in a configuration, and why.
LEFT_OUT = {
    "autocast": "a class decides it, as in Keras",
    "ragged": "refused by the constructor",
    "gradient_accumulation_steps": "refused by the constructor",
    ("FeatureSpace", "name"): "Keras does not write it",
    ("FeatureSpace", "crosses"): "written as objects",
    ("FeatureSpace", "features"): "written as objects",
    ("IntegerLookup", "vocabulary_dtype"): "has one value",
    ("AUC", "multi_label"): "refused by the constructor",
    ("AUC", "num_labels"): "refused by the constructor",
    ("AUC", "label_weights"): "refused by the constructor",
}

#: Arguments that have a default here, but need a value here or in Keras.
REQUIRED = {
    "CategoryEncoding": {"num_tokens": 4},
    "Discretization": {"num_bins": 4},
    "InputLayer": {"batch_shape": (None, 3)},
    "RandomCrop": {"seed": 3},  # without one Keras draws it
    "RandomShear": {"x_factor": (0.1, 0.2), "y_factor": (0.1, 0.2)},  # pairs in files
    **dict.fromkeys([f"AveragePooling{n}D" for n in (1, 2, 3)], {"pool_size": 2}),
}

#: Arguments that only go together, or that another one rules out.
TOGETHER = {
    "num_labels": {"num_labels": 3, "multi_label": True},
    "input_axes": {"input_axes": (0,), "output_axes": (1,)},
    "output_axes": {"input_axes": (0,), "output_axes": (1,)},
    "batch_shape": {"batch_shape": (None, 5)},
    "ema_overwrite_frequency": {"ema_overwrite_frequency": 5, "use_ema": True},
    "renorm": {"renorm": True, "renorm_clipping": {"rmax": 2.0, "dmax": 1.0}},
    "nesterov": {"momentum": 0.9},
    "pad_to_max_tokens": {"pad_to_max_tokens": True, "max_tokens": 9},
    ("Discretization", "bin_boundaries"): {
        "bin_boundaries": [1.0, 2.0],
        "num_bins": None,
    },
    "sparse": {"sparse": True, "output_mode": "one_hot"},
    ("InputLayer", "sparse"): {"sparse": True},
    ("Hashing", "dtype"): {"dtype": "int32"},
    ("HashedCrossing", "dtype"): {"dtype": "int32"},
    ("IntegerLookup", "salt"): {"salt": [3, 4], "oov_method": "farmhash"},
    "output_padding": {"output_padding": 1, "strides": 2},
}


def classes():
    """Return the public classes that can be made, by module and name."""
    names = exports._exports().names
    return {n: cls for cls, n in names.items() if n.class_name not in ABSTRACT}


def required(cls, lib=multinet):
    """Return values for the arguments without a default, and a name."""
    takes = parameters(cls)
    needed = [n for n, p in takes.items() if p.default is inspect.Parameter.empty]
    values = {name: other(cls, name, lib) for name in needed}
    values |= REQUIRED.get(cls.__name__, {})
    named = "name" in takes and not cls.__name__.endswith("DTypePolicy")
    return {"name": "thing", **values} if named else values


def other(cls, name, lib=multinet):
    """Return a value for an argument, not its default; an error asks for one."""
    default = parameters(cls)[name].default
    value = SPECIAL.get((cls.__name__, name), OTHER.get(name))
    if value is None and name.endswith("_initializer"):
        value = _initializer
    elif value is None and name.endswith("_regularizer"):
        value = "l2"
    elif value is None and name.endswith("_constraint"):
        value = "max_norm"
    elif name == "dtype":
        value = "float64"
    elif name == "data_format":
        value = "channels_first"
    if isinstance(default, bool) and isinstance(value, bool):
        return not default
    value = value(lib) if inspect.isfunction(value) else value
    assert value is not None, (
        f"{cls.__name__} has an argument {name!r} without another value here: add one"
    )
    assert repr(value) != repr(default), f"{cls.__name__} has {name}={value!r} anyway"
    return value


def arguments(cls, name, lib=multinet):
    """Return arguments to make an object with, `name` at another value."""
    more = TOGETHER.get((cls.__name__, name)) or TOGETHER.get(name, {})
    own = {} if name in more else {name: other(cls, name, lib)}
    return {**required(cls, lib), **own, **more}


def cases():
    """Yield each class with each argument."""
    for written, cls in classes().items():
        for name in parameters(cls):
            unwritten = getattr(cls, "_unwritten", ())
            left = {name, (cls.__name__, name)} & {*LEFT_OUT, *unwritten}
            if not left:
                yield f"{written.module}.{written.class_name}-{name}", cls, name
