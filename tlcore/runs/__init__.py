"""What happened: the store of runs, their events and their records."""
