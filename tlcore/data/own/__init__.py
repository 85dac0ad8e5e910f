"""A user's own pictures and features: looked at, imported into the data folder, and loaded from there.

Everything here but `load` works without torch. Nothing is trusted: what comes from outside is bounded in bytes, pixels,
members and rows before it is read, nothing is written under a name that it gives, and no link is followed.
"""
