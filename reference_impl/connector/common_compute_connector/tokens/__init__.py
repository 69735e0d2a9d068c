"""The kinds of bearer token that `access` takes."""
