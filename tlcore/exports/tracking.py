"""Runs to MLflow, for those who keep their experiments there: needs MLFLOW_TRACKING_URI and the package mlflow."""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Sequence
from typing import Any

from tlcore.errors import InvalidRequest, StoreError
from tlcore.exports.shown import Source
from tlcore.runs.differences import flatten
from tlcore.runs.store import Run, Store

ADDRESS = "MLFLOW_TRACKING_URI"
EXPERIMENT = "MLFLOW_EXPERIMENT_NAME"
BATCH = 1000  # MLflow takes no more metrics in one call
PARAMETERS = 100  # and no more parameters
LONGEST_VALUE = 500
MOST_TRIES = 1000  # of one run, among which a whole one is looked for
_STATES = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}


def tracking_available() -> bool:
    """Whether runs can be logged: an address is set and the package is there."""
    return bool(os.environ.get(ADDRESS)) and importlib.util.find_spec("mlflow") is not None


def log_to_mlflow(sources: Sequence[Source]) -> list[str]:
    """Log ended runs with parameters, curves and tags; return MLflow's identities, one for each.

    A run that was logged to this experiment before is found by its tag `tlcore.run` and not logged twice. One that
    broke off half-way does not count: it is logged anew.

    Raises:
        InvalidRequest: no address is set, mlflow is not installed, or a run has not ended.
        StoreError: the server does not answer or refuses.
    """
    if not os.environ.get(ADDRESS):
        raise InvalidRequest(f"Set {ADDRESS} to the address of the MLflow server.")
    if importlib.util.find_spec("mlflow") is None:
        raise InvalidRequest("mlflow is not installed; pip install mlflow-skinny brings what is needed.")
    for _, run in sources:
        if run.live:
            raise InvalidRequest(f"Run {run.id} is {run.state}; runs are logged once they have ended.")
    from mlflow.tracking import MlflowClient

    try:
        client = MlflowClient()
        name = os.environ.get(EXPERIMENT) or "transfer-learning-lab"
        known = client.get_experiment_by_name(name)
        experiment = known.experiment_id if known is not None else client.create_experiment(name)
        return [_log(client, experiment, store, run) for store, run in sources]
    except Exception as error:  # of mlflow, its transport or its database: whichever, the person is told
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise StoreError(f"MLflow did not take the run: {reason.rstrip('.')}.") from None


def _log(client: Any, experiment: str, store: Store, run: Run) -> str:
    from mlflow.entities import Metric, Param, RunTag

    found = client.search_runs([experiment], f"tags.`tlcore.run` = '{run.id}'", max_results=MOST_TRIES)
    whole = [one for one in found if one.info.status in _STATES.values()]
    if whole:
        return str(whole[0].info.run_id)
    label = store.label(run.id)
    tags = {
        "tlcore.run": run.id, "tlcore.preset": run.preset or "", "tlcore.arm": run.arm or "",
        "tlcore.tags": ", ".join(label.tags),
        "mlflow.runName": label.name or f"{run.arm or run.spec.method.name}, seed {run.spec.seed}",
    }  # fmt: skip
    begin = run.started or run.created
    made = client.create_run(experiment, start_time=int(begin * 1000), tags=tags)
    identity = str(made.info.run_id)
    parameters = [Param(path, str(value)[:LONGEST_VALUE]) for path, value in flatten(run.spec).items()]
    for place in range(0, len(parameters), PARAMETERS):
        client.log_batch(identity, params=parameters[place : place + PARAMETERS])
    moment = int((run.ended or begin) * 1000)
    points = [
        Metric(name, value, moment, step)
        for name, series in store.metrics(run.id).items()
        for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True)
        if math.isfinite(value)
    ]
    for place in range(0, len(points), BATCH):
        client.log_batch(identity, metrics=points[place : place + BATCH])
    if label.note:
        client.log_batch(identity, tags=[RunTag("mlflow.note.content", label.note)])
    client.set_terminated(identity, _STATES[run.state], end_time=moment)
    return identity
