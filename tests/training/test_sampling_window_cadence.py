"""Which examples a step sees, what is averaged between two reports, and when there is a report."""

from __future__ import annotations

import pytest
import torch

from tlcore.specs import Budget
from tlcore.training.context import Cadence
from tlcore.training.sampling import ShuffledBatches
from tlcore.training.window import MetricWindow

CPU = torch.device("cpu")


class TestShuffledBatches:
    @pytest.mark.parametrize(("count", "size"), [(10, 5), (10, 3), (7, 7), (4, 10)])
    def test_each_example_once_a_pass(self, count: int, size: int) -> None:
        """Batches run on over the ends of passes; a batch may hold more than a whole pass."""
        batches = ShuffledBatches(count, size, 0, CPU)
        drawn = torch.cat([batches.next() for _ in range(3 * count)])
        for one_pass in drawn.split(count)[:-1]:
            assert one_pass.sort().values.tolist() == list(range(count))
        assert all(len(batches.next()) == size for _ in range(5))

    def test_passes_differ_and_seeds_differ(self) -> None:
        batches, other = ShuffledBatches(50, 50, 0, CPU), ShuffledBatches(50, 50, 1, CPU)
        first = batches.next()
        assert not torch.equal(first, batches.next())
        assert not torch.equal(first, other.next())
        assert torch.equal(first, ShuffledBatches(50, 50, 0, CPU).next())

    def test_a_restored_position_draws_the_same(self) -> None:
        batches = ShuffledBatches(10, 4, 3, CPU)
        batches.next()
        state = {name: tensor.clone() for name, tensor in batches.state().items()}
        expected = [batches.next() for _ in range(8)]
        restored = ShuffledBatches(10, 4, 99, CPU)
        restored.restore(state)
        assert all(torch.equal(restored.next(), batch) for batch in expected)

    def test_the_global_generator_is_left_alone(self) -> None:
        before = torch.get_rng_state()
        ShuffledBatches(10, 4, 3, CPU).next()
        assert torch.equal(torch.get_rng_state(), before)


class TestMetricWindow:
    def test_means_since_the_last_fetch(self) -> None:
        window = MetricWindow(CPU)
        for loss, share in ((1.0, 0.0), (2.0, 1.0), (6.0, 1.0)):
            window.add({"loss": torch.tensor(loss), "share": torch.tensor(share, dtype=torch.float64)})
        assert window.fetch() == pytest.approx({"loss": 3.0, "share": 2 / 3})
        window.add({"loss": torch.tensor(8.0), "share": torch.tensor(0.5)})
        assert window.fetch() == {"loss": 8.0, "share": 0.5}

    def test_no_gradient_is_kept(self) -> None:
        window = MetricWindow(CPU)
        window.add({"loss": torch.tensor(1.0, requires_grad=True) * 2})
        assert not window.total.requires_grad

    def test_a_restored_window_goes_on(self) -> None:
        window, restored = MetricWindow(CPU), MetricWindow(CPU)
        window.add({"loss": torch.tensor(1.0)})
        restored.restore(window.state())
        restored.add({"loss": torch.tensor(2.0)})
        assert restored.fetch() == {"loss": 1.5}
        assert window.fetch() == {"loss": 1.0}  # what was restored is a copy

    def test_a_window_restored_before_anything_was_added(self) -> None:
        restored = MetricWindow(CPU)
        restored.restore(MetricWindow(CPU).state())
        restored.add({"loss": torch.tensor(2.0)})
        assert restored.fetch() == {"loss": 2.0}


class TestCadence:
    def test_evaluations_and_frames_are_evenly_spread_from_first_to_last(self) -> None:
        cadence = Cadence.of(Budget(steps=100, evaluations=4, frames=3))
        assert [step for step in range(101) if cadence.evaluation_due(step)] == [0, 25, 50, 75, 100]
        assert [step for step in range(101) if cadence.frame_due(step)] == [0, 33, 67, 100]

    def test_fewer_steps_than_evaluations_are_each_evaluated(self) -> None:
        cadence = Cadence.of(Budget(steps=3, evaluations=40))
        assert [step for step in range(4) if cadence.evaluation_due(step)] == [0, 1, 2, 3]

    def test_curves_have_about_four_hundred_points(self) -> None:
        cadence = Cadence.of(Budget(steps=4000, evaluations=7))
        due = [step for step in range(1, 4001) if cadence.metrics_due(step)]
        assert 400 <= len(due) <= 410
        assert due[:3] == [1, 2, 10]
        assert due[-1] == 4000
        assert all(cadence.metrics_due(step) for step in cadence.evaluation_steps if step)

    def test_step_mode_shows_every_step(self) -> None:
        cadence = Cadence.of(Budget(steps=4000))
        assert not (cadence.metrics_due(7) or cadence.frame_due(7))
        cadence.every_step = True
        assert cadence.metrics_due(7) and cadence.frame_due(7)

    def test_a_checkpoint_is_due_once_for_each_request(self) -> None:
        cadence = Cadence.of(Budget())
        assert not cadence.checkpoint_due(1)
        cadence.checkpoint_requested = True
        assert cadence.checkpoint_due(2)
        assert not cadence.checkpoint_due(3)
