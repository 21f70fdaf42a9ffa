"""How a command's asynchronous part is run."""

from __future__ import annotations

from poolwatch.cli.command import run_async


class Large:
    """A result whose text would cost."""

    texts = 0

    def __repr__(self) -> str:
        self.texts += 1
        return "large"


def test_no_text_of_a_result_is_made() -> None:
    large = Large()

    async def work() -> Large:
        return large

    assert run_async(work) is large
    assert large.texts == 0
