"""Progress: a live line on a terminal, and a line for what is finished."""

from multinet.progress.reporters import NotebookReporter, Reporter, make_progress, tell

__all__ = ["NotebookReporter", "Reporter", "make_progress", "tell"]
