"""What to measure besides accuracy: how far apart domains are, what a run learned, and which model to keep.

Everything here is a pure function of NumPy arrays and seeds; nothing trains a network or reads a file.
"""
