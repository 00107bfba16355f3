"""Items made ahead by threads, or by processes that a thread each waits for."""

from __future__ import annotations

import os
import queue
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from multinet.errors import MultinetError
from multinet.typing import Tree

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_PATIENCE = 2.0  # seconds for a process to end by itself

Make = Callable[[int], Any]


class WorkerLost(MultinetError, RuntimeError):
    """A process ended while it made a batch."""


class WorkerTraceback(Exception):
    """The traceback in a process, as the cause of an error that came from it."""

    def __str__(self) -> str:
        """Show the traceback."""
        return f'\n"""\n{self.args[0]}"""'


class Remote:
    """A process that makes items by their numbers, from a copy of `things`."""

    def __init__(self, things: Tree) -> None:
        import multiprocessing  # here, not at the top: it is slow to import

        context = multiprocessing.get_context()
        self.pipe, theirs = context.Pipe()
        arguments = (things, theirs, self.pipe)
        self.process: Any = context.Process(  # type: ignore[attr-defined]
            target=_serve, args=arguments, daemon=True
        )
        self.process.start()
        theirs.close()

    def __call__(self, index: int) -> Tree:
        """Return an item; raise what was raised there, with the traceback as cause."""
        try:
            self.pipe.send(index)
            made, error, text = self.pipe.recv()
        except (EOFError, OSError) as lost:
            self.process.join(_PATIENCE)
            raise WorkerLost(
                f"A worker process ended, with exit code {self.process.exitcode}, at "
                f"batch {index}. A negative code is a signal: -9 is often for want of "
                "memory."
            ) from lost
        if error is not None:
            raise error from WorkerTraceback(text)
        return made

    def close(self) -> None:
        """End the process, at the worst by force."""
        self.process.terminate()
        self.process.join(_PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


def _serve(things: Any, pipe: Connection, theirs: Connection) -> None:
    """Make items until nobody asks any more. Ctrl-C is for the caller to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    theirs.close()  # so that the end of the caller is the end of the pipe
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    while True:
        try:
            index = pipe.recv()
        except (EOFError, OSError):
            os._exit(0)
        try:
            answer = things[index], None, ""
        except BaseException as error:
            answer = None, error, traceback.format_exc()
        try:
            _send(pipe, answer)
        except OSError:
            os._exit(0)


def _end_with(caller: int) -> None:
    """End this process soon after the one that started it, whatever it is at."""
    import multiprocessing  # as in `Remote`

    parent: Any = multiprocessing.parent_process()
    while parent.is_alive() and os.getppid() == caller:
        parent.join(0.5)
    os._exit(1)


def _send(pipe: Connection, answer: tuple[Any, Any, str]) -> None:
    try:
        pipe.send(answer)
    except OSError:
        raise
    except Exception as error:  # pickle may raise any
        _, failure, text = answer
        text = text or traceback.format_exc()
        what = "an error" if failure is not None else "a batch"
        told = f"A worker process made {what} that cannot be sent: {failure or error!r}"
        pipe.send((None, RuntimeError(told), text))


class _Slot:
    """The place of an item that is being made."""

    __slots__ = ("done", "error", "index", "made")

    def __init__(self, index: int) -> None:
        self.index, self.done = index, threading.Event()
        self.made: Any = None
        self.error: BaseException | None = None


class Ahead:
    """Items by their numbers, in order, made ahead by threads.

    At most `most` are made or being made and not taken. Each of `makers` has a thread
    of its own. An error comes out as it is, in the place of its item. `close` ends the
    threads after what they are at; the makers are the caller's.
    """

    def __init__(self, makers: list[Make], indices: Iterator[int], most: int) -> None:
        self.indices, self.most = indices, max(most, 1)
        self.waiting: deque[_Slot] = deque()
        self.asked: queue.SimpleQueue[_Slot | None] = queue.SimpleQueue()
        self.threads = [
            threading.Thread(target=_work, args=(make, self.asked), daemon=True)
            for make in makers
        ]
        for thread in self.threads:
            thread.start()
        self._ask()

    def __iter__(self) -> Ahead:
        """Return itself."""
        return self

    def __next__(self) -> Tree:
        """Return the next item, as soon as it is made."""
        self._ask()
        if not self.waiting:
            self.close()
            raise StopIteration
        slot = self.waiting.popleft()
        slot.done.wait()
        self._ask()
        if slot.error is not None:
            raise slot.error
        return slot.made

    def _ask(self) -> None:
        """Let as many be made as may wait."""
        while len(self.waiting) < self.most:
            index = next(self.indices, None)
            if index is None:
                return
            slot = _Slot(index)
            self.waiting.append(slot)
            self.asked.put(slot)

    def close(self) -> None:
        """Make no more; a second call does nothing."""
        threads, self.threads = self.threads, []
        if not threads:
            return
        self.indices = iter(())
        self.waiting.clear()
        try:
            while True:
                self.asked.get_nowait()
        except queue.Empty:
            pass
        for _ in threads:
            self.asked.put(None)


def _work(make: Make, asked: queue.SimpleQueue[_Slot | None]) -> None:
    while (slot := asked.get()) is not None:
        try:
            slot.made = make(slot.index)
        except BaseException as error:
            slot.error = error
        slot.done.set()
        del slot  # so that an item lives no longer than its user wants
