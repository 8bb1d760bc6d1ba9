"""Settings of the Python interpreter for a process that does nothing but extract.

For the programs of this package only (the server, the batch worker): a library must not change
them for the program that it is imported by.
"""

from __future__ import annotations

import gc
import sys

# Seconds.  The thread of the model makes many short calls into torch and needs the interpreter's
# lock back after each; by default, a thread that cuts words or decodes beside it may keep the lock
# for 5 ms every time, longer than most of those calls take.
_SWITCH_INTERVAL = 0.0005

# New objects until the garbage collector looks at the youngest, and rounds until it looks at the
# older ones.  By default it looks after every 700: reading a long article makes a word object for
# each of its words, and it walks them again and again for nothing.  Measured: a word of a text of
# 105,711 words takes 1.43 times what it takes in one of 1,150 to resolve, 1.13 times with these.
_COLLECT_AFTER = (50_000, 20, 20)


def tune_interpreter() -> None:
    """Sets how often threads take turns and how often garbage is looked for, for this process."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    gc.set_threshold(*_COLLECT_AFTER)
