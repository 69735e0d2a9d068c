"""The tables of batch jobs."""
