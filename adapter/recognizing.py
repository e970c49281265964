"""The recogniser and its threads, opened alike by the service and by a worker."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from adapter.settings import Settings
from inference.models import PerformanceHint
from inference.recognizer import Recognizer, open_recognizer
from inference.watch import Reads


async def load_recognizer(settings: Settings) -> Recognizer:
    """Loading a model takes a second or two of computing; the event loop is not needed for it."""
    return await asyncio.to_thread(
        open_recognizer,
        settings.pack,
        device=settings.device,
        data_dir=settings.data,
        threads=settings.inference_threads,
        hint=PerformanceHint(settings.performance_hint),
    )


def inference_threads(reader: Reads, settings: Settings) -> ThreadPoolExecutor:
    """As many threads as the recogniser has requests: one more would only wait, one fewer leave a request idle."""
    at_once = reader.at_once if isinstance(reader, Recognizer) else max(1, settings.inference_threads)
    return ThreadPoolExecutor(at_once, thread_name_prefix="inference")
