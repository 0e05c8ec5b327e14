"""Start a worker so that it cannot outlive its parent, nor dump core.

Run as `python -I -S launch.py PARENT ADDRESS_SPACE COMMAND…`; PARENT is the process that
must live, ADDRESS_SPACE a limit in bytes or 0. The signal on the parent's death is Linux's
(prctl(2)); it follows the thread that started the worker. Elsewhere a worker ends when it
reads the end of its requests.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Set the limits and become the command."""
    parent, space, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if space:
        resource.setrlimit(resource.RLIMIT_AS, (space, space))
    os.execv(command[0], command)  # noqa: S606  # the engine that Plumbob installed


if __name__ == "__main__":
    main()
