"""The command line: the top floor, which alone knows all rooms."""

from importlib.metadata import version

__version__ = version("common-compute")
