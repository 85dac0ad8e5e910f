"""Data for other programs can be read back by them and is what the store holds."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow.parquet

from tlcore.exports import content_of, make


def test_npz_holds_every_frame(recorded):
    source = recorded(projections=("pca", "pca-3d"))
    with np.load(io.BytesIO(content_of([source], "npz")), allow_pickle=False) as arrays:
        assert arrays["pca_steps"].tolist() == arrays["pca_3d_steps"].tolist() == [0, 10, 20]
        assert arrays["pca_3d_points"].shape == (3, 24, 3)
        frames = source.store.frames(source.run.id, "pca")
        assert np.array_equal(arrays["pca_points"], np.stack([frame.points for frame in frames]))
        assert arrays["class_names"].tolist() == ["nought", "one", "two"]


def test_parquet_has_a_row_for_each_point_of_each_frame(pair):
    table = pyarrow.parquet.read_table(io.BytesIO(content_of(pair, "parquet")))
    rows = table.to_pandas()
    assert len(rows) == 2 * 2 * 3 * 24
    frame = pair[1].store.frames(pair[1].run.id, "umap")[1]
    chosen = rows[(rows.run == pair[1].run.id) & (rows.projection == "umap") & (rows.step == 10)]
    assert chosen.point.tolist() == list(range(24))
    assert np.array_equal(chosen[["x", "y"]].to_numpy(np.float32), frame.points)
    assert chosen.z.isna().all()
    assert chosen.domain.tolist()[:3] == ["source", "target", "source"]
    assert chosen.label.tolist()[:4] == ["nought", "one", "two", "nought"]
    assert chosen.prediction.tolist()[:2] == ["one", "two"]
    assert chosen.correct.tolist() == [False] * 10 + [True] * 14
    described = json.loads(table.schema.metadata[b"runs"])
    assert [run["id"] for run in described] == [source.run.id for source in pair]


def test_parquet_keeps_depth_and_missing_places(recorded):
    def spoil(points):
        points[3, 0] = np.nan
        return points

    made = make([recorded(projections=("umap-3d",), change=spoil)], "parquet")
    rows = pyarrow.parquet.read_table(io.BytesIO(made.content)).to_pandas()
    assert rows.z.tolist()[:7] == [0, 1, 2, 3, 4, 5, 6]
    assert rows.x.isna().sum() == 3
    assert made.remarks == ("3 coordinates are not a number; the file keeps them as such.",)


def test_json_and_csv_tell_the_curves(recorded):
    source = recorded()
    document = json.loads(content_of([source], "json"))
    assert document["curves"]["target_accuracy"] == {"steps": [0, 10, 20], "values": [0.5, 0.6, 0.7]}
    lines = content_of([source], "csv").decode().splitlines()
    assert lines[0] == "step,domain_accuracy,grl_lambda,target_accuracy" and lines[2] == "10,0.9,0.5,0.6"
