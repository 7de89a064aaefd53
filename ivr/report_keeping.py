"""The running line counts what is over, so that no reader of reports waits for it."""

import asyncio

import structlog

from ivr.errors import StoreError
from ivr.store.reports import ReportStore

log = structlog.get_logger()

KEEP_EVERY_S = 600.0


async def keep_reports(reports: ReportStore) -> None:
    """Until it is cancelled; a database that is away is asked again the next time."""
    while True:
        await asyncio.sleep(KEEP_EVERY_S)
        try:
            kept = await reports.keep()
        except StoreError as error:
            log.warning("reports_not_counted_beforehand", reason=str(error))
            continue
        if kept:
            log.info("reports_counted_beforehand", parts=kept)
