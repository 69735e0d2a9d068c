"""The checks, one module to an area; each begins with the id of the requirement that it assesses."""
