"""A stand-in for ESAP's own project: what `batch` needs of it, and no more."""
