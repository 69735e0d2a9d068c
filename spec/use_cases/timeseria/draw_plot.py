"""Draw the periods that the tasks fitted, above each other with the series: the work of the collecting job.

Reads `periods/<task index>.json` and `sunspots_yearly.csv`, writes `sunspots.svg` and `summary.json`.
"""

from __future__ import annotations

import csv
import json
import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

WIDTH, HEIGHT = 960, 780
INK, GRID, SUN, POOL, MEDIAN = "#222222", "#e4e4e4", "#d98200", "#ccd2d8", "#b2182b"
WEAK, STRONG = (198, 219, 239), (8, 48, 107)
FONT = "font-family='Helvetica, Arial, DejaVu Sans, sans-serif'"


class Panel(NamedTuple):
    """A rectangle of the figure, in pixels, and the ranges of the values that it shows."""

    left: float
    top: float
    right: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        """Return the pixel of a value on the horizontal axis."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y(self, value: float) -> float:
        """Return the pixel of a value on the vertical axis."""
        low, high = self.y_range
        return self.bottom - (value - low) / (high - low) * (self.bottom - self.top)


def text(x: float, y: float, words: str, size: int = 14, anchor: str = "middle", extra: str = "") -> str:
    """Write words at a place."""
    return f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' text-anchor='{anchor}' {extra}>{words}</text>"


def line(x1: float, y1: float, x2: float, y2: float, colour: str = INK, extra: str = "") -> str:
    """Draw a straight line."""
    return f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{colour}' {extra}/>"


def axes(
    panel: Panel, x_ticks: Iterable[int], y_ticks: Iterable[float], y_title: str, letter: str
) -> list[str]:
    """Draw the frame of a panel, its grid, ticks and titles."""
    marks = []
    for year in x_ticks:
        x = panel.x(year)
        marks += [line(x, panel.bottom, x, panel.top, GRID), line(x, panel.bottom, x, panel.bottom + 6)]
        marks.append(text(x, panel.bottom + 22, str(year)))
    for value in y_ticks:
        y = panel.y(value)
        marks += [line(panel.left, y, panel.right, y, GRID), line(panel.left - 6, y, panel.left, y)]
        marks.append(text(panel.left - 11, y + 5, f"{value:g}", anchor="end"))
    x, y = panel.left - 54, (panel.top + panel.bottom) / 2
    marks.append(text(x, y, y_title, size=15, extra=f"transform='rotate(-90 {x:.1f} {y:.1f})'"))
    marks.append(text(panel.left + 12, panel.top + 23, letter, 16, "start", "font-weight='bold'"))
    width, height = panel.right - panel.left, panel.bottom - panel.top
    place = f"x='{panel.left}' y='{panel.top}' width='{width}' height='{height}'"
    return [*marks, f"<rect {place} fill='none' stroke='{INK}'/>"]


def shade(power: float) -> str:
    """Return the colour of a power from 0 to 0.8 on the scale from weak to strong."""
    share = min(power / 0.8, 1.0)
    channels = (round(low + share * (high - low)) for low, high in zip(WEAK, STRONG, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def draw_series(panel: Panel, series: Sequence[tuple[float, float]]) -> list[str]:
    """Draw the series as a line over its area."""
    points = " ".join(f"{panel.x(year):.1f},{panel.y(number):.1f}" for year, number in series)
    first, last = panel.x(series[0][0]), panel.x(series[-1][0])
    area = f"{first:.1f},{panel.bottom} {points} {last:.1f},{panel.bottom}"
    return [
        f"<polygon points='{area}' fill='{SUN}' fill-opacity='0.18'/>",
        f"<polyline points='{points}' fill='none' stroke='{SUN}' stroke-width='1.6'/>",
    ]


def draw_periods(panel: Panel, fits: Sequence[dict[str, Any]], median: float) -> list[str]:
    """Draw the fitted periods: the bar across is the pool's years, the bar upright the period's error."""
    y = panel.y(median)
    marks = [line(panel.left, y, panel.right, y, MEDIAN, "stroke-width='1.8' stroke-dasharray='7 4'")]
    for fit in fits:
        y, x = panel.y(fit["period_years"]), panel.x((fit["first_year"] + fit["last_year"]) / 2)
        low, high = (panel.y(fit["period_years"] + sign * fit["period_error_years"]) for sign in (-1, 1))
        first, last = panel.x(fit["first_year"]), panel.x(fit["last_year"])
        marks += [line(first, y, last, y, POOL), line(x, low, x, high, INK, "stroke-width='1.3'")]
    for fit in fits:
        y, x = panel.y(fit["period_years"]), panel.x((fit["first_year"] + fit["last_year"]) / 2)
        marks.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='5' fill='{shade(fit['power'])}' stroke='{INK}'/>")
    words = f"median {median:.2f} years"
    halo = f"fill='{MEDIAN}' font-weight='bold' stroke='white' stroke-width='4' paint-order='stroke'"
    marks.append(text(panel.right - 12, panel.y(median) - 9, words, anchor="end", extra=halo))
    return marks


def draw_scale(x: float, y: float) -> list[str]:
    """Draw the scale of the marks' colours."""
    marks = [text(x - 12, y + 12, "share of the variance explained", size=13, anchor="end")]
    marks += [
        f"<rect x='{x + 3 * step:.1f}' y='{y:.1f}' width='3.4' height='14' fill='{shade(0.02 * step)}'/>"
        for step in range(40)
    ]
    marks += [text(x + 150 * share, y + 30, f"{share:g}", size=12) for share in (0, 0.2, 0.4, 0.6, 0.8)]
    return marks


def figure(series: Sequence[tuple[float, float]], fits: Sequence[dict[str, Any]], median: float) -> str:
    """Return the figure as the text of an SVG file."""
    years = (series[0][0] - 4, series[-1][0] + 4)
    above = Panel(86, 62, WIDTH - 28, 300, years, (0, 205))
    periods = [fit["period_years"] for fit in fits]
    shortest, longest = math.floor(min(periods) - 0.4), math.ceil(max(periods) + 0.4)
    below = Panel(86, 356, WIDTH - 28, 652, years, (shortest, longest))
    title = f"The period of the solar cycle, fitted in {len(fits)} pools of years"
    captions = [
        "b: each mark is one pool, at the middle of its years, which the bar across shows; "
        "the upright bar is one standard deviation of the fit.",
        "Data: yearly sunspot numbers 1700-2008, NOAA National Geophysical Data Center (public domain).",
    ]
    ticks = range(1700, 2001, 50)
    marks = [text(WIDTH / 2, 36, title, size=20, extra="font-weight='bold'")]
    marks += axes(above, ticks, range(0, 201, 50), "Sunspot number (yearly mean)", "a")
    marks += draw_series(above, series)
    half_years = [half / 2 for half in range(2 * shortest, 2 * longest + 1)]
    marks += axes(below, ticks, half_years, "Fitted period (years)", "b")
    marks += draw_periods(below, fits, median)
    marks.append(text((below.left + below.right) / 2, below.bottom + 48, "Year", size=15))
    marks += draw_scale(WIDTH - 160, below.bottom + 36)
    for row, caption in enumerate(captions):
        marks.append(text(below.left, HEIGHT - 34 + 18 * row, caption, 12, "start", "fill='#555555'"))
    size = f"viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' height='{HEIGHT}'"
    head = f"<svg xmlns='http://www.w3.org/2000/svg' {size} fill='{INK}' {FONT}>"
    white = "<rect width='100%' height='100%' fill='white'/>"
    return "\n".join([head, f"<title>{title}</title>", white, *marks, "</svg>", ""])


def main() -> None:
    """Read what the tasks found and write `sunspots.svg` and `summary.json`."""
    with Path("sunspots_yearly.csv").open(newline="") as file:
        series = [(float(row["YEAR"]), float(row["SUNACTIVITY"])) for row in csv.DictReader(file)]
    paths = sorted(Path("periods").glob("*.json"), key=lambda path: int(path.stem))
    fits = [json.loads(path.read_text()) for path in paths]
    periods = [fit["period_years"] for fit in fits]
    median = statistics.median(periods)
    Path("sunspots.svg").write_text(figure(series, fits, median))
    summary = {
        "pools": len(fits),
        "median_period_years": round(median, 3),
        "shortest_period_years": min(periods),
        "longest_period_years": max(periods),
        "best_explained_pool": max(fits, key=lambda fit: fit["power"])["pool"],
        "fits": fits,
    }
    Path("summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    print(f"{len(fits)} pools, median period {median:.2f} years")


if __name__ == "__main__":
    main()
