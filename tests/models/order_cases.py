"""Subclassed models of every way to hold parts, written once for Multinet and Keras."""

from collections import OrderedDict, namedtuple

Pair = namedtuple("Pair", ["left", "right"])


def dense(K, units=3, **options):
    """Return a layer that keeps the number of features."""
    return K.layers.Dense(units, **options)


def model_of(K, init, call):
    """Return a model called `m` whose `__init__` and `call` are functions."""

    class M(K.Model):
        def __init__(self):
            super().__init__(name="m")
            init(self, K)

        def call(self, x):
            return call(self, x, K)

    return M()


def block_class(K):
    """Return a layer class with two layers and a weight of its own."""

    class Block(K.layers.Layer):
        def __init__(self, name):
            super().__init__(name=name)
            self.second = dense(K, name="second")
            self.first = dense(K, name="first")

        def build(self, shape):
            self.scale = self.add_weight(shape=(shape[-1],), name="scale")
            self.count = self.add_weight(
                shape=(), initializer="zeros", trainable=False, name="count"
            )
            self.shift = self.add_weight(shape=(shape[-1],), name="shift")

        def call(self, x):
            scaled = K.ops.multiply(self.first(self.second(x)), self.scale)
            return K.ops.add(scaled, self.shift)

    return Block


def chain(*names):
    """Return a `call` that applies attributes, items of lists too, one by one."""

    def call(model, x, K):
        for name in names:
            part = getattr(model, name)
            parts = part.values() if isinstance(part, dict) else part
            for layer in (
                parts if isinstance(part, (list, tuple, dict, set)) else [part]
            ):
                x = layer(x)
        return x

    return call


CASES = {}


def case(call):
    """Add a case: the decorated function is its `__init__`."""

    def add(init):
        CASES[init.__name__] = (init, call)
        return init

    return add


@case(chain("a", "b"))
def attributes(m, K):
    m.b, m.a = dense(K), dense(K)


@case(chain("head", "tail"))
def none_first(m, K):
    m.head = None
    m.tail = dense(K)
    m.head = dense(K)


@case(chain("qs", "ks"))
def interleaved_lists(m, K):
    m.qs, m.ks = [], []
    for _ in range(3):
        m.qs.append(dense(K))
        m.ks.append(dense(K))


@case(chain("qs", "tail", "ks"))
def a_list_that_grows_between_attributes(m, K):
    m.qs = []
    m.qs.append(dense(K))
    m.tail = dense(K)
    m.ks = [dense(K)]
    m.qs.append(dense(K))
    m.qs.append(dense(K))


@case(chain("blocks"))
def a_list_given_whole(m, K):
    later, first = dense(K), dense(K)
    m.blocks = [first, later]


@case(chain("blocks"))
def a_list_made_anew(m, K):
    m.blocks = [dense(K)]
    m.other = dense(K, name="unused")
    m.blocks = m.blocks + [dense(K)]
    m.other.build((None, 3))


@case(chain("pair"))
def tuples(m, K):
    m.pair = (dense(K), dense(K))


@case(chain("pair"))
def named_tuples(m, K):
    m.pair = Pair(dense(K), dense(K))


@case(chain("table", "after"))
def dicts(m, K):
    m.table = {"z": dense(K), "a": dense(K)}
    m.after = dense(K)
    m.table["k"] = dense(K)


@case(chain("table"))
def ordered_dicts(m, K):
    m.table = OrderedDict(z=dense(K), a=dense(K))


@case(chain("table"))
def a_dict_that_is_updated(m, K):
    m.table = {}
    m.table.update({"b": dense(K)})
    m.table["a"] = dense(K)


@case(lambda m, x, K: m.grid[1][0](m.grid[0]["a"](x)))
def nested_containers(m, K):
    m.grid = [{"a": dense(K)}, [dense(K)]]


@case(lambda m, x, K: m.rows[1][0](m.rows[0][0](x)))
def lists_in_lists_that_grow(m, K):
    m.rows = [[]]
    m.rows[0].append(dense(K))
    m.rows.append([dense(K)])


@case(chain("b", "a"))
def extended_in_place(m, K):
    m.a = [dense(K)]
    m.b = dense(K)
    m.a += [dense(K)]


@case(chain("a", "b"))
def inserted_before(m, K):
    m.a = [dense(K)]
    m.b = dense(K)
    m.a.insert(0, dense(K))


@case(chain("a", "b", "c"))
def shared_layers(m, K):
    m.a = dense(K)
    m.b = m.a
    m.c = [m.a, dense(K)]


@case(chain("block_1", "block_0"))
def nested_layers(m, K):
    Block = block_class(K)
    m.block_0, m.block_1 = Block("block_0"), Block("block_1")


@case(chain("blocks", "last"))
def equal_inner_names(m, K):
    Block = block_class(K)
    m.last = dense(K)
    m.blocks = [Block("one"), Block("two")]


@case(chain("norm", "tail"))
def trainable_before_fixed(m, K):
    m.norm = K.layers.BatchNormalization()
    m.tail = dense(K)


@case(lambda m, x, K: K.ops.add(K.ops.multiply(m.tail(x), m.gain), m.bias))
def own_weights(m, K):
    m.tail = dense(K)
    m.count = m.add_weight(shape=(), trainable=False, initializer="zeros", name="count")
    m.gain = m.add_weight(shape=(3,), name="gain")
    m.bias = m.add_weight(shape=(3,), name="bias")


@case(lambda m, x, K: K.ops.multiply(m.tail(x), m.gain))
def own_weights_frozen_later(m, K):
    m.gain = m.add_weight(shape=(3,), name="gain")
    m.count = m.add_weight(shape=(), trainable=False, initializer="zeros", name="count")
    m.other = m.add_weight(shape=(2,), name="other")
    m.gain.trainable = False
    m.tail = dense(K)


@case(chain("tail"))
def variables_in_attributes(m, K):
    m.tail = dense(K)
    m.steps = K.Variable(0.0, trainable=False, name="steps")
    m.free = K.Variable([1.0, 2.0], name="free")


@case(lambda m, x, K: K.ops.multiply(m.tail(x), m.gains[0] * m.gains[1]))
def variables_in_lists(m, K):
    m.gains = [K.Variable([1.0, 2.0, 3.0], name="left")]
    m.tail = dense(K)
    m.gains.append(K.Variable([1.0, 2.0, 3.0], name="right"))


@case(lambda m, x, K: m.rnn(K.ops.expand_dims(x, 1)))
def cells(m, K):
    m.rnn = K.layers.LSTM(3)


@case(lambda m, x, K: m.rnn(K.ops.expand_dims(x, 1)))
def stacked_cells(m, K):
    m.rnn = K.layers.RNN([K.layers.GRUCell(3), K.layers.SimpleRNNCell(3)])


@case(lambda m, x, K: m.both(K.ops.expand_dims(x, 1)))
def both_directions(m, K):
    m.both = K.layers.Bidirectional(K.layers.LSTM(3))


@case(lambda m, x, K: m.wrapped(K.ops.expand_dims(x, 1)))
def wrapped_layers(m, K):
    m.wrapped = K.layers.TimeDistributed(dense(K))


@case(lambda m, x, K: m.attention(K.ops.expand_dims(x, 1), K.ops.expand_dims(x, 1)))
def attention(m, K):
    m.attention = K.layers.MultiHeadAttention(2, 3)


@case(lambda m, x, K: m.attention(K.ops.expand_dims(x, 1), K.ops.expand_dims(x, 1)))
def grouped_attention(m, K):
    m.attention = K.layers.GroupQueryAttention(4, 4, 2)


@case(chain("inner", "tail"))
def models_in_models(m, K):
    m.tail = dense(K)
    m.inner = K.Sequential([K.layers.Dense(3), K.layers.Dense(3)], name="inner")


@case(chain("inner", "tail"))
def functional_models_inside(m, K):
    x = K.Input((3,))
    y = K.layers.Dense(3, name="late")(x)
    z = K.layers.Dense(3, name="early")(x)
    m.inner = K.Model(x, K.layers.Add()([z, y]), name="inner")
    m.tail = dense(K)


@case(chain("a", "tail"))
def metrics_of_their_own(m, K):
    m.second = K.metrics.Mean(name="second")
    m.a = dense(K)
    m.meters = [K.metrics.Sum(name="third")]
    m.tail = dense(K)
    m.first = K.metrics.Mean(name="first")


@case(chain("layer", "tail"))
def metrics_of_layers(m, K):
    class Meter(K.layers.Layer):
        def __init__(self):
            super().__init__(name="meter")
            self.inner = K.metrics.Mean(name="inside")

        def call(self, x):
            return x

    m.outer = K.metrics.Mean(name="outside")
    m.layer = Meter()
    m.tail = dense(K)
