"""The command line: the top floor, which alone knows all rooms."""
