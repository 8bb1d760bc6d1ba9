"""``make bench``: how near Quotewire comes to what this machine can multiply, in one run.

Every *side* (the matrix multiplication, our batch, the server, spaCy, …) lives in a process of its
own with its own number of threads; the sides take turns, round after round, so that a noisy
neighbour hits all of them.  ``python -m scripts.bench --help`` lists what can be chosen.
"""
