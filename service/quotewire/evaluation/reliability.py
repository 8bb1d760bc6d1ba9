"""A picture of calibration: how often statements of a confidence are right."""

from __future__ import annotations

from quotewire.evaluation.report import Report

_SIZE, _EDGE = 320, 40  # of the square plot and its margin, in SVG units


def reliability_svg(report: Report) -> str:
    """A reliability diagram (Niculescu-Mizil and Caruana 2005): for each bin of confidence a disc
    at its mean confidence and share right, as large as the bin is full; on the diagonal confidence
    means what it says.  A self-contained SVG that is readable on light and dark pages."""
    bins = report.reliability()
    most = max((row["statements"] or 0 for row in bins), default=0)
    whole = _SIZE + 2 * _EDGE

    def at(x: float, y: float) -> tuple[float, float]:
        return _EDGE + x * _SIZE, _EDGE + (1 - y) * _SIZE

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" role="img"'
        ' font-family="sans-serif" font-size="12">',
        f"<title>Reliability of {report.signature.model} on {report.signature.articles} articles"
        "</title>",
        f'<rect width="{whole}" height="{whole}" fill="#ffffff"/>',
    ]
    for tick in range(0, 11, 2):
        x, y = at(tick / 10, 0)
        parts.append(
            f'<path d="M{x:.0f} {_EDGE}V{_EDGE + _SIZE}M{_EDGE} {_EDGE + _SIZE - tick * _SIZE / 10}'
            f'h{_SIZE}" stroke="#dddddd"/><text x="{x:.0f}" y="{y + 16:.0f}" text-anchor="middle">'
            f'{tick / 10:.1f}</text><text x="{_EDGE - 6}" y="{at(0, tick / 10)[1] + 4:.0f}"'
            f' text-anchor="end">{tick / 10:.1f}</text>'
        )
    (x0, y0), (x1, y1) = at(0, 0), at(1, 1)
    parts.append(f'<path d="M{x0} {y0}L{x1} {y1}" stroke="#777777" stroke-dasharray="4 4"/>')
    for row in bins:
        if row["statements"] and row["confidence"] is not None and row["right"] is not None:
            x, y = at(row["confidence"], row["right"])
            radius = 3 + 11 * (row["statements"] / most) ** 0.5
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="#1f6fb4"'
                f' fill-opacity="0.75"><title>{row["statements"]:.0f} statements: confidence'
                f" {row['confidence']:.2f}, right {row['right']:.2f}</title></circle>"
            )
    middle = _EDGE + _SIZE / 2
    parts += [
        f'<text x="{middle}" y="{whole - 6}" text-anchor="middle">confidence</text>',
        f'<text transform="translate(11 {middle}) rotate(-90)" text-anchor="middle">share right'
        " (soft relation)</text>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
