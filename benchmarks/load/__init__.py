"""Many people at once: real Streamlit sessions, real kills, a table of what held: `python -m benchmarks.load --help`"""
