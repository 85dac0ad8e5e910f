"""The methods: one module a family, a generator of events each."""
