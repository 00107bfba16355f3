"""TensorBoard: scalars, histograms and the model, in the event files that it reads."""

from __future__ import annotations

import os
import time
from typing import Any, Literal

from multinet import ops
from multinet.checks import flag, shown, whole
from multinet.errors import ArgumentError, MultinetError
from multinet.training.callbacks.base import Callback
from multinet.training.callbacks.monitor import Logs
from multinet.training.callbacks.rates import rates
from multinet.training.callbacks.turns import Turns
from multinet.typing import Data


class TensorBoard(Callback):
    """Write the logs for TensorBoard: `tensorboard --logdir logs` shows them.

    `log_dir/train` has the scalars "epoch_loss" and the like, with
    "epoch_learning_rate", and `log_dir/validation` those of validation, and of each
    evaluation by the number of updates. `update_freq` is "epoch", "batch", or after how
    many batches "batch_loss" and the like are written. Every `histogram_freq` epochs,
    unless that is 0, the weights are as histograms, by their paths. `write_graph`
    writes the configuration of the model, `write_steps_per_second` how many steps a
    second an epoch took. `write_images`, `profile_batch`, `embeddings_freq` and
    `embeddings_metadata` are Keras's; what they would write is refused.

    Needs the package tensorboard: `pip install tensorboard`.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | Literal["batch", "epoch"] = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Data = None,
    ) -> None:
        super().__init__()
        unknown = {
            "write_images": write_images,
            "profile_batch": profile_batch,
            "embeddings_freq": embeddings_freq,
            "embeddings_metadata": embeddings_metadata,
        }
        for name, value in unknown.items():
            if value:
                raise ArgumentError(
                    f"TensorBoard does not take {name}={shown(value)}: scalars, "
                    "histograms and the model are what it writes."
                )
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = whole(histogram_freq, "histogram_freq", least=0)
        self.write_graph = flag(write_graph, "write_graph")
        self.write_steps_per_second = flag(
            write_steps_per_second, "write_steps_per_second"
        )
        self.update_freq = update_freq
        if update_freq != "epoch":
            every = 1 if update_freq == "batch" else whole(update_freq, "update_freq")
            self._turns = Turns(every)
            # Only then does it listen to batches, which takes time.
            self.on_train_batch_end = self._write_batch
        self._tensorboard = _Tools()
        self._writers: dict[str, Any] = {}
        self._since, self._fits = (0.0, 0), False

    def get_state(self) -> dict[str, Data]:
        """Return what was counted of the batches."""
        return {} if self.update_freq == "epoch" else {"turns": self._turns.state()}

    def set_state(self, state: dict[str, Data]) -> None:
        """Go on counting."""
        if "turns" in state and self.update_freq != "epoch":
            self._turns.restore(state["turns"])

    def on_train_begin(self, logs: Logs = None) -> None:
        """Write the model."""
        self._fits = True
        if self.write_graph:
            self._write("train", 0, self._tensorboard.model(self.model))

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the files."""
        self._fits = False
        self._close()

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the time."""
        self._since = time.perf_counter(), self._done()
        if self.update_freq != "epoch":
            self._turns.begin()

    def _write_batch(self, batch: int, logs: Logs = None) -> None:
        """Write the logs of a batch, if it is time."""
        if self._turns.due(batch):
            values = {f"batch_{name}": value for name, value in (logs or {}).items()}
            self._scalars("train", self._turns.count - 1, values)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the logs of an epoch, and the weights if it is time."""
        values: dict[str, Any] = dict(logs or {})
        tested = {k[4:]: values.pop(k) for k in list(values) if k.startswith("val_")}
        values = {**rates(self.model.optimizer), **values}
        if self.write_steps_per_second:
            start, done = self._since
            took = max(time.perf_counter() - start, 1e-9)
            values["steps_per_second"] = (self._done() - done) / took
        for place, found in (("train", values), ("validation", tested)):
            named = {f"epoch_{name}": value for name, value in found.items()}
            self._scalars(place, epoch, named)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for weight in self.model.weights:
                tag = f"{weight.path.replace(':', '_')}/histogram"
                data = ops.convert_to_numpy(weight.value)
                self._write("train", epoch, self._tensorboard.histogram(tag, data))
        for writer in self._writers.values():
            writer.flush()

    def on_test_end(self, logs: Logs = None) -> None:
        """Write the logs of an evaluation, by the number of updates so far."""
        values = {f"evaluation_{k}_vs_iterations": v for k, v in (logs or {}).items()}
        self._scalars("validation", self._done(), values)
        if not self._fits:  # nobody else closes the file
            self._close()

    def _done(self) -> int:
        optimizer = self.model.optimizer
        if optimizer is None:
            return 0
        return int(ops.convert_to_numpy(optimizer.iterations))

    def _scalars(self, place: str, step: int, values: dict[str, Any]) -> None:
        for name, value in values.items():
            if value is not None:
                self._write(place, step, self._tensorboard.scalar(name, float(value)))

    def _write(self, place: str, step: int, summary: Any) -> None:
        writer = self._writers.get(place)
        if writer is None:
            writer = self._tensorboard.writer(os.path.join(self.log_dir, place))
            self._writers[place] = writer
        writer.add_event(self._tensorboard.event(step, summary))


class _Tools:
    """What writes event files: TensorBoard's own code, without TensorFlow."""

    def __init__(self) -> None:
        try:
            # Optional, and slow to import.
            from tensorboard.compat.proto import event_pb2, summary_pb2
            from tensorboard.plugins.histogram.summary_v2 import histogram_pb
            from tensorboard.plugins.scalar.summary_v2 import scalar_pb
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
            from tensorboard.util.tensor_util import make_tensor_proto
        except ImportError as error:
            raise MultinetError(
                "callbacks.TensorBoard needs the package tensorboard: "
                "pip install tensorboard."
            ) from error
        made: Any = event_pb2, summary_pb2  # by protobuf, which checkers cannot read
        self._event, self._summary = made[0].Event, made[1].Summary
        self.writer = EventFileWriter
        self.scalar, self.histogram = scalar_pb, histogram_pb
        self._tensor = make_tensor_proto

    def event(self, step: int, summary: Any) -> Any:
        """Return an event of now."""
        return self._event(wall_time=time.time(), step=step, summary=summary)

    def model(self, model: Any) -> Any:
        """Return the configuration of a model, as TensorBoard's graphs show it."""
        summary = self._summary()
        try:
            text = model.to_json()
        except NotImplementedError:  # of one's own making, without a get_config
            return summary
        value = summary.value.add(tag="model", tensor=self._tensor(text))
        value.metadata.plugin_data.plugin_name = "graph_keras_model"
        value.metadata.plugin_data.content = b"1"
        return summary

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return _Tools, ()
