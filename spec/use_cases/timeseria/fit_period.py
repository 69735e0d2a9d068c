"""Fit the period of the sunspot cycle in one pool of years: the work of one task of the array.

The facility gives the pool in the environment (POOL, FIRST_YEAR, LAST_YEAR); the series lies beside the
script. A sinusoid with a free mean is fitted by least squares at every period of a fine grid: the generalised
Lomb-Scargle periodogram (Zechmeister and Kuerster 2009, A&A 496, 577), whose power is the share of the
variance that the sinusoid explains.
"""

from __future__ import annotations

import csv
import json
import math
import os
from pathlib import Path
from typing import NamedTuple

SHORTEST_YEARS, LONGEST_YEARS, STEP_YEARS = 5.0, 20.0, 0.01


class Fit(NamedTuple):
    """A sinusoid fitted to a series: period in years, amplitude in sunspots, power from 0 to 1."""

    period: float
    amplitude: float
    power: float


def read_series(path: Path, first_year: int, last_year: int) -> tuple[list[float], list[float]]:
    """Read the years from first to last, both included, and the mean sunspot number of each."""
    with path.open(newline="") as file:
        rows = [(float(row["YEAR"]), float(row["SUNACTIVITY"])) for row in csv.DictReader(file)]
    chosen = [(year, number) for year, number in rows if first_year <= year <= last_year]
    return [year for year, _ in chosen], [number for _, number in chosen]


def mean_product(left: list[float], right: list[float]) -> float:
    """Return the mean of the products, pair by pair."""
    return sum(map(float.__mul__, left, right)) / len(left)


def fit_sinusoid(years: list[float], numbers: list[float], period: float) -> Fit:
    """Fit mean, amplitude and phase of a sinusoid of the given period."""
    phases = [2 * math.pi * year / period for year in years]
    cosines = [math.cos(phase) for phase in phases]
    sines = [math.sin(phase) for phase in phases]
    ones = [1.0] * len(years)
    y, c, s = (mean_product(ones, values) for values in (numbers, cosines, sines))
    yy = mean_product(numbers, numbers) - y * y
    yc = mean_product(numbers, cosines) - y * c
    ys = mean_product(numbers, sines) - y * s
    cc = mean_product(cosines, cosines) - c * c
    ss = mean_product(sines, sines) - s * s
    cs = mean_product(cosines, sines) - c * s
    determinant = cc * ss - cs * cs
    a = (yc * ss - ys * cs) / determinant
    b = (ys * cc - yc * cs) / determinant
    return Fit(period, math.hypot(a, b), (a * yc + b * ys) / yy)


def best_fit(years: list[float], numbers: list[float]) -> Fit:
    """Return the fit of the highest power over the whole grid of periods."""
    steps = round((LONGEST_YEARS - SHORTEST_YEARS) / STEP_YEARS)
    grid = (SHORTEST_YEARS + STEP_YEARS * step for step in range(steps + 1))
    return max((fit_sinusoid(years, numbers, period) for period in grid), key=lambda fit: fit.power)


def period_error(fit: Fit, years: list[float], numbers: list[float]) -> float:
    """Estimate one standard deviation of the period, in years, as if the residuals were white noise.

    Montgomery and O'Donoghue 1999, Delta Scuti Star Newsletter 13, 28. The true error is larger: the solar
    cycle is no sinusoid, and its residuals are correlated.
    """
    mean = sum(numbers) / len(numbers)
    variance = sum((number - mean) ** 2 for number in numbers) / len(numbers)
    residual = math.sqrt(variance * (1 - fit.power))
    duration = years[-1] - years[0]
    return math.sqrt(6 / len(years)) * residual / (math.pi * duration * fit.amplitude) * fit.period**2


def main() -> None:
    """Fit the pool that the environment names and write `period.json`."""
    first_year, last_year = int(os.environ["FIRST_YEAR"]), int(os.environ["LAST_YEAR"])
    years, numbers = read_series(Path("sunspots_yearly.csv"), first_year, last_year)
    fit = best_fit(years, numbers)
    record = {
        "pool": os.environ["POOL"],
        "first_year": first_year,
        "last_year": last_year,
        "years": len(years),
        "period_years": round(fit.period, 2),
        "period_error_years": round(period_error(fit, years, numbers), 3),
        "amplitude": round(fit.amplitude, 2),
        "power": round(fit.power, 4),
    }
    Path("period.json").write_text(json.dumps(record, indent=2) + "\n")
    print(f"{first_year} to {last_year}: {fit.period:.2f} years, power {fit.power:.2f}")


if __name__ == "__main__":
    main()
