"""Facilities that exist only in memory, with which a platform is developed before any back end exists."""
