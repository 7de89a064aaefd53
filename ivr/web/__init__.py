"""The console: aiohttp pages and one WebSocket."""
