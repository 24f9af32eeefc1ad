"""Standings as one SVG: a panel for each workload, on a logarithmic scale of seconds."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from math import floor, log10
from typing import Final

from benchmarks.report import Results

_WIDTH: Final = 480
_LEFT: Final = 96
_RIGHT: Final = 64
_ROW: Final = 18
_GAP: Final = 52
_COLOURS: Final = {"s3dest": "#c2410c", "floor": "#9ca3af"}
_OTHERS: Final = "#1d4ed8"


def draw(results: Results) -> str:
    """Draw all panels, two in a row."""
    panels = [
        (workload.title, sorted((standing.median, standing.peer) for standing in standings if standing.laps))
        for workload, standings in results
    ]
    panels = [panel for panel in panels if panel[1]]
    body, top = [], 8
    for pair in (panels[index : index + 2] for index in range(0, len(panels), 2)):
        for column, (title, values) in enumerate(pair):
            lines = "\n".join(_panel(title, values))
            body.append(f'<g transform="translate({column * _WIDTH + 8} {top})">\n{lines}\n</g>')
        top += _GAP + _ROW * max(len(values) for _, values in pair)
    size = f'width="{2 * _WIDTH + 16}" height="{top}" viewBox="0 0 {2 * _WIDTH + 16} {top}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12" fill="#111827">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _panel(title: str, values: list[tuple[float, str]]) -> Iterator[str]:
    least, most = log10(values[0][0]) - 0.15, log10(values[-1][0])
    scale = (_WIDTH - _LEFT - _RIGHT) / max(most - least, 1.0)
    bottom = 24 + _ROW * len(values)
    yield f'<text y="14" font-weight="bold">{escape(title)}</text>'
    for tick in _ticks(least, max(most, least + 1.0)):
        x = _LEFT + (log10(tick) - least) * scale
        yield f'<line x1="{x:.1f}" y1="22" x2="{x:.1f}" y2="{bottom}" stroke="#e5e7eb"/>'
        style = 'font-size="10" fill="#6b7280" text-anchor="middle"'
        yield f'<text x="{x:.1f}" y="{bottom + 12}" {style}>{tick:g} s</text>'
    for row, (seconds, peer) in enumerate(values):
        y, x = 24 + _ROW * row + _ROW // 2, _LEFT + (log10(seconds) - least) * scale
        colour = _COLOURS.get(peer, _OTHERS)
        weight = "bold" if peer == "s3dest" else "normal"
        yield f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end" font-weight="{weight}">{escape(peer)}</text>'
        yield f'<line x1="{_LEFT}" y1="{y}" x2="{x:.1f}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
        yield f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="{colour}"/>'
        yield f'<text x="{x + 9:.1f}" y="{y + 4}">{seconds:.3g}</text>'


def _ticks(least: float, most: float) -> Iterator[float]:
    for decade in range(floor(least), floor(most) + 1):
        for step in (1, 2, 5):
            tick = step * 10.0**decade
            if least <= log10(tick) <= most:
                yield tick
