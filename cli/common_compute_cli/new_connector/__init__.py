"""What `common-compute new-connector` writes: a project whose connector runs, and is not quite finished."""
