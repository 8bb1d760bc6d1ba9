"""The one ``quotewire`` command.  Heavy imports (torch, grpc) wait until a command needs them."""
