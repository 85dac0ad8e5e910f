"""How a run is trained: events, cadence, schedules, the evaluator that alone holds target labels."""
