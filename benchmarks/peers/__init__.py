"""Servers that ours is measured against, and ours in a special setting."""
