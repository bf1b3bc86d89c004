"""The asyncio shell around a kernel: clocks, effects, cancellation, shutdown."""
