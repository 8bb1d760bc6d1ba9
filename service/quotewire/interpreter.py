"""Settings of the process for one that does nothing but extract: the interpreter's, and the memory
of what runs below it.

For the programs of this package only (the server, the batch worker): a library must not change
them for the program that it is imported by.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from contextlib import suppress

# Seconds.  The thread of the model makes many short calls into torch and needs the interpreter's
# lock back after each; by default, a thread that cuts words or decodes beside it may keep the lock
# for 5 ms every time, longer than most of those calls take.
_SWITCH_INTERVAL = 0.0005

# New objects until the garbage collector looks at the youngest, and rounds until it looks at the
# older ones.  By default it looks after every 700: reading a long article makes a word object for
# each of its words, and it walks them again and again for nothing.  Measured: a word of a text of
# 105,711 words takes 1.43 times what it takes in one of 1,150 to resolve, 1.13 times with these.
_COLLECT_AFTER = (50_000, 20, 20)

# Products of 8-bit numbers whose machine code oneDNN keeps, one for each number of word pieces
# that ever shared a batch.  By default it keeps 1,024, of half a megabyte each.  Measured: a worker
# grows from 505 to 1,102 MB over 1,280 articles, to 710 MB with 16 kept, and takes as long.
_KEPT_PRODUCTS = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")

# One heap for all threads.  By default each has its own, and glibc gives the free end of no heap
# but the first one back: up to twice as much as the largest block that it ever mapped.  Measured: a
# server at rest between hostile articles holds now 410, now 465 MB with eight heaps, 400 with one.
_M_ARENA_MAX = -8  # glibc's name and number of it, for mallopt


def tune_interpreter() -> None:
    """Sets how often threads take turns, how often garbage is looked for, how much oneDNN keeps,
    and how many heaps there are, for this process.  To be called before the first article is read
    and before there are threads."""
    with suppress(AttributeError, OSError, TypeError):  # another C library than glibc
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
    os.putenv(*_KEPT_PRODUCTS)  # for the library below torch, which asks when it first multiplies
    sys.setswitchinterval(_SWITCH_INTERVAL)
    gc.set_threshold(*_COLLECT_AFTER)


def give_back_memory() -> None:
    """Gives what is free of the process's memory back to the system, after something large is done
    with: loading a model takes its weights twice for a while.

    Looks first for what ended calls left in circles (an exception and its frames), since by
    ``_COLLECT_AFTER`` that, and the texts it holds, may stay for long.  Measured over hostile
    articles: a server at rest holds 449 to 592 MB without it, 407 to 428 MB with it.
    """
    gc.collect()
    with suppress(AttributeError, OSError, TypeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)


def keep_for_good() -> None:
    """Takes all that there is now (modules, a model) for what stays: no search for garbage walks
    it again.  Measured: 180 ms for the 390,000 objects of a server, 20 ms for what then comes."""
    gc.collect()
    gc.freeze()
