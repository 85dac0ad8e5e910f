"""A store with a real supervisor, as the tests of execution have it."""

from tests.execution.conftest import lab as lab
