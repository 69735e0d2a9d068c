"""The demonstration: the main job on a real facility, and three certificates."""
