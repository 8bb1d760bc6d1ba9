"""``python -m quotewire`` is ``quotewire``."""

from quotewire.cli.main import main

if __name__ == "__main__":
    main()
