"""More models to be saved: every family of layers, and the forms of whole programs."""

from file_models import model, own_classes


@model((8, 8, 3), (6, 3), 5, targets=[(2,)])
def every_family_of_layers(K):
    L = K.layers
    image, series, words = K.Input((8, 8, 3)), K.Input((6, 3)), K.Input((5,))
    x = L.Rescaling(0.5, 0.1)(L.ZeroPadding2D(1)(image))
    x = L.BatchNormalization()(L.Conv2D(4, 3, strides=2, activation="relu")(x))
    x = L.LeakyReLU(0.1)(L.Conv2D(4, 2, groups=2, use_bias=False)(x))
    x = L.GroupNormalization(2)(L.AveragePooling2D(2)(L.UpSampling2D()(x)))
    x = L.GlobalMaxPooling2D()(L.SpatialDropout2D(0.0)(L.Cropping2D(1)(x)))
    y = L.Conv1D(4, 2, padding="causal")(L.MaxPooling1D(2)(series))
    y = L.Bidirectional(L.GRU(3, return_sequences=True), merge_mode="sum")(y)
    y = L.TimeDistributed(L.Dense(4))(L.LayerNormalization()(y))
    z = L.Embedding(9, 4)(words)
    z = L.MultiHeadAttention(2, 2)(z, y)
    z = L.Dot(axes=2)([L.Softmax()(z), L.RepeatVector(5)(x)])
    z = L.Permute((2, 1))(L.EinsumDense("abc,cd->abd", (5, 4))(z))
    z = L.Reshape((20,))(L.PReLU()(L.GaussianNoise(0.0)(z)))
    y = L.Dropout(0.0)(L.GlobalAveragePooling1D()(L.ELU()(y)))
    joined = L.Concatenate()([L.Average()([x, y]), L.Subtract()([x, y]), z])
    joined = L.UnitNormalization()(L.Activation("softplus")(joined))
    made = K.Model([image, series, words], L.Dense(2)(joined))
    made.compile(K.optimizers.Adam(1e-2, epsilon=1e-3), "mse", metrics=["mae"])
    return made


@model((8, 8, 3), (3, 6, 6, 2), (6, 3), 5, targets=[(2,)])
def convolutions_of_every_kind(K):
    L = K.layers
    image, film = K.Input((8, 8, 3)), K.Input((3, 6, 6, 2))
    series, words = K.Input((6, 3)), K.Input((5,))
    x = L.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0])(image)
    x = L.SeparableConv2D(4, 3, padding="same", activation="relu")(x)
    x = L.DepthwiseConv2D(2, depth_multiplier=2)(x)
    x = L.Conv2DTranspose(3, 3, strides=2)(L.AdaptiveMaxPooling2D(4)(x))
    x = L.GlobalAveragePooling2D()(L.CenterCrop(4, 4)(x))
    y = L.ConvLSTM2D(3, 2, dropout=0.0, return_sequences=True)(film)
    y = L.TimeDistributed(L.Flatten())(L.Conv3D(2, 2)(y))
    y = L.Dense(4)(L.SimpleRNN(3, activation="relu")(L.AlphaDropout(0.0)(y)))
    z = L.Conv1DTranspose(4, 2)(L.SeparableConv1D(4, 2)(series))
    z = L.DepthwiseConv1D(2)(L.AdaptiveAveragePooling1D(3)(z))
    shared = L.ReversibleEmbedding(9, 4)
    w = shared(L.GroupQueryAttention(2, 2, 1)(shared(words), z), reverse=True)
    w = L.GlobalMaxPooling1D()(L.RMSNormalization()(w))
    codes = L.CategoryEncoding(9, output_mode="multi_hot")(words)
    joined = L.Concatenate()([x, y, L.Flatten()(z), w, codes])
    made = K.Model([image, film, series, words], L.Dense(2)(joined))
    made.compile(K.optimizers.Lamb(1e-2, epsilon=1e-3), "mse", metrics=["mae"])
    return made


@model((6, 6, 2), targets=[(2,)])
def kernels_of_norm_one(K):
    L = K.layers
    x = inputs = K.Input((6, 6, 2))
    x = L.SpectralNormalization(L.Conv2D(4, 2), power_iterations=2)(x)
    outputs = L.SpectralNormalization(L.Dense(2))(L.GlobalAveragePooling2D()(x))
    made = K.Model(inputs, outputs)
    made.compile(K.optimizers.SGD(1e-2, momentum=0.9), "mse", metrics=["mae"])
    return made


def parts_of_an_autoencoder(K):
    """Return the layer that samples and the model, registered under `tests>`."""
    known = K.saving.register_keras_serializable("tests")

    @known
    class Sampling(K.layers.Layer):
        """Draws around a mean, so near to it that the libraries' draws are alike."""

        def __init__(self, spread=1e-7, **options):
            super().__init__(**options)
            self.spread = spread
            self.seed_generator = K.random.SeedGenerator(3)

        def call(self, mean, deviation):
            noise = K.random.normal(K.ops.shape(mean), seed=self.seed_generator)
            noise = K.ops.multiply(noise, self.spread)
            return K.ops.add(mean, K.ops.multiply(noise, K.ops.exp(deviation)))

        def get_config(self):
            return {**super().get_config(), "spread": self.spread}

    @known
    class Autoencoder(K.Model):
        def __init__(self, latent=2, **options):
            super().__init__(**options)
            self.latent = latent
            self.hidden = K.layers.Dense(5, activation="tanh")
            self.mean, self.deviation = K.layers.Dense(latent), K.layers.Dense(latent)
            self.sampling = Sampling()
            self.decoder = K.Sequential(
                [K.layers.Dense(5, activation="tanh"), K.layers.Dense(6)]
            )
            self.divergence = K.metrics.Mean(name="divergence")

        def call(self, inputs):
            hidden = self.hidden(inputs)
            mean, deviation = self.mean(hidden), self.deviation(hidden)
            square = K.ops.add(K.ops.square(mean), K.ops.exp(deviation))
            divergence = K.ops.mean(K.ops.subtract(square, deviation))
            self.add_loss(K.ops.multiply(divergence, 0.1))
            self.divergence.update_state(divergence)
            return self.decoder(self.sampling(mean, deviation))

        def get_config(self):
            return {**super().get_config(), "latent": self.latent}

    return Sampling, Autoencoder


@model((6,), targets=[(6,)])
def a_variational_autoencoder(K):
    made = parts_of_an_autoencoder(K)[1](2)
    made.compile(K.optimizers.Adam(1e-2, epsilon=1e-3, clipnorm=1.0), "mse")
    return made


@model(6, 4, targets=[(4, 9)])
def sequence_to_sequence(K):
    source, target = K.Input((6,), name="source"), K.Input((4,), name="target")
    embedded = K.layers.Embedding(10, 4, mask_zero=True, name="words")
    encoder = K.layers.LSTM(5, return_state=True, name="encoder")
    _, hidden, cell = encoder(embedded(source))
    decoder = K.layers.LSTM(5, return_sequences=True, name="decoder")
    y = decoder(embedded(target), initial_state=[hidden, cell])
    made = K.Model([source, target], K.layers.Dense(9, activation="softmax")(y))
    rule = K.optimizers.RMSprop(1e-2, epsilon=1e-3)
    made.compile(rule, "mse", metrics=[K.metrics.CosineSimilarity()])
    return made


def block_of_a_transformer(K):
    """Return a layer of attention and what follows, registered under `tests>`."""

    @K.saving.register_keras_serializable("tests")
    class Block(K.layers.Layer):
        def __init__(self, heads=2, width=4, **options):
            super().__init__(**options)
            self.heads, self.width = heads, width
            self.attention = K.layers.MultiHeadAttention(heads, width // heads)
            self.dense = K.Sequential(
                [K.layers.Dense(2 * width, activation="gelu"), K.layers.Dense(width)]
            )
            self.norms = [K.layers.LayerNormalization() for _ in range(2)]

        def build(self, input_shape):
            self.attention.build(input_shape, input_shape)
            self.dense.build(input_shape)
            for norm in self.norms:
                norm.build(input_shape)
            self.built = True

        def call(self, x):
            attended = self.attention(x, x, use_causal_mask=True)
            x = self.norms[0](K.ops.add(x, attended))
            return self.norms[1](K.ops.add(x, self.dense(x)))

        def get_config(self):
            own = {"heads": self.heads, "width": self.width}
            return {**super().get_config(), **own}

    return Block


@model(5, targets=[(5, 3)])
def a_transformer(K):
    Block = block_of_a_transformer(K)
    words = K.Input((5,), dtype="int32")
    y = K.layers.Embedding(10, 4)(words)
    for number in range(2):
        y = Block(name=f"block_{number}")(y)
    made = K.Model(words, K.layers.Dense(3)(y))
    schedule = K.optimizers.schedules.CosineDecay(1e-2, 10, warmup_steps=3)
    # The bias of keys has no gradient, but rounding noise.
    made.compile(K.optimizers.AdamW(schedule, epsilon=1e-3), "mse")
    return made


@model((8, 8, 2), targets=[(8, 8, 1)])
def a_net_with_skips(K):
    x = K.Input((8, 8, 2))
    down = K.layers.Conv2D(3, 3, padding="same", activation="relu")(x)
    y = K.layers.MaxPooling2D()(down)
    y = K.layers.Conv2D(4, 3, padding="same", activation="relu")(y)
    y = K.layers.UpSampling2D()(y)
    y = K.layers.Concatenate()([down, y])
    made = K.Model(x, K.layers.Conv2D(1, 1, activation="sigmoid")(y))
    made.compile(K.optimizers.SGD(0.1, momentum=0.9, clipvalue=0.5), "mse")
    return made


@model((5,), (5,), targets=[(1,)])
def two_towers_of_a_shared_model(K):
    tower = K.Sequential(
        [K.layers.Dense(4, activation="elu"), K.layers.Dense(3)], name="tower"
    )
    a, b = K.Input((5,), name="a"), K.Input((5,), name="b")
    made = K.Model([a, b], K.layers.Dot(axes=1, normalize=True)([tower(a), tower(b)]))
    made.compile(K.optimizers.Adam(1e-2, epsilon=1e-3, use_ema=True), "mse")
    return made


@model((6,), targets=[(2,)])
def a_head_on_frozen_layers_of_another(K):
    old = K.Sequential(
        [K.Input((6,)), K.layers.Dense(5, activation="relu"), K.layers.Dense(4)]
    )
    old.layers[0].trainable = False
    made = K.Sequential([old, K.layers.BatchNormalization(), K.layers.Dense(2)])
    made.layers[1].trainable = False
    made.build((None, 6))
    made.compile(K.optimizers.Adagrad(0.1, weight_decay=0.01), "mse")
    return made


def own_metric_and_schedule_classes(K):
    """Return a metric and a schedule, registered under `tests>`."""
    known = K.saving.register_keras_serializable("tests")

    @known
    class Farthest(K.metrics.Metric):
        def __init__(self, name="farthest", **options):
            super().__init__(name=name, **options)
            self.most = self.add_weight(shape=(), initializer="zeros", name="most")

        def update_state(self, y_true, y_pred, sample_weight=None):
            away = K.ops.max(K.ops.abs(K.ops.subtract(y_true, y_pred)))
            self.most.assign(K.ops.maximum(self.most, away))

        def result(self):
            return K.ops.multiply(self.most, 1.0)

    @known
    class Halving(K.optimizers.schedules.LearningRateSchedule):
        def __init__(self, start=0.01):
            super().__init__()
            self.start = start

        def __call__(self, step):
            step = K.ops.cast(step, "float32")
            return K.ops.divide(self.start, K.ops.add(K.ops.multiply(step, 0.5), 1.0))

        def get_config(self):
            return {"start": self.start}

    return Farthest, Halving


@model((6,), targets=[(2,)])
def own_metric_and_schedule(K):
    Scale, Quartic, _ = own_classes(K)
    Farthest, Halving = own_metric_and_schedule_classes(K)
    x = K.Input((6,))
    made = K.Model(x, Scale(2.0)(K.layers.Dense(2)(x)))
    rule = K.optimizers.SGD(Halving(0.02), momentum=0.5)
    made.compile(rule, Quartic(), metrics=[Farthest(), "mae"])
    return made


@model((6,), targets=[{"left": (2,), "right": (1,)}])
def outputs_by_name(K):
    x = K.Input((6,))
    y = K.layers.Dense(4, activation="tanh")(x)
    left, right = K.layers.Dense(2, name="left"), K.layers.Dense(1, name="right")
    made = K.Model(x, {"left": left(y), "right": right(y)})
    made.compile(
        K.optimizers.Adadelta(1.0),
        loss={"left": "mse", "right": "mae"},
        metrics={"left": ["mae"], "right": [K.metrics.RootMeanSquaredError()]},
    )
    return made


# -- other dtypes ----------------------------------------------------------------------


def under(policy, function):
    """Return what a function of a library makes under a dtype policy."""

    def make(K):
        before = K.config.dtype_policy()
        K.config.set_dtype_policy(policy)
        try:
            return function(K)
        finally:
            K.config.set_dtype_policy(before)

    make.__name__ = function.__name__
    return make


def small(K):
    """Return a model without a last layer: one of each kind of layer with weights."""
    x = K.Input((4, 6))
    y = K.layers.LayerNormalization()(K.layers.Dense(5, activation="relu")(x))
    y = K.layers.BatchNormalization()(K.layers.Flatten()(y))
    return x, K.layers.Dense(4, activation="tanh")(y)


def mixed_float16(K):
    x, y = small(K)
    made = K.Model(x, K.layers.Dense(2, dtype="float32")(y))
    rule = K.optimizers.SGD(0.5, momentum=0.9)
    # So small that no gradient is near to where float16 ends, times the loss scale.
    made.compile(rule, "mse", loss_weights=[0.01], metrics=["mae"])
    return made


def mixed_bfloat16(K):
    x, y = small(K)
    made = K.Model(x, K.layers.Dense(2, dtype="float32")(y))
    made.compile(K.optimizers.SGD(1e-2, momentum=0.9), "mse")
    return made


def in_float64(K):
    x, y = small(K)
    made = K.Model(x, K.layers.Dense(2)(y))
    made.compile(K.optimizers.Adam(1e-2, epsilon=1e-3), "mse")
    return made


for _policy, _function in (
    ("mixed_float16", mixed_float16),
    ("mixed_bfloat16", mixed_bfloat16),
    ("float64", in_float64),
):
    model((4, 6), targets=[(2,)])(under(_policy, _function))


def register(K):
    """Make known the classes of all models, for reading."""
    own_classes(K)
    parts_of_an_autoencoder(K)
    block_of_a_transformer(K)
    own_metric_and_schedule_classes(K)
