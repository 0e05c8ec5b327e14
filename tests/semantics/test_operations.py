"""Every operation, at every site of the corpus, against its independent oracle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.semantics.corpus import RUNNERS, first_failure

from plumbob.semantics import OPERATIONS

if TYPE_CHECKING:
    from tests.semantics.corpus import Runner


@pytest.mark.parametrize("runner", RUNNERS.values(), ids=list(RUNNERS))
@pytest.mark.parametrize("name", OPERATIONS)
def test_the_definition_agrees_with_the_oracle(name: str, runner: Runner) -> None:
    assert first_failure(OPERATIONS[name], runner) is None
