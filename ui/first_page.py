"""Importing this loads what the first page of a server needs, with the films of the map."""

from ui import entrance, home_choice, home_map, home_now, page

__all__ = ["entrance", "home_choice", "home_map", "home_now", "page"]

for corner in home_map.CORNERS:
    for method in corner.methods:
        home_map.film_of(method.preset, method.colour_by)
