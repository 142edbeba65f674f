"""Stops one thread of another process, as a loop that never ends would, and lets it go on."""
import contextlib
import ctypes
import os
import pathlib

from loopback import wait_until

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
_libc = ctypes.CDLL(None, use_errno=True)


def _ptrace(request, tid):
    if _libc.ptrace(request, tid, None, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def thread_of(pid, name):
    """The number of the thread with that name ("worker-1"), which it gives itself when it begins."""
    def found():
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                if (task / "comm").read_text().strip() == name:
                    return int(task.name)
        return None
    return wait_until(found, f"process {pid} has a thread {name}")


@contextlib.contextmanager
def stuck(pid, name):
    tid = thread_of(pid, name)
    _ptrace(SEIZE, tid)
    _ptrace(INTERRUPT, tid)
    os.waitpid(tid, 0x40000000)  # __WALL: until it stands still
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            _ptrace(DETACH, tid)


