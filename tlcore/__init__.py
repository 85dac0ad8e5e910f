"""Transfer learning you can watch: specs, runs, training and plots. Importing it loads no torch: workers do."""

__version__ = "0.1.0"
