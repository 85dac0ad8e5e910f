"""Transfer learning you can watch: specs, runs, training and plots. `import tlcore` stays light; torch is loaded by workers."""

__version__ = "0.1.0"
