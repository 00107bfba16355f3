"""Tell who takes whose side in a karate club, from friendships and two known members.

The graph is Zachary's karate club: W. W. Zachary, "An information flow model for
conflict and fission in small groups", 1977. The club split after a dispute between its
instructor, member 0, and its president, member 33. Only their sides are given, and
three rounds of messages between friends must find the others. Run it on a backend with,
say, `MULTINET_BACKEND=torch python examples/graph_network.py`.
"""

import argparse
from pathlib import Path

import numpy as np
import plots
from matplotlib.colors import LinearSegmentedColormap

import multinet
from multinet import layers, ops

FRIENDS = """
0:1,2,3,4,5,6,7,8,10,11,12,13,17,19,21,31 1:2,3,7,13,17,19,21,30 2:3,7,8,9,13,27,28,32
3:7,12,13 4:6,10 5:6,10,16 6:16 8:30,32,33 9:33 13:33 14:32,33 15:32,33 18:32,33 19:33
20:32,33 22:32,33 23:25,27,29,32,33 24:25,27,31 25:31 26:29,33 27:33 28:31,33 29:32,33
30:32,33 31:32,33 32:33
"""
PRESIDENTS = [9, 14, 15, 18, 20, *range(22, 34)]  # who went with the president
KNOWN = [0, 33]


def edges() -> np.ndarray:
    """Return all pairs of friends (2, n), in both directions, and each with himself."""
    pairs = [
        (int(a), int(b))
        for a, others in (line.split(":") for line in FRIENDS.split())
        for b in others.split(",")
    ]
    one = np.array(pairs).T
    alone = np.arange(one.max() + 1)
    return np.concatenate([one, one[::-1], [alone, alone]], axis=1)


class Messages(layers.Layer):
    """A graph convolution: each node gets what its neighbours send, scaled by degree.

    Source: Kipf and Welling, "Semi-supervised classification with graph convolutional
    networks", 2017.
    """

    def __init__(self, units, graph, activation=None, **options):
        super().__init__(**options)
        self.dense = layers.Dense(units, use_bias=False)
        self.activation = layers.Activation(activation)
        self.senders, self.receivers = graph
        degree = np.bincount(self.receivers)
        share = 1 / np.sqrt(degree[self.senders] * degree[self.receivers])
        self.share = share[:, None].astype("float32")

    def call(self, nodes):
        sent = ops.take(self.dense(nodes), self.senders, axis=0)
        sent = ops.multiply(sent, self.share)
        count = int(self.receivers.max()) + 1
        return self.activation(ops.segment_sum(sent, self.receivers, count))


def network(graph: np.ndarray) -> multinet.Model:
    """Return a model from members, one row each, to the chance of the president."""
    members = graph.max() + 1
    nodes = multinet.Input((members,), batch_size=members)
    x = Messages(16, graph, "tanh")(nodes)
    x = Messages(16, graph, "tanh")(x)
    x = Messages(8, graph, "tanh")(x)
    return multinet.Model(nodes, layers.Dense(1, activation="sigmoid")(x))


def main() -> None:
    """Train on two members, print who of the others is found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--plot", type=Path, default="graph_network.png")
    options = parser.parse_args()
    multinet.set_random_seed(3)

    graph = edges()
    members = graph.max() + 1
    nodes = np.eye(
        members, dtype="float32"
    )  # nothing is known of a member but who he is
    sides = np.isin(np.arange(members), PRESIDENTS).astype("float32")
    weights = np.isin(np.arange(members), KNOWN).astype("float32")

    model = network(graph)
    model.compile(multinet.optimizers.Adam(0.01), "binary_crossentropy")
    graph_at_once = {"batch_size": members, "shuffle": False, "verbose": 0}
    history = model.fit(
        nodes, sides, epochs=options.epochs, sample_weight=weights, **graph_at_once
    ).history["loss"]
    chance = model.predict(nodes, batch_size=members, verbose=0)[:, 0]
    right = ((chance > 0.5) == sides)[weights == 0]
    print(f"{right.sum()} of {len(right)} members are found on the side that they took")
    print("wrong:", *np.flatnonzero((chance > 0.5) != sides))
    print(f"first loss: {history[0]:.5f}, last loss: {history[-1]:.5f}")
    draw(chance, graph, sides, options.plot)


def places(graph: np.ndarray, steps: int = 300) -> np.ndarray:
    """Return a place in the plane for each member: friends attract, all repel."""
    members = graph.max() + 1
    place = np.random.default_rng(2).normal(size=(members, 2))
    friends = np.zeros((members, members, 1))
    friends[tuple(graph)] = 1
    for step in range(steps):
        apart = place[:, None] - place[None]
        far = np.linalg.norm(apart, axis=-1, keepdims=True) + 1e-6
        force = apart / far * (0.15 / far - 1.2 * friends * far**2)
        move = force.sum(axis=1)
        size = np.linalg.norm(move, axis=-1, keepdims=True) + 1e-6
        place = place + move / size * np.minimum(size, 0.2 * (1 - step / steps))
    return place


def draw(chance: np.ndarray, graph, sides: np.ndarray, path: Path) -> None:
    """Draw the club before training, and as the network sees it."""
    figure, panels = plots.figure(columns=2, width=5, height=3.2)
    place = places(graph)
    told = np.full(len(chance), 0.5)
    told[KNOWN] = sides[KNOWN]
    colors = LinearSegmentedColormap.from_list(
        "sides", [plots.COLORS[0], "#e0e0e0", plots.COLORS[1]]
    )
    titles = ("What is told", "What is found; a square went with the president")
    for axes, title, shown, square in zip(panels, titles, (told, chance), "os"):
        axes.plot(*place[graph].transpose(2, 0, 1), c="#ccc", lw=0.8, zorder=1)
        for side, marker in enumerate(("o", square)):
            who = sides == side
            look = {"cmap": colors, "vmin": 0, "vmax": 1, "edgecolors": "#444"}
            look.update(marker=marker, s=150, c=shown[who], zorder=2)
            axes.scatter(*place[who].T, **look)
        for member, (x, y) in enumerate(place):
            axes.text(x, y, member, ha="center", va="center", fontsize=6)
        axes.set(title=title, xticks=[], yticks=[], aspect="equal")
        axes.spines[:].set_visible(False)
    plots.save(figure, path)


if __name__ == "__main__":
    main()
