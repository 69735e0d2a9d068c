"""Bring a measured temperature to whole hours, fill its gaps, forecast its last days, and draw all of it.

Every step is the library Timeseria's; the series is one of those that it carries: the temperature of a room,
every ten minutes from January to May 2019, with gaps of up to two days where nothing was measured. The last
days are held back: they are forecast from what was before, and compared with what was measured then.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from matplotlib import pyplot as plt
from timeseria import TEST_DATASETS_PATH
from timeseria.datastructures import TimeSeries
from timeseria.models import PeriodicAverageForecaster, PeriodicAverageReconstructor

LABEL = "temperature"
SHOWN_DAYS = 9
MEASURED, FILLED, FORECAST = "#4a6fa5", "#d98200", "#b2182b"


def values(series: Sequence) -> list[float]:
    """Return the temperatures of a series, in degrees Celsius."""
    return [float(point.data[LABEL]) for point in series]


def times(series: Sequence) -> list[datetime]:
    """Return the times of a series, in UTC."""
    return [point.dt for point in series]


def fill_gaps(hourly: TimeSeries) -> tuple[TimeSeries, list[bool]]:
    """Give every hour without any measurement the value of the mean day, moved to meet the gap's two ends."""
    lost = [point.data_loss == 1 for point in hourly]
    reconstructor = PeriodicAverageReconstructor()
    reconstructor.fit(hourly)
    return reconstructor.apply(hourly), lost


def errors(forecast: Sequence[float], measured: Sequence[float]) -> dict[str, float]:
    """Return how far a forecast is from what was measured, in kelvin."""
    differences = [ours - theirs for ours, theirs in zip(forecast, measured, strict=True)]
    return {
        "mean_absolute_error": round(sum(map(abs, differences)) / len(differences), 3),
        "root_mean_square_error": round(math.hypot(*differences) / math.sqrt(len(differences)), 3),
    }


def longest_run(marks: Sequence[bool]) -> tuple[int, int]:
    """Return where the longest run of marks begins, and how long it is."""
    best, length = (0, 0), 0
    for place, mark in enumerate(marks):
        length = length + 1 if mark else 0
        best = max(best, (place + 1 - length, length), key=lambda run: run[1])
    return best


def draw(filled: TimeSeries, lost: Sequence[bool], forecast: Sequence, path: Path) -> None:
    """Draw the longest gap, and below it the forecast over what was measured."""
    start, length = longest_run(lost)
    figure, (above, below) = plt.subplots(2, 1, figsize=(9, 7), layout="constrained")
    around = range(max(start - 24 * 3, 0), min(start + length + 24 * 3, len(filled)))
    above.plot([filled[i].dt for i in around], [filled[i].data[LABEL] for i in around], color=MEASURED)
    gap = range(start, start + length)
    above.plot([filled[i].dt for i in gap], [filled[i].data[LABEL] for i in gap], color=FILLED, linewidth=2)
    above.set_title(f"The longest gap: {length} hours, filled by periodic averages")
    last = filled[-24 * SHOWN_DAYS :]
    below.plot(times(last), values(last), color=MEASURED, label="measured")
    below.plot(times(forecast), values(forecast), color=FORECAST, linewidth=2, label="forecast")
    below.set_title(f"The last {len(forecast)} hours, forecast from all before")
    below.legend()
    for axes in (above, below):
        axes.set_ylabel("Temperature (°C)")
        axes.grid(alpha=0.3)
        axes.tick_params(axis="x", rotation=20)
    figure.savefig(path, dpi=110)


def write_hours(filled: TimeSeries, lost: Sequence[bool], forecast: Sequence, path: Path) -> None:
    """Write a line per hour: its middle, its temperature, whether that was filled in, and any forecast."""
    foretold = {point.t: float(point.data[LABEL]) for point in forecast}
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["epoch", "temperature", "filled", "forecast"])
        for point, was_lost in zip(filled, lost, strict=True):
            said = f"{foretold[point.t]:.6f}" if point.t in foretold else ""
            writer.writerow([int(point.t), f"{point.data[LABEL]:.6f}", int(was_lost), said])


def main() -> None:
    """Write `hourly.csv`, `temperature.png` and `figures.json`."""
    hours = int(os.environ["FORECAST_HOURS"])
    measured = TimeSeries.from_csv(str(Path(TEST_DATASETS_PATH) / "temperature.csv"))
    filled, lost = fill_gaps(measured.resample("1h"))
    known, held_back = filled[:-hours], filled[-hours:]
    forecaster = PeriodicAverageForecaster()
    forecaster.fit(known)
    forecast = forecaster.forecast(known, steps=hours)
    write_hours(filled, lost, forecast, Path("hourly.csv"))
    draw(filled, lost, forecast, Path("temperature.png"))
    figures = {
        "measurements": len(measured),
        "first": measured[0].dt.isoformat(),
        "last": measured[-1].dt.isoformat(),
        "hours": len(filled),
        "hours_filled": sum(lost),
        "longest_gap_hours": longest_run(lost)[1],
        "period_hours": forecaster.data["periodicities"][LABEL],
        "forecast_hours": hours,
        "forecast": errors(values(forecast), values(held_back)),
        "last_value_repeated": errors([values(known)[-1]] * hours, values(held_back)),
    }
    Path("figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(f"{sum(lost)} of {len(filled)} hours filled, {hours} forecast")


if __name__ == "__main__":
    main()
