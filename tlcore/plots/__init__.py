"""Plotly figures from what the store holds: for pages, notebooks and exports alike. Imports no torch."""
