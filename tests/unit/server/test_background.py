from __future__ import annotations

import asyncio
import logging

import pytest

from server.background import Background


class Flaky:
    """Work that fails so many times and then runs for ever."""

    def __init__(self, failures: int, error: BaseException) -> None:
        self.failures, self.error = failures, error
        self.runs = 0
        self.settled = asyncio.Event()

    async def __call__(self) -> None:
        self.runs += 1
        if self.runs <= self.failures:
            raise self.error
        self.settled.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("error", [ValueError("odd"), OSError("gone"), asyncio.CancelledError("by a library")])
async def test_a_task_that_fails_is_logged_counted_shown_and_started_again(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    background, work = Background(first_pause=0.001), Flaky(2, error)
    async with background.running("beat", work):
        await work.settled.wait()
        state = background.tasks["beat"]
        assert state.as_dict() == {
            "status": "running",
            "failures": 2,
            "reason": f"{type(error).__name__}: {error}",
        }
        assert not background.sound
    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [getattr(record, "task", None) for record in records] == ["beat", "beat"]
    assert all(record.exc_info for record in records)


async def test_the_pause_before_a_restart_grows_to_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    background, work = Background(first_pause=0.001, longest_pause=0.004), Flaky(5, ValueError())
    async with background.running("beat", work):
        await work.settled.wait()
    pauses = [record.restart_in for record in caplog.records if hasattr(record, "restart_in")]
    assert pauses == [0.001, 0.002, 0.004, 0.004, 0.004]


async def test_work_that_returns_is_done() -> None:
    async def once() -> None:
        return

    background = Background()
    async with background.running("migrations", once):
        await asyncio.sleep(0)
        assert background.tasks["migrations"].as_dict() == {"status": "done", "failures": 0}
        assert background.sound


async def test_it_ends_with_its_body_also_while_it_waits_to_restart() -> None:
    background, work = Background(first_pause=3600), Flaky(1, ValueError())
    async with background.running("beat", work):
        while background.tasks["beat"].status == "running":  # noqa: ASYNC110 -- one turn of the loop
            await asyncio.sleep(0)
        assert background.tasks["beat"].status == "restarting"
    assert work.runs == 1


async def test_a_cancellation_that_a_library_loses_does_not_keep_the_server_from_stopping() -> None:
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def polling() -> None:
        await asyncio.wait_for(answer, 60)
        await asyncio.Event().wait()

    async with asyncio.timeout(30) as limit, Background().running("authority", polling):
        await asyncio.sleep(0)
        answer.set_result(None)
    assert not limit.expired()
