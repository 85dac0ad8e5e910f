"""Animals drawn from a table of attributes: what zero-shot learning can be tried on without a download."""
