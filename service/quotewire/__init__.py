"""Quotewire: who said what, and through whom it reached the page.

    from quotewire import Extractor

    extractor = Extractor.load()
    extraction = extractor.extract("“We leave,” Ann Lee told Reuters.")

``Extractor`` is imported on first use, so that importing the package alone stays quick.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quotewire.answers import Extractor

__version__ = "0.1.0"

__all__ = ["Extractor", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Extractor":
        from quotewire.answers import Extractor

        return Extractor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
