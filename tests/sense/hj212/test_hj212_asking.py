"""What the connector asks of a station, and what becomes of the question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tianmu.sense.hj212.asking import NotAnswered, NotConnected
from tianmu.sense.hj212.frame import pack
from tianmu.sense.hj212.segment import Message
from waiting import until

from .logger import MN, Ledger, Logger, run, running, stamp, upload


async def answer(logger: Logger, replies: Callable[[Message], list[str]]) -> Message:
    """Answer one request with segments (``{qn}`` is filled in)."""
    asked = await logger.next()
    for text in replies(asked):
        await logger.send(pack(text.format(qn=asked.field("QN")).encode()))
    return asked


def _returns(cn: str, text: str) -> str:
    return f"QN={{qn}};ST=91;CN={cn};PW=123456;MN={MN};Flag=4;CP=&&{text}&&"


@run
async def test_a_request_is_followed_to_its_end() -> None:
    ledger = Ledger({"over_time": 0.2})
    async with running(ledger) as (connector, connect):
        logger = await connect()
        with pytest.raises(NotConnected):
            await connector.ask(MN, "1011")
        await logger.send(upload(system="21"))
        await logger.next()
        record = (f"QN=9;ST=21;CN=2061;PW=123456;MN={MN};Flag=5;"
                  f"CP=&&DataTime={stamp()};w01018-Avg=7&&")  # fmt: skip
        asking = asyncio.create_task(
            connector.history(MN, "2061", ledger.now() - 7200_000_000, ledger.now())
        )
        lost = await logger.next()  # not answered: sent again under the same QN
        asked = await answer(
            logger,
            lambda m: [_returns("9011", "QnRtn=1"), record, _returns("9012", "ExeRtn=1")],
        )
        assert asked == lost and asked.field("Flag") == "5" and asked.field("ST") == "21"
        assert [name for name, _ in asked.groups[0]] == ["BeginTime", "EndTime"]
        reply = await asking
        assert (
            reply.ok
            and reply.sent == 2
            and (reply.request_return, reply.execution_return) == (1, 1)
        )
        assert [m.value("w01018-Avg") for m in reply.answers] == ["7"]
        assert (await logger.next()).field("CN") == "9014"
        assert list(ledger.taken[-1][0].property) == ["w01018.hour"]

        asking = asyncio.create_task(connector.ask(MN, "3019", [("PolId", "w01018")]))
        await answer(logger, lambda m: [_returns("9011", "QnRtn=3")])
        reply = await asking
        assert not reply.ok and reply.problem() == "wrong PW" and reply.problem("zh") == "PW错误"

        asking = asyncio.create_task(connector.ask(MN, "2012"))
        await answer(logger, lambda m: [_returns("9013", "")])
        assert (await asking).ok

        with pytest.raises(NotAnswered, match=r"3 × 0\.2 s"):
            await connector.set_time(MN)
        assert connector.state()["requests_unanswered"] == 1


@run
async def test_answers_of_2005_name_the_request_in_the_data_area() -> None:
    ledger = Ledger()
    async with running(ledger) as (connector, connect):
        logger = await connect()
        await logger.send(upload(flag="", qn=""))
        await until(lambda: bool(ledger.taken))
        asking = asyncio.create_task(connector.set_time(MN))
        asked = await answer(
            logger,
            lambda m: [
                f"ST=91;CN=9011;PW=123456;MN={MN};Flag=0;CP=&&QN={{qn}};QnRtn=1&&",
                f"ST=91;CN=9012;PW=123456;MN={MN};CP=&&QN={{qn}};ExeRtn=1&&",
            ],
        )
        assert asked.field("Flag") == "1" and len(asked.value("SystemTime")) == 14
        assert (await asking).ok


@run
async def test_first_connection_is_set_up_in_the_standards_order() -> None:
    setup = {"time": True, "over_time": 5, "recount": 3, "real_time_interval": 30,
             "minute_interval": 10, "real_time": True, "state": False}  # fmt: skip
    ledger = Ledger({"setup": setup, "over_time": 0.5})
    async with running(ledger) as (connector, connect):
        logger = await connect()
        await logger.send(upload(flag="Flag=4;"))
        told = []
        for _ in range(6):
            asked = await answer(
                logger,
                lambda m: (
                    [_returns("9013", "")]
                    if m.field("CN") == "2022"
                    else [_returns("9011", "QnRtn=1"), _returns("9012", "ExeRtn=1")]
                ),
            )
            told.append((asked.field("CN"), asked.groups))
        assert [cn for cn, _ in told] == ["1000", "1012", "1062", "1064", "2011", "2022"]
        assert told[0][1] == ((("OverTime", "5"),), (("ReCount", "3"),))
        assert told[2][1] == ((("RtdInterval", "30"),),)
        await until(lambda: bool(connector.state().get("set_up")))
        # it asks for the time later: notified, then set
        await logger.send(pack(f"QN=5;ST=91;CN=1013;PW=123456;MN={MN};Flag=5;CP=&&&&".encode()))
        assert (await logger.next()).field("CN") == "9013"
        assert (await logger.next()).field("CN") == "1012"
