"""Figures for monitoring systems, as OpenMetrics or in Prometheus' older text format: `GET /metrics`."""

from __future__ import annotations

import asyncio

from aiohttp import web
from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry
from prometheus_client.exposition import choose_encoder

from adapter.api.endpoint import Call, Endpoint
from adapter.api.errors import ApiError
from adapter.api.metric_families import FigureCollector, Figures, OutputFigures
from adapter.api.openapi import product_version
from adapter.api.ports import OutputCounts, Services

PATH = "/metrics"
OPENMETRICS = "application/openmetrics-text"

# A camera is some 35 series of a hundred bytes; what is beyond is counted as left out.
MOST_CAMERAS = 500
MOST_OUTPUTS = 100
# Prometheus waits ten seconds unless it is told otherwise; the reason should arrive before it gives up.
SCRAPE_WITHIN_S = 8.0

# One scrape at a time: many monitoring systems, or one in a hurry, cost no more than one core of writing.
_SCRAPING = web.AppKey("scraping", asyncio.Lock)


def add_state(app: web.Application) -> None:
    app[_SCRAPING] = asyncio.Lock()


async def _metrics(call: Call) -> web.Response:
    try:
        async with asyncio.timeout(SCRAPE_WITHIN_S), call.request.app[_SCRAPING]:
            figures = await _figures(call.services)
            body, content_type = await asyncio.to_thread(_written, figures, call.request.headers.get("Accept", ""))
    except TimeoutError as error:
        raise ApiError(
            503, "busy", f"The figures were not ready within {SCRAPE_WITHIN_S:g} s; scrape less often, or later."
        ) from error
    response = web.Response(body=body, headers={"Content-Type": content_type})
    response.enable_compression()
    return response


ENDPOINT = Endpoint(
    method="GET",
    path=PATH,
    summary="Figures for monitoring systems (OpenMetrics, or Prometheus' text format)",
    run=_metrics,
    media_type=OPENMETRICS,
)


async def _figures(services: Services) -> Figures:
    store = services.store
    cameras = await services.cameras.figures()
    outputs, queues = await store.outputs.all(), await store.outbox.figures()
    counts = services.server.output_counts()
    told = []
    for output in outputs[:MOST_OUTPUTS]:
        queue = queues.get(output.output_id)
        told.append(
            OutputFigures(
                output_id=output.output_id,
                name=output.name,
                kind=output.kind,
                enabled=output.enabled,
                counts=counts.get(output.output_id, OutputCounts()),
                pending=queue.pending if queue else 0,
                parked=queue.parked if queue else 0,
            )
        )
    return Figures(
        version=product_version(),
        cameras=cameras[:MOST_CAMERAS],
        outputs=told,
        cameras_left_out=max(0, len(cameras) - MOST_CAMERAS),
        outputs_left_out=max(0, len(outputs) - MOST_OUTPUTS),
    )


def _written(figures: Figures, accept: str) -> tuple[bytes, str]:
    """The text and its type. Blocks: thousands of lines, and a look at this process."""
    registry = CollectorRegistry()
    for collector in (FigureCollector(figures), PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        registry.register(collector)
    # Of the versions that a caller may list, OpenMetrics 1.0 and the oldest text format are understood by all.
    encode, content_type = choose_encoder(OPENMETRICS if OPENMETRICS in accept.lower() else "")
    return encode(registry), content_type
