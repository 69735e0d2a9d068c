"""The DIRAC connector: jobs on a grid, with the software that its sites have installed."""
