"""The errors a person is meant to read: one clear sentence each, shown without a traceback."""

from __future__ import annotations


class LabError(Exception):
    """Something the person asked for cannot be done; the message is the sentence to show."""


class InvalidRequest(LabError):
    """What was asked for does not make sense: unknown preset, parameter out of range, bad argument."""


class FileExists(InvalidRequest):
    """A file is not replaced unasked; how to ask depends on where somebody does."""


class MissingData(LabError):
    """A data set is not on this machine; the message says what is missing and how to get it."""


class StoreError(LabError):
    """The store cannot be read or written."""


class NotWritable(StoreError):
    """The store can be read but not written."""


class OutOfSpace(StoreError):
    """No disk space is left where the store lives."""


class RunFailed(LabError):
    """A run ended without a result; the message gives the reason."""
