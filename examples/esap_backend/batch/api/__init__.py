"""The REST interface to batch jobs, for ESAP's front end."""
