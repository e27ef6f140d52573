"""A second process for calls into sympy, which may hang: every call has a deadline, after which the process is gone.

A deadline is in seconds that the child computes, so that what is found does not depend on what else runs on the machine; by the
clock it may take a few times as long. Where the system has no such alarm (Windows), the clock alone counts.

A plain subprocess rather than multiprocessing: it needs no ``__main__`` guard in the caller's script. Parent and child exchange
pickles over pipes; both ends run this file, and nothing else is ever read.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

STARTUP = 60.0
"""Seconds that a child may take to import sympy, on a machine that is busy with something else."""

PATIENCE = 5.0
"""Times as long by the clock as the child may compute: what a busy machine gives to a program of ten on two cores."""

COUNTED = hasattr(signal, "setitimer")
"""Whether an alarm can count the seconds that a process computes."""


class Worker:
    """Calls functions of ``reduce`` and ``textbook`` by name, each under a deadline; use it as a context manager."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[tuple[bool, Any]] = queue.Queue()
        self._listener: threading.Thread | None = None
        self._ready = False

    def __enter__(self) -> Worker:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start the child without waiting for it: it imports sympy while the parent looks at the samples."""
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONHASHSEED": "0"}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "kanpde.symbolic.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the parent, which then stops the child
            )
        except OSError:  # no second process to be had: every call then has no answer, and nothing is proved
            return
        self._ready = False
        self._answers = queue.Queue()
        self._listener = threading.Thread(target=_listen, args=(self._process.stdout, self._answers), daemon=True)
        self._listener.start()

    def stop(self) -> None:
        """End the child, whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if self._listener is not None:
            self._listener.join(timeout=5)  # it reads the end of the stream now
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # unsent bytes for a child that is gone
                    continue

    def call(self, seconds: float, name: str, *arguments: Any) -> Any:
        """The value of the function, or None if it raised, or computed longer than ``seconds`` (the child is then replaced)."""
        if seconds <= 0:
            return None
        if self._process is None:
            self.start()
        try:
            if not self._ready:
                self._send("ready", (), STARTUP)
                self._answers.get(timeout=STARTUP)
                self._ready = True
            self._send(name, arguments, seconds)
            good, value = self._answers.get(timeout=seconds * (PATIENCE if COUNTED else 1.0))
        except (queue.Empty, OSError):
            self.stop()
            return None
        if not good and value == "closed":
            self.stop()
        return value if good else None

    def _send(self, *message: Any) -> None:
        if self._process is None or self._process.stdin is None:
            raise BrokenPipeError("the worker is not running")
        _send(self._process.stdin, message)


def _send(pipe: BinaryIO | Any, message: Any) -> None:
    data = pickle.dumps(message)
    pipe.write(struct.pack("<Q", len(data)) + data)
    pipe.flush()


def _receive(pipe: BinaryIO | Any) -> Any:
    """The next message; None at the end of the stream."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    data = pipe.read(struct.unpack("<Q", head)[0])
    return pickle.loads(data)


def _listen(pipe: BinaryIO | Any, answers: queue.Queue[tuple[bool, Any]]) -> None:
    try:
        while (message := _receive(pipe)) is not None:
            answers.put(message)
    except (OSError, ValueError, EOFError, pickle.UnpicklingError):  # the pipe was closed while we read
        pass
    answers.put((False, "closed"))


def _serve() -> None:
    """The child: answer calls until the parent closes the pipe. An alarm ends a child whose parent was killed."""
    from kanpde.symbolic.constants import identify, polish
    from kanpde.symbolic.proof import reduce, textbook, undetermined

    functions: dict[str, Callable[..., Any]] = {
        "ready": lambda: True,
        "vanishes": reduce.vanishes,
        "has_sign": reduce.has_sign,
        "quickly_zero": reduce.quickly_zero,
        "integrated": reduce.integrated,
        "rewrites_to_zero": reduce.rewrites_to_zero,
        "constant_and_zero": reduce.constant_and_zero,
        "forms": textbook.forms,
        "polish": polish.polish,
        "undetermined": undetermined.undetermined,
        "identify": identify.identify,
    }
    incoming, outgoing = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing that a library prints may reach the pipe
    sys.setrecursionlimit(10_000)
    while (message := _receive(incoming)) is not None:
        name, arguments, seconds = message
        if COUNTED:  # at its end the system ends the process: sympy could hang where no Python handler would run
            signal.setitimer(signal.ITIMER_PROF, seconds)
            signal.setitimer(signal.ITIMER_REAL, seconds * PATIENCE + 5)
        try:
            answer = (True, functions[name](*arguments))
        except Exception as error:  # whatever sympy raises on odd input: the parent only needs to know that there is no answer
            answer = (False, str(error))
        if COUNTED:
            signal.setitimer(signal.ITIMER_PROF, 0)
        _send(outgoing, answer)


if __name__ == "__main__":
    _serve()
