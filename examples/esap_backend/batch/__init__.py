"""Batch jobs in ESAP: what a user selected, run at a computing facility behind a Common Compute API."""
