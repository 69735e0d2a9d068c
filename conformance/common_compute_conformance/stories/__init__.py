"""Tell random stories of several jobs and callers, and hold a target against a model."""
