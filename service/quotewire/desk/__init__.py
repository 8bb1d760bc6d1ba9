"""The desk: a page that shows what an article says that somebody said.  Needs ``quotewire[desk]``.

It holds no model: it is a client of a Quotewire server and calls it over gRPC, with the token that
its visitor has shown.
"""
