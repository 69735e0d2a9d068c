"""Servers that are wrong in exactly one way, which prove that the kit sees it."""
