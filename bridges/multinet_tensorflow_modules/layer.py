"""TFSMLayer: an endpoint of a SavedModel as a layer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from multinet.errors import ArgumentError, BackendError
from multinet.layers import Layer
from multinet.objects import registration
from multinet.registry import current
from multinet.symbolic.native import shapes_of
from multinet.typing import Config, PolicyLike, Tensor, Tensors
from multinet.variables import Variable

if TYPE_CHECKING:
    from multinet_tensorflow_modules.served import Endpoint


class TFSMLayer(Layer):
    """Apply an endpoint of a SavedModel: call(inputs) -> outputs, on TensorFlow.

    `filepath` is the folder of the SavedModel, and `call_endpoint` the name of one of
    its functions or signatures: "serve" is that of `model.export`. While training,
    `call_training_endpoint` runs instead, if given. `inputs` is a tensor, or a tree of
    them, as the endpoint takes it; to a signature of several arguments a dict by their
    names. The variables that the endpoints use are the layer's, in their own dtypes:
    those of the SavedModel that are trainable have gradients, unless
    `trainable=False`, and the others take what a call writes to them.

    A file that names such a layer does not open its SavedModel, which is a program: it
    is loaded with `custom_objects={"name of the layer": layer}`, and gets the values of
    the file.

    >>> model.export("served")
    >>> layer = TFSMLayer("served")

    Errors: `BackendError` on another backend than TensorFlow, `ArgumentError` for an
    endpoint that the SavedModel does not have.
    """

    _private = frozenset({"_opened"})

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        call_endpoint: str = "serve",
        call_training_endpoint: str | None = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: PolicyLike | None = None,
    ) -> None:
        _check_backend()
        super().__init__(trainable=trainable, name=name, dtype=dtype)
        self.autocast = False  # an endpoint has the dtypes that it was saved with
        self.filepath = os.fspath(filepath)
        self.call_endpoint = call_endpoint
        self.call_training_endpoint = call_training_endpoint
        self._values = [self._weight(found) for found in self._open()[0].variables]
        self.built = True

    def _weight(self, found: Tensor) -> Variable:
        """Return a weight that begins with the value of a variable of TensorFlow."""
        value = found.read_value()
        return self.add_weight(
            tuple(found.shape),
            initializer=lambda shape, dtype: value,
            dtype=found.dtype.name,
            trainable=found.trainable,
            autocast=False,
            name=found.name.partition(":")[0].replace("/", "_"),
        )

    def _open(self) -> tuple[Endpoint, Endpoint]:
        """Return the endpoints of inference and of training; a copy opens them anew."""
        from multinet_tensorflow_modules import served  # which imports TensorFlow

        opened = vars(self).get("_opened")
        if opened is None:
            names = [self.call_endpoint, self.call_training_endpoint]
            opened = served.endpoints(self.filepath, [n for n in names if n])
            self._opened = opened = opened[0], opened[-1]
        return opened

    def call(self, inputs: Tensors, training: bool | None = False) -> Tensors:
        """Return what the endpoint makes of the inputs."""
        _check_backend()
        endpoint = self._open()[1 if training else 0]

        def run(inputs: Tensors) -> Tensors:
            values = [variable.__multinet_tensor__() for variable in self._values]
            outputs, written = endpoint.run(values, inputs)
            if not current().symbolic:
                for place, value in written:
                    self._values[place].assign(value)
            return outputs

        return shapes_of(run, inputs) if current().symbolic else run(inputs)

    def get_config(self) -> Config:
        """Return the arguments; the SavedModel is not in them."""
        return {
            **super().get_config(),
            "filepath": self.filepath,
            "call_endpoint": self.call_endpoint,
            "call_training_endpoint": self.call_training_endpoint,
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return the layer of this name that the program has made known."""
        name = config.get("name") or ""
        found = registration.find(name)
        if isinstance(found, cls):
            return found
        raise ArgumentError(
            f"The layer {name!r} is a SavedModel, which is a program: none is opened "
            "because a file names it. Make the layer in the program and give it by "
            f"custom_objects={{{name!r}: layer}}."
        )


def _check_backend() -> None:
    found = current().concrete.name
    if found != "tensorflow":
        raise BackendError(
            f"TFSMLayer is a layer for backend tensorflow, and {found!r} is in use. "
            'Make and call it inside `with multinet.use_backend("tensorflow")`.'
        )
