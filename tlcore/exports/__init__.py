"""Runs as files for elsewhere: film, picture, tables, weights. No torch, and matplotlib only once it draws."""

from tlcore.exports.files import FORMATS, PICTURES, SINGLE_RUN, Made, content_of, export, make
from tlcore.exports.shown import Source, View
from tlcore.exports.tables import describe

__all__ = ["FORMATS", "PICTURES", "SINGLE_RUN", "Made", "Source", "View", "content_of", "describe", "export", "make"]
